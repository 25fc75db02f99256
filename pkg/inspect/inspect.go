// Package inspect calls EKS and KMS about one cluster and fills its report. It decides nothing itself: the verdict and
// the controls come from package encryption, the guard from package binding.
package inspect

import (
	"cmp"
	"context"
	"fmt"
	"time"

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
	// Caller returns the principal that calls AWS; nil leaves it out.
	Caller func(context.Context) (v1alpha1.Caller, error)
	// Now replaces the clock in tests; nil means the real one.
	Now func() time.Time
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
		key, notes, err := kms.Facts(ctx, client(parseARN(keyARN).Region), keyARN)
		return KeyFacts{Key: key, Err: err, Notes: notes}
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

// Cluster reports on the bound cluster. It needs two rounds of concurrent calls: DescribeCluster, ListUpdates and
// GetCallerIdentity, then the key and each update, beside the guard's TLS handshake with the API server. If
// DescribeCluster fails, the verdict is Unknown and Result.Err is set; if another call fails, the report has a note.
func Cluster(ctx context.Context, src Source, b *binding.Binding) Result {
	b.Start(ctx)
	caller := startCaller(ctx, src.Caller)
	result := cluster(ctx, src, b)
	found, err := caller()
	if err != nil {
		result.Report.Notes = append(result.Report.Notes, "caller: "+err.Error())
	}
	result.Report.Caller = found
	return result
}

// callerTimeout bounds GetCallerIdentity, which only adds a detail: STS may be unreachable where EKS is not.
const callerTimeout = 5 * time.Second

// startCaller calls get and returns a function that waits for the result. The result is nil if get fails.
func startCaller(ctx context.Context,
	get func(context.Context) (v1alpha1.Caller, error)) func() (*v1alpha1.Caller, error) {
	if get == nil {
		return func() (*v1alpha1.Caller, error) { return nil, nil }
	}
	var caller v1alpha1.Caller
	var g errgroup.Group
	g.Go(func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, callerTimeout)
		defer cancel()
		caller, err = get(ctx)
		return err
	})
	return func() (*v1alpha1.Caller, error) {
		if err := g.Wait(); err != nil {
			return nil, err
		}
		return &caller, nil
	}
}

func cluster(ctx context.Context, src Source, b *binding.Binding) Result {
	ref := clusterRef(b.Target)
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
		return Result{Report: Unknown(b.Target, err), Err: err}
	}
	r := newReport(b.Target)
	c.Fill(&r.Cluster)
	r.Health = v1alpha1.Health{Degraded: len(c.Issues) > 0, Issues: c.Issues}
	r.Encryption = encryption.Decide(encryption.Facts{
		Version: c.Version, KeyARN: c.KeyARN, Connected: c.Connected, LocalOutpost: c.LocalOutpost,
	})
	managed := iac.Detect(c.Tags)
	r.Cluster.ManagedBy = &managed

	var key KeyFacts
	var guard v1alpha1.GuardResult
	hasKey := r.Encryption.Verdict == v1alpha1.VerdictCustomerManagedKey
	round = errgroup.Group{}
	round.Go(func() error {
		guard = b.Check(ctx, Described(c))
		return nil
	})
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
	if guard.Result == v1alpha1.GuardMismatch {
		return Result{Report: Mismatch(b.Target, guard, c.ARN), Tags: c.Tags, RoleARN: c.RoleARN}
	}
	SetGuard(r, guard)
	updates.report(r, !src.WithoutUpdates)
	if hasKey {
		addKey(r, key, src.now())
	}
	r.Notes = append(r.Notes, roleNotes(r, c.RoleARN)...)
	r.Controls = encryption.Controls(r)
	return Result{Report: *r, Tags: c.Tags, RoleARN: c.RoleARN}
}

// Described returns what the guard compares.
func Described(c eks.Cluster) binding.Described {
	return binding.Described{ARN: c.ARN, Endpoint: c.Endpoint, Issuer: c.Issuer, CA: c.CA}
}

// SetGuard sets the guard of the report.
func SetGuard(r *v1alpha1.EncryptionReport, guard v1alpha1.GuardResult) {
	r.Guard = &guard
	r.Cluster.Guard, r.Cluster.GuardReason = guard.Result, guard.Reason
}

// Mismatch returns the report on a context that does not lead to the cluster that EKS describes. It holds no fact of
// that cluster.
func Mismatch(t binding.Target, guard v1alpha1.GuardResult, describedARN string) v1alpha1.EncryptionReport {
	r := newReport(t)
	r.Encryption = encryption.Unknown(fmt.Sprintf("kubectl does not connect to %s: %s", describedARN, guard.Reason))
	SetGuard(r, guard)
	r.Controls = encryption.Controls(r)
	return *r
}

func (src Source) now() time.Time {
	if src.Now != nil {
		return src.Now()
	}
	return time.Now()
}

func addKey(r *v1alpha1.EncryptionReport, facts KeyFacts, now time.Time) {
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
	if kms.Gone(facts.Err) && key.Usable == v1alpha1.UsableUnknown {
		key.Usable, key.Reason = v1alpha1.UsableNo, "the key was deleted: "+key.Reason
	}
	key.MaterialDaysLeft = encryption.DaysLeft(key.ValidTo, now)
	r.Key = &key
	r.Notes = append(append(r.Notes, facts.Notes...), encryption.ExpiryNotes(key.MaterialDaysLeft)...)
}

// Unknown returns the report on a cluster that could not be described; err is the reason.
func Unknown(t binding.Target, err error) v1alpha1.EncryptionReport {
	r := newReport(t)
	r.Encryption = encryption.Unknown(err.Error())
	SetGuard(r, v1alpha1.GuardResult{
		Result: v1alpha1.GuardUnverified, Evidence: v1alpha1.EvidenceNone, Reason: "EKS did not describe the cluster",
	})
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
	SetGuard(r, v1alpha1.GuardResult{
		Result: v1alpha1.GuardUnverified, Evidence: v1alpha1.EvidenceNone, Reason: "not an EKS cluster",
	})
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
