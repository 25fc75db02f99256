package rewriter

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestPreconditions checks what may be read and what may be written.
func TestPreconditions(t *testing.T) {
	tests := []struct {
		name        string
		change      func(*Preconditions)
		read, write string // part of the error; empty for none
	}{
		{name: "a customer key", change: func(*Preconditions) {}},
		{name: "the AWS-owned key", change: func(p *Preconditions) {
			p.Report.Encryption.Verdict, p.Report.Key = v1alpha1.VerdictAWSOwnedKey, nil
		}},
		{name: "another cluster", change: func(p *Preconditions) { p.Report.Cluster.Guard = v1alpha1.GuardMismatch },
			read: "does not connect to", write: "does not connect to"},
		{name: "another cluster that the user trusts", change: func(p *Preconditions) {
			p.Report.Cluster.Guard, p.TrustEndpoint = v1alpha1.GuardMismatch, true
		}, read: "does not connect to", write: "does not connect to"},
		{name: "no evidence", change: func(p *Preconditions) { p.Report.Cluster.Guard = v1alpha1.GuardUnverified },
			write: "could not verify"},
		{name: "no guard", change: func(p *Preconditions) { p.Report.Cluster.Guard = "" }, write: "could not verify"},
		{name: "no evidence, but trusted", change: func(p *Preconditions) {
			p.Report.Cluster.Guard, p.TrustEndpoint = v1alpha1.GuardUnverified, true
		}},
		{name: "not encrypted", change: func(p *Preconditions) {
			p.Report.Encryption.Verdict = v1alpha1.VerdictNotEncrypted
		}, read: "no encryption key", write: "no encryption key"},
		{name: "unknown", change: func(p *Preconditions) { p.Report.Encryption.Verdict = v1alpha1.VerdictUnknown },
			read: "could not determine the write key", write: "could not determine the write key"},
		{name: "an association in progress", change: func(p *Preconditions) {
			p.Report.Encryption.Update = &v1alpha1.Update{ID: "u-1", Status: "InProgress"}
		}, read: "u-1", write: "u-1"},
		{name: "a finished association", change: func(p *Preconditions) {
			p.Report.Encryption.Update = &v1alpha1.Update{ID: "u-1", Status: "Successful"}
		}},
		{name: "unknown updates", change: func(p *Preconditions) { p.Report.Encryption.UpdatesUnknown = "denied" },
			read: "whether an association is in progress", write: "denied"},
		{name: "an unusable key", change: func(p *Preconditions) { p.Report.Key.Usable = v1alpha1.UsableNo },
			write: "not usable"},
		{name: "a key that could not be checked",
			change: func(p *Preconditions) { p.Report.Key.Usable = v1alpha1.UsableUnknown }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := &v1alpha1.EncryptionReport{Key: &v1alpha1.Key{ARN: "k", Usable: v1alpha1.UsableYes}}
			r.Cluster = v1alpha1.Cluster{Name: "lab", Context: "lab", Guard: v1alpha1.GuardMatch, Status: "ACTIVE"}
			r.Encryption = v1alpha1.Encryption{Verdict: v1alpha1.VerdictCustomerManagedKey, KeyARN: "k"}
			p := Preconditions{Report: r}
			test.change(&p)
			for method, want := range map[v1alpha1.CoverageMethod]string{
				v1alpha1.MethodReadOnly: test.read, v1alpha1.MethodMetrics: test.read, v1alpha1.MethodSample: test.write,
				v1alpha1.MethodProbe:   test.write,
				v1alpha1.MethodRewrite: test.write, v1alpha1.MethodMigrator: test.write,
			} {
				err := p.Check(method)
				if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
					t.Errorf("%s: error = %v, want %q", method, err, want)
				}
				if NotEncrypted(err) != (r.Encryption.Verdict == v1alpha1.VerdictNotEncrypted) {
					t.Errorf("%s: NotEncrypted = %t", method, NotEncrypted(err))
				}
				if NotEncrypted(err) && hint.Of(err) == "" {
					t.Errorf("%s: the error has no hint", method)
				}
			}
		})
	}
}
