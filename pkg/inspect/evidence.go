package inspect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// EvidenceSource holds the clients that AddKeyEvidence calls, by region.
type EvidenceSource struct {
	KMS    func(region string) kms.EvidenceReader
	Events func(region string) kms.Events
}

// AddKeyEvidence adds what KMS and CloudTrail show about the key of the cluster to a report. It does nothing if the
// report describes no key.
func AddKeyEvidence(ctx context.Context, src EvidenceSource, r *v1alpha1.EncryptionReport, roleARN string,
	now time.Time) {
	if r.Key == nil {
		return
	}
	region := parseARN(r.Key.ARN).Region
	o := kms.EvidenceOptions{
		Key: *r.Key, Requester: kms.Requester{Region: r.Cluster.Region, ClusterRole: roleARN},
		Events: src.Events(region), OfCluster: true, Now: now,
	}
	if r.Caller != nil {
		o.Account, o.ARN = r.Caller.Account, r.Caller.ARN
	}
	found := kms.ReadEvidence(ctx, src.KMS(region), o)
	if r.Evidence == nil {
		r.Evidence = &v1alpha1.Evidence{}
	}
	r.Evidence.Key = &found
}

// roleNotes explains a failed association or a health issue that is about the cluster's role.
func roleNotes(r *v1alpha1.EncryptionReport, roleARN string) (notes []string) {
	keyARN := r.Encryption.KeyARN
	var texts []string
	if u := r.Encryption.Update; u != nil && u.Status == "Failed" {
		for _, e := range u.Errors {
			if cause, _ := eks.CauseIn(e.Code, e.Message); cause == eks.CauseRole {
				texts = append(texts, fmt.Sprintf("update %s: %s", u.ID, e.Message))
				if keyARN == "" {
					keyARN = u.KeyARN
				}
			}
		}
	}
	for _, issue := range r.Health.Issues {
		if cause, _ := eks.CauseIn(issue.Code, issue.Message); cause == eks.CauseRole {
			texts = append(texts, "health issue "+issue.Code+": "+issue.Message)
		}
	}
	for _, text := range texts {
		err := kms.RoleError(errors.New(text), keyARN, kms.RoleAccess{Role: roleARN}, "the policy was not read")
		notes = append(notes, err.Error()+"; "+hint.Of(err))
	}
	return notes
}
