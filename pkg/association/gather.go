package association

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// EKS reads what a plan needs. *eks.Client implements it.
type EKS interface {
	Cluster(context.Context, eks.Ref) (eks.Cluster, error)
	Updates(context.Context, eks.Ref) ([]eks.Update, error)
	// UsedBy returns, by key ARN, the ARNs of the region's clusters that use the key.
	UsedBy(context.Context) (map[string][]string, error)
	Capabilities(context.Context, eks.Ref) ([]eks.Capability, error)
}

// KMS reads what a plan needs, in the cluster's region.
type KMS interface {
	kms.Describer
	kms.Granter
	kms.PolicyReader
}

// Sources holds the clients and functions that Gather calls.
type Sources struct {
	EKS EKS
	KMS KMS
	// Guard compares the cluster that EKS describes with the one that kubectl uses.
	Guard func(context.Context, eks.Cluster) v1alpha1.GuardResult
	// ManagedBy returns the tool that manages the cluster, from the cluster's tags or the user's flag.
	ManagedBy func(tags map[string]string) v1alpha1.ManagedBy
	// Owners looks for the Kubernetes objects that manage the cluster with this ARN; nil means that the API server is not
	// called.
	Owners func(ctx context.Context, clusterARN string) []iac.Owner
}

// Request is what the user wants.
type Request struct {
	// Cluster comes from the kube context.
	Cluster v1alpha1.Cluster
	// TrustEndpoint allows an association with a cluster whose guard is Unverified.
	TrustEndpoint bool
	// MismatchRemedy is the next step if the guard is Mismatch.
	MismatchRemedy string
	// CLI makes the command lines of the AWS CLI that a remedy names.
	CLI awsclient.CLI
	// Key names the key: ARN, id, alias or alias ARN.
	Key string
	// Caller is the principal that calls AWS, EndpointOverrides the endpoints that it calls instead of those of AWS.
	Caller            v1alpha1.Caller
	EndpointOverrides []v1alpha1.EndpointOverride
	// ExpectAccount is the account that the caller and the cluster must have; empty allows any.
	ExpectAccount  string
	AcceptDrift    bool
	SkipGrantCheck bool
}

// Gather collects the facts for a plan and changes nothing. It resolves the key first, and stops there if the key is
// not eligible. An error means that there can be no plan; other failures are recorded in the facts.
func Gather(ctx context.Context, s Sources, r Request) (Facts, error) {
	f := Facts{
		Cluster: r.Cluster, TrustEndpoint: r.TrustEndpoint, MismatchRemedy: r.MismatchRemedy, AcceptDrift: r.AcceptDrift,
		Caller: r.Caller, EndpointOverrides: r.EndpointOverrides, ExpectAccount: r.ExpectAccount, CLI: r.CLI,
	}
	f.Key.ARN = r.Key
	where := kms.Place{Partition: r.Cluster.Partition, Region: r.Cluster.Region, Account: r.Caller.Account}
	key, err := kms.Resolve(ctx, s.KMS, r.Key, where)
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	if err != nil {
		f.KeyErr = err
		return f, nil //nolint:nilerr // a key that cannot be resolved is a failed check of the plan
	}
	f.Key, f.KeyAccount = key.Item(where), key.Account
	if !f.Key.Eligible {
		return f, nil
	}
	live, err := s.EKS.Cluster(ctx, eks.Ref{Name: r.Cluster.Name, ARN: r.Cluster.ARN})
	if err != nil {
		return f, err
	}
	live.KeyARN = kms.KeyARN(ctx, s.KMS, live.KeyARN)
	f.Live = &live
	live.Fill(&f.Cluster)
	f.Cluster.Name = live.Name
	guard := s.Guard(ctx, live)
	f.Guard = &guard
	f.Cluster.Guard, f.Cluster.GuardReason = guard.Result, guard.Reason
	managed := s.ManagedBy(live.Tags)
	f.Cluster.ManagedBy = &managed
	f.Updates, f.UpdatesErr = s.EKS.Updates(ctx, live.Ref())
	f.resolveAliases(ctx, s.KMS)
	if f.decide() == Associate {
		f.gatherForNew(ctx, s, r)
	}
	f.assessDrift(ctx, s)
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	return f, nil
}

// resolveAliases replaces aliases by key ARNs in the running associations. EKS reports the key as the request named it.
func (f *Facts) resolveAliases(ctx context.Context, api kms.Describer) {
	for i := range f.Updates {
		u := &f.Updates[i]
		if u.IsAssociation() && u.Running() {
			u.KeyARN = kms.KeyARN(ctx, api, u.KeyARN)
		}
	}
}

// gatherForNew collects the facts that only matter for a new association.
func (f *Facts) gatherForNew(ctx context.Context, s Sources, r Request) {
	issues, unread := kms.ReadPolicyIssues(ctx, s.KMS, f.Key.ARN,
		kms.Requester{ARN: r.Caller.ARN, Region: f.Cluster.Region, ClusterRole: f.Live.RoleARN})
	f.PolicyIssues = issues
	if unread != "" {
		f.PolicyErr = errors.New(unread)
	}
	grant := v1alpha1.Check{
		Name: kms.GrantCheckName, Result: v1alpha1.ResultUnknown, Message: "not checked: --skip-grant-check",
	}
	if !r.SkipGrantCheck {
		grant = kms.CheckGrant(ctx, s.KMS, f.Key.ARN, f.Live.RoleARN, issues)
	}
	f.Grant = &grant
	used, err := s.EKS.UsedBy(ctx)
	if err != nil {
		f.UsedByErr = fmt.Errorf("listing the clusters of %s: %w", f.Cluster.Region, err)
	}
	f.Capabilities, f.CapabilitiesErr = s.EKS.Capabilities(ctx, f.Live.Ref())
	others := slices.Clone(used[f.Key.ARN])
	f.UsedBy = slices.DeleteFunc(others, func(arn string) bool { return arn == f.Cluster.ARN })
}

// assessDrift predicts what the managing tool will do. Objects in the cluster count like tags that are certain. They
// are searched only if kubectl is known to use this cluster.
func (f *Facts) assessDrift(ctx context.Context, s Sources) {
	var owners []iac.Owner
	if s.Owners != nil && f.Cluster.Guard == v1alpha1.GuardMatch {
		owners = s.Owners(ctx, f.Cluster.ARN)
	}
	traces := append([]v1alpha1.ManagedBy{*f.Cluster.ManagedBy}, f.Cluster.ManagedBy.Also...)
	for _, owner := range owners {
		traces = append(traces, v1alpha1.ManagedBy{
			Tool: owner.Tool, Confidence: v1alpha1.ConfidenceCertain,
			Evidence: fmt.Sprintf("object %s in the cluster", owner),
		})
	}
	managed := iac.Choose(traces)
	f.Cluster.ManagedBy = &managed
	f.Drift = iac.Assess(managed, owners, iac.Values{
		Cluster: f.Cluster.Name, Region: f.Cluster.Region, KeyARN: f.Key.ARN,
	})
}
