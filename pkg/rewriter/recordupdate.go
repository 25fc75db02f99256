package rewriter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

const updateTimeout = 10 * time.Second

// UpdateRecord saves what the run proved, or takes back what it refuted, given the record that the run
// began with. Others may have changed that record since, so UpdateRecord loads it again. What they took
// back stays taken back. UpdateRecord requires get, create and patch on the ConfigMap. It takes at most ten seconds,
// also if the context has ended: what an interrupted run refuted is taken back as well.
func (r *Result) UpdateRecord(
	ctx context.Context, config *rest.Config, loaded *Record, updateID, toolVersion string,
) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), updateTimeout)
	defer cancel()
	refutes := r.refutes()
	if !refutes && r.NewRecord(loaded, updateID, toolVersion) == nil {
		return nil
	}
	stored, err := LoadRecord(ctx, config)
	var foreign foreignRecord
	switch {
	case errors.As(err, &foreign):
		stored, err = nil, nil // it is ignored, and may be replaced
	case err != nil && refutes:
		stored = loaded // it does no harm to take back too much
	case err != nil:
		return err
	}
	record := r.NewRecord(stored, updateID, toolVersion)
	switch {
	case record == nil:
		return err
	case !refutes && !stored.follows(loaded, record):
		return hint.Wrap(fmt.Errorf("the result is not recorded: the record in ConfigMap %s was changed during the run",
			recordName), "kubectl eks-encrypt verify --probe records it")
	}
	return SaveRecord(ctx, config, *record)
}

// follows reports whether a run that began with the record loaded, and ends with the stored one, may save
// next. Others may add to the record during the run. They must not take something back, delete the record
// or note another association: the run may rest on what the record no longer says.
func (record *Record) follows(loaded, next *Record) bool {
	switch {
	case record == nil || loaded == nil:
		return record == loaded || record.matches(next.ClusterARN, next.KeyARN)
	case *record == *loaded:
		return true
	case !record.matches(next.ClusterARN, next.KeyARN):
		return false
	case !loaded.matches(next.ClusterARN, next.KeyARN):
		return true
	}
	return record.ResourceVersionBefore == loaded.ResourceVersionBefore &&
		record.WriteKeyBefore == loaded.WriteKeyBefore &&
		(loaded.WriteKey == "" || record.WriteKey == loaded.WriteKey) &&
		(!loaded.Agreed || record.Agreed && record.ResourceVersion == loaded.ResourceVersion) &&
		(loaded.ProvenResourceVersion == "" || record.ProvenResourceVersion != "")
}
