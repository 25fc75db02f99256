package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// contextsAtOnce is how many clusters are asked about side by side.
const contextsAtOnce = 16

// all reports on every cluster of the kubeconfig. One that fails doesn't hide the
// others.
func (o *statusOptions) all(ctx context.Context, require encryption.Requirement) error {
	names := o.contexts()
	if len(names) == 0 {
		_, err := o.target("") // says what is missing
		return err
	}
	reports := make([]v1alpha1.EncryptionReport, len(names))
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(contextsAtOnce)
	for i, name := range names {
		g.Go(func() error {
			reports[i], errs[i] = o.contextReport(ctx, name)
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	list := v1alpha1.EncryptionReportList{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReportList), Items: distinct(reports)}
	if o.format.ForPeople() {
		if err := output.EncryptionTable(o.Out, list.Items, o.format.Wide()); err != nil {
			return err
		}
		for i := range errs {
			if errs[i] != nil {
				fmt.Fprintf(o.ErrOut, "context %s: %s\n", names[i], output.Clean(errs[i].Error()))
			}
		}
	} else if err := o.format.Print(o.Out, &list); err != nil {
		return err
	}
	return listError(list.Items, require)
}

func (o *statusOptions) contextReport(ctx context.Context, name string) (v1alpha1.EncryptionReport, error) {
	t, err := o.target(name)
	var notEKS *binding.NotEKSError
	if errors.As(err, &notEKS) {
		return inspect.NotEKS(notEKS), nil
	}
	if err != nil {
		return inspect.Unknown(binding.Target{Context: name, Name: t.Name}, err), err
	}
	result, _ := o.inspect(ctx, t)
	return result.Report, result.Err
}

// distinct keeps one report a cluster, the one that tells most, and names the
// other contexts in its notes.
func distinct(reports []v1alpha1.EncryptionReport) []v1alpha1.EncryptionReport {
	var items []v1alpha1.EncryptionReport
	at := map[string]int{}
	for _, r := range reports {
		i, seen := at[r.Cluster.ARN]
		if r.Cluster.ARN == "" || !seen {
			at[r.Cluster.ARN] = len(items)
			items = append(items, r)
			continue
		}
		kept, other := items[i], r
		if better(other, kept) {
			kept, other = other, kept
		}
		kept.Notes = append(slices.Clone(kept.Notes), fmt.Sprintf("context %s leads to this cluster, too", other.Cluster.Context))
		items[i] = kept
	}
	return items
}

func better(a, b v1alpha1.EncryptionReport) bool {
	rank := func(r v1alpha1.EncryptionReport) int {
		n := 0
		if r.Encryption.Verdict != v1alpha1.VerdictUnknown {
			n += 2
		}
		if r.Cluster.Guard == v1alpha1.GuardMatch {
			n++
		}
		return n
	}
	return rank(a) > rank(b)
}

// listError maps the reports to one exit code: a finding outweighs what can't be
// told. Contexts that are no EKS clusters don't count, unless there is nothing else.
func listError(items []v1alpha1.EncryptionReport, require encryption.Requirement) error {
	var failed, unknown []string
	clusters := 0
	for i := range items {
		r := &items[i]
		if r.Encryption.Verdict == v1alpha1.VerdictNotApplicable {
			continue
		}
		clusters++
		result := v1alpha1.ResultPass
		if require != "" {
			result, _ = require.Check(r)
		} else if r.Encryption.Verdict == v1alpha1.VerdictUnknown {
			result = v1alpha1.ResultUnknown
		}
		name := r.Cluster.Name
		if name == "" {
			name = r.Cluster.Context
		}
		switch result {
		case v1alpha1.ResultFail:
			failed = append(failed, name)
		case v1alpha1.ResultUnknown:
			unknown = append(unknown, name)
		}
	}
	switch {
	case len(failed) > 0:
		return exit(exitFinding, fmt.Errorf("--require %s does not hold for %s", require, strings.Join(failed, ", ")))
	case len(unknown) > 0:
		return exit(exitCannotTell, fmt.Errorf("can't tell for %s", strings.Join(unknown, ", ")))
	case clusters == 0:
		return exit(exitCannotTell, errors.New("no context of the kubeconfig is an EKS cluster"))
	}
	return nil
}
