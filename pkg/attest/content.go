package attest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// contentOf returns what a report shows.
func contentOf(report runtime.Object, clusters []string) *v1alpha1.EvidenceContent {
	c := &v1alpha1.EvidenceContent{Kind: kindOf(report), Clusters: clusters}
	from := func(p v1alpha1.Provenance) { c.Caller, c.Tool = p.Caller, p.Tool }
	switch r := report.(type) {
	case *v1alpha1.EncryptionReport:
		from(r.Provenance)
		c.Verdict, c.Statement, c.KeyARN = string(r.Encryption.Verdict), r.Encryption.Reason, r.Encryption.KeyARN
		c.FinishedAt = created(r)
	case *v1alpha1.EncryptionReportList:
		from(r.Provenance)
		c.Caller = commonCaller(r.Caller, r.Items)
		for i := range r.Items {
			c.FinishedAt = later(c.FinishedAt, created(&r.Items[i]))
		}
	case *v1alpha1.CoverageReport:
		from(r.Provenance)
		c.Verdict, c.Statement, c.KeyARN = string(r.Verdict), r.Statement, r.KeyARN
		c.StartedAt, c.FinishedAt = r.StartedAt, r.FinishedAt
		c.Servers, c.Agreement, c.Control = r.Servers, r.Agreement, r.Control
	case *v1alpha1.AuditReport:
		from(r.Provenance)
		c.Caller = commonCaller(r.Caller, r.Items)
		c.Verdict = string(r.Summary.Outcome)
		c.StartedAt, c.FinishedAt = r.StartedAt, r.FinishedAt
	}
	return c
}

// created returns the time at which a status report was made, if it has one.
func created(r *v1alpha1.EncryptionReport) *metav1.Time {
	if r.CreationTimestamp.IsZero() {
		return nil
	}
	return &r.CreationTimestamp
}

func later(a, b *metav1.Time) *metav1.Time {
	if a == nil || b != nil && a.Before(b) {
		return b
	}
	return a
}

// commonCaller returns the caller of a report on many clusters: its own, or the only one of the clusters.
func commonCaller(own *v1alpha1.Caller, items []v1alpha1.EncryptionReport) *v1alpha1.Caller {
	if own != nil {
		return own
	}
	var found *v1alpha1.Caller
	for i := range items {
		c := items[i].Caller
		if c != nil && found != nil && c.ARN != found.ARN {
			return nil
		}
		if c != nil {
			found = c
		}
	}
	return found
}
