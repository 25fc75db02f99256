// Package inspect asks EKS and KMS about one cluster and fills its report. It
// decides nothing: the verdict is pkg/encryption's, the guard pkg/target's.
package inspect

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Source is whom to ask.
type Source struct {
	EKS EKS
	// Key tells a key's facts; KeyFrom makes one that asks KMS each time.
	Key func(ctx context.Context, keyARN string) KeyFacts
	// WithoutUpdates leaves out the association seen last, which takes a call for
	// each update of the cluster.
	WithoutUpdates bool
}

// KeyFacts is what KMS tells of a key. Unasked says why its state is unknown.
type KeyFacts struct {
	Key     v1alpha1.Key
	Unasked string
	Notes   []string
}

// KeyFrom asks KMS in the key's own region: another one knows nothing of it.
func KeyFrom(client func(region string) kms.Reader) func(context.Context, string) KeyFacts {
	return func(ctx context.Context, keyARN string) KeyFacts {
		key, unasked, notes := kms.Facts(ctx, client(keyRegion(keyARN)), keyARN)
		return KeyFacts{key, unasked, notes}
	}
}

// Result is the report, and what commands need beyond it.
type Result struct {
	Report v1alpha1.EncryptionReport
	// Tags and RoleARN are the cluster's, as EKS says.
	Tags    map[string]string
	RoleARN string
	// Err is why the verdict is Unknown: DescribeCluster failed.
	Err error
}

// Cluster asks about the target's cluster, in two rounds of calls side by side:
// what needs the name alone, then what that led to. A failed side call is a note
// in the report; a failed DescribeCluster is the verdict Unknown and Result.Err.
func Cluster(ctx context.Context, src Source, t binding.Target) Result {
	var c described
	var err error
	var ids updateIDs
	var round errgroup.Group
	round.Go(func() error {
		c, err = describeCluster(ctx, src.EKS, t)
		return nil
	})
	if !src.WithoutUpdates {
		round.Go(func() error {
			ids = listUpdates(ctx, src.EKS, t)
			return nil
		})
	}
	_ = round.Wait()
	if err != nil {
		return Result{Report: Unknown(t, err), Err: err}
	}
	r := newReport(t)
	c.fill(&r.Cluster)
	r.Health = c.health
	r.Encryption = encryption.Decide(c.facts)
	r.Cluster.Guard, r.Cluster.GuardReason = binding.Guard(t, binding.Described{ARN: c.arn, Endpoint: c.endpoint})
	managed := iac.Detect(c.tags)
	r.Cluster.ManagedBy = &managed

	var key KeyFacts
	var update *v1alpha1.Update
	var updateNotes []string
	hasKey := r.Encryption.Verdict == v1alpha1.VerdictCustomerManagedKey
	round = errgroup.Group{}
	if hasKey {
		round.Go(func() error {
			key = src.Key(ctx, r.Encryption.KeyARN)
			return nil
		})
	}
	round.Go(func() error {
		update, updateNotes = lastAssociation(ctx, src.EKS, t, ids)
		return nil
	})
	_ = round.Wait()
	r.Encryption.Update = update
	r.Notes = append(r.Notes, updateNotes...)
	if hasKey {
		addKey(r, key)
	}
	r.Controls = encryption.Controls(r)
	return Result{Report: *r, Tags: c.tags, RoleARN: c.roleARN}
}

func addKey(r *v1alpha1.EncryptionReport, facts KeyFacts) {
	key := facts.Key
	if key.Account == "" {
		key.Account = keyAccount(key.ARN)
	}
	if facts.Unasked != "" && r.Cluster.Account != "" && key.Account != "" && key.Account != r.Cluster.Account {
		facts.Unasked += fmt.Sprintf("; the key is in another account, %s", key.Account)
	}
	key.Usable, key.Reason = encryption.Usable(key.State, facts.Unasked, key.ARN, r.Health.Issues)
	r.Key = &key
	r.Notes = append(r.Notes, facts.Notes...)
}

// Unknown is the report on a cluster that could not be asked about.
func Unknown(t binding.Target, err error) v1alpha1.EncryptionReport {
	r := newReport(t)
	r.Encryption = encryption.Unknown(err.Error())
	r.Cluster.Guard, r.Cluster.GuardReason = v1alpha1.GuardUnverified, "EKS could not be asked"
	r.Controls = encryption.Controls(r)
	return *r
}

// NotEKS is the report on a context that leads elsewhere.
func NotEKS(e *binding.NotEKSError) v1alpha1.EncryptionReport {
	r := newReport(binding.Target{Context: e.Context, Name: e.Context})
	r.Cluster.Name = ""
	r.Encryption = v1alpha1.Encryption{Verdict: v1alpha1.VerdictNotApplicable, Scope: v1alpha1.ScopeUnknown, Reason: e.Error()}
	r.Cluster.Guard, r.Cluster.GuardReason = v1alpha1.GuardUnverified, "no EKS cluster"
	r.Controls = encryption.Controls(r)
	return *r
}

func newReport(t binding.Target) *v1alpha1.EncryptionReport {
	return &v1alpha1.EncryptionReport{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindEncryptionReport),
		ObjectMeta: metav1.ObjectMeta{Name: t.Name},
		Cluster: v1alpha1.Cluster{
			ARN: t.ARN, Name: t.Name, Region: t.Region, Account: t.Account, Partition: t.Partition, Context: t.Context,
		},
	}
}
