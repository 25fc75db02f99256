// Package inspect calls EKS and KMS about one cluster and fills its report. It decides nothing itself: the verdict and
// the controls come from package encryption, the guard from package binding.
package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// EKS reads clusters and their updates. *eks.Client implements it.
type EKS interface {
	Cluster(context.Context, eks.Ref) (eks.Cluster, error)
	UpdateIDs(context.Context, eks.Ref) ([]string, error)
	DescribeUpdates(ctx context.Context, cluster eks.Ref, ids []string) ([]eks.Update, error)
}

// Source holds the clients that Cluster calls.
type Source struct {
	EKS EKS
	// Key returns the facts of a key. KeyFrom makes a Key that calls KMS each time.
	Key func(ctx context.Context, keyARN string) KeyFacts
	// WithoutUpdates leaves out the last association. Finding it takes one call for each update of the cluster.
	WithoutUpdates bool
}

// KeyFacts are the facts of a key that KMS returned.
type KeyFacts struct {
	Key v1alpha1.Key
	// Err is why the key's state is unknown; nil if it is known.
	Err   error
	Notes []string
}

// KeyFrom returns a function that calls KMS in the key's own region, because KMS knows a key only there.
func KeyFrom(client func(region string) kms.Reader) func(context.Context, string) KeyFacts {
	return func(ctx context.Context, keyARN string) KeyFacts {
		key, unasked, notes := kms.Facts(ctx, client(parseARN(keyARN).Region), keyARN)
		facts := KeyFacts{Key: key, Notes: notes}
		if unasked != "" {
			facts.Err = errors.New(unasked)
		}
		return facts
	}
}

// Result is the report on a cluster with further facts that commands need.
type Result struct {
	Report v1alpha1.EncryptionReport
	// Tags and RoleARN are the cluster's, from DescribeCluster.
	Tags    map[string]string
	RoleARN string
	// Err is the error of DescribeCluster. If it is set, the verdict is Unknown.
	Err error
}

// Cluster reports on the target's cluster. It needs two rounds of concurrent calls: DescribeCluster and ListUpdates,
// then the key and each update. If DescribeCluster fails, the verdict is Unknown and Result.Err is set; if another
// call fails, the report has a note.
func Cluster(ctx context.Context, src Source, t binding.Target) Result {
	ref := clusterRef(t)
	var c eks.Cluster
	var err error
	var updates updates
	var round errgroup.Group
	round.Go(func() error {
		c, err = src.EKS.Cluster(ctx, ref)
		return nil
	})
	if !src.WithoutUpdates {
		round.Go(func() error {
			updates.list(ctx, src.EKS, ref)
			return nil
		})
	}
	_ = round.Wait()
	if err != nil {
		return Result{Report: Unknown(t, err), Err: err}
	}
	r := newReport(t)
	c.Fill(&r.Cluster)
	r.Health = v1alpha1.Health{Degraded: len(c.Issues) > 0, Issues: c.Issues}
	r.Encryption = encryption.Decide(encryption.Facts{
		Version: c.Version, KeyARN: c.KeyARN, Connected: c.Connected, LocalOutpost: c.LocalOutpost,
	})
	r.Cluster.Guard, r.Cluster.GuardReason = binding.Guard(t, binding.Described{ARN: c.ARN, Endpoint: c.Endpoint})
	managed := iac.Detect(c.Tags)
	r.Cluster.ManagedBy = &managed

	var key KeyFacts
	hasKey := r.Encryption.Verdict == v1alpha1.VerdictCustomerManagedKey
	round = errgroup.Group{}
	if hasKey {
		round.Go(func() error {
			key = src.Key(ctx, r.Encryption.KeyARN)
			return nil
		})
	}
	round.Go(func() error {
		updates.describe(ctx, src.EKS, ref)
		return nil
	})
	_ = round.Wait()
	updates.report(r, !src.WithoutUpdates)
	if hasKey {
		addKey(r, key)
	}
	r.Controls = encryption.Controls(r)
	return Result{Report: *r, Tags: c.Tags, RoleARN: c.RoleARN}
}

func addKey(r *v1alpha1.EncryptionReport, facts KeyFacts) {
	key := facts.Key
	if reported := r.Encryption.KeyARN; key.ARN != reported && key.ARN != "" {
		// Approved keys and health issues are ARNs of keys.
		r.Encryption.KeyARN = key.ARN
		r.Notes = append(r.Notes, fmt.Sprintf("the cluster's configuration names the alias %s, which refers to this key now",
			reported))
	}
	key.Account = cmp.Or(key.Account, parseARN(key.ARN).AccountID)
	reason := ""
	if facts.Err != nil {
		reason = facts.Err.Error()
		if r.Cluster.Account != "" && key.Account != "" && key.Account != r.Cluster.Account {
			reason += "; the key is in another account, " + key.Account
		}
	}
	key.Usable, key.Reason = encryption.Usable(key.State, reason, key.ARN, r.Health.Issues)
	r.Key = &key
	r.Notes = append(r.Notes, facts.Notes...)
}

// Unknown returns the report on a cluster that could not be described; err is the reason.
func Unknown(t binding.Target, err error) v1alpha1.EncryptionReport {
	r := newReport(t)
	r.Encryption = encryption.Unknown(err.Error())
	r.Cluster.Guard, r.Cluster.GuardReason = v1alpha1.GuardUnverified, "EKS did not describe the cluster"
	r.Controls = encryption.Controls(r)
	return *r
}

// NotEKS returns the report on a kube context that does not lead to an EKS cluster.
func NotEKS(e *binding.NotEKSError) v1alpha1.EncryptionReport {
	r := newReport(binding.Target{Context: e.Context, Name: e.Context})
	r.Cluster.Name = ""
	r.Encryption = v1alpha1.Encryption{
		Verdict: v1alpha1.VerdictNotApplicable, Scope: v1alpha1.ScopeUnknown, Reason: e.Error(),
	}
	r.Cluster.Guard, r.Cluster.GuardReason = v1alpha1.GuardUnverified, "not an EKS cluster"
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

// clusterRef returns the cluster's name and ARN; "*" stands for an account that the target doesn't name.
func clusterRef(t binding.Target) eks.Ref {
	ref := eks.Ref{Name: t.Name, ARN: t.ARN}
	if ref.ARN == "" && t.Region != "" {
		ref.ARN = arn.ARN{
			Partition: t.Partition, Service: "eks", Region: t.Region, AccountID: cmp.Or(t.Account, "*"),
			Resource: "cluster/" + t.Name,
		}.String()
	}
	return ref
}

// parseARN returns the zero ARN if s is not valid.
func parseARN(s string) arn.ARN {
	a, _ := arn.Parse(s)
	return a
}
