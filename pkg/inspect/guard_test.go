package inspect

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// TestMismatch checks that no fact of the cluster that EKS describes is attributed to another one.
func TestMismatch(t *testing.T) {
	a := newAWS(t)
	described := a.add(t, fakeaws.Cluster{Name: "c", KeyARN: awstest.AddKey(t, a.Server, fakeaws.Key{})})
	named := strings.Replace(described, awstest.Account, awstest.OtherAccount, 1)
	b := binding.New(binding.Target{
		ARN: named, Name: "c", Region: awstest.Region, Account: awstest.OtherAccount, Context: "ctx",
		Claims: []binding.Claim{{Name: "c", Account: awstest.OtherAccount, From: "the ARN of the cluster entry"}},
	}, nil, nil)
	r := Cluster(t.Context(), a.source(awstest.Region), b).Report
	e := r.Encryption
	if e.Verdict != v1alpha1.VerdictUnknown || e.KeyARN != "" || r.Key != nil || r.Cluster.KubernetesVersion != "" {
		t.Errorf("encryption = %+v, key = %+v, want nothing of the other cluster", e, r.Key)
	}
	if r.Cluster.ARN != named || r.Cluster.Guard != v1alpha1.GuardMismatch || r.Guard.Result != v1alpha1.GuardMismatch {
		t.Errorf("cluster = %+v, guard = %+v, want the named cluster and Mismatch", r.Cluster, r.Guard)
	}
	if !strings.Contains(e.Reason, described) || !strings.Contains(e.Reason, awstest.OtherAccount) {
		t.Errorf("reason = %q, want both sides", e.Reason)
	}
	for _, c := range r.Controls {
		if c.Result == v1alpha1.ResultPass || c.Result == v1alpha1.ResultFail {
			t.Errorf("%s = %s, want it undecided", c.ID, c.Result)
		}
	}
}

// TestCaller checks that the caller is part of each report, and that its failure is a note.
func TestCaller(t *testing.T) {
	a := newAWS(t)
	arn := a.add(t, fakeaws.Cluster{Name: "c"})
	src := a.source(awstest.Region)
	b := func(name string) *binding.Binding {
		return binding.New(binding.Target{ARN: arn, Name: name, Region: awstest.Region}, nil, nil)
	}
	src.Caller = func(context.Context) (v1alpha1.Caller, error) { return v1alpha1.Caller{ARN: awstest.UserARN}, nil }
	for _, name := range []string{"c", "missing"} {
		r := Cluster(t.Context(), src, b(name)).Report
		if r.Caller == nil || r.Caller.ARN != awstest.UserARN {
			t.Errorf("%s: caller = %+v, want %s", name, r.Caller, awstest.UserARN)
		}
	}
	src.Caller = func(ctx context.Context) (v1alpha1.Caller, error) {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("the call has no deadline")
		}
		return v1alpha1.Caller{}, errors.New("STS is unreachable")
	}
	r := Cluster(t.Context(), src, b("c")).Report
	if r.Caller != nil || r.Encryption.Verdict != v1alpha1.VerdictAWSOwnedKey ||
		!slices.Contains(r.Notes, "caller: STS is unreachable") {
		t.Errorf("caller = %+v, verdict = %s, notes = %q, want the verdict and a note", r.Caller, r.Encryption.Verdict,
			r.Notes)
	}
}
