package association

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// KMS is what a plan needs of KMS, in the cluster's region.
type KMS interface {
	kms.Describer
	kms.Granter
	kms.PolicyReader
}

// Sources are where the facts of a plan come from.
type Sources struct {
	EKS API
	KMS KMS
	// Guard compares the cluster that EKS describes with the one kubectl talks to.
	Guard func(arn, endpoint string) (v1alpha1.Guard, string)
	// ManagedBy tells who manages the cluster, by its tags or by what the user said.
	ManagedBy func(tags map[string]string) v1alpha1.ManagedBy
	// Owner looks for the object that manages the cluster; nil if the API server
	// isn't to be asked.
	Owner func(context.Context) *iac.Owner
	// UsedBy tells the clusters of the region by the key they use.
	UsedBy func(context.Context) (map[string][]string, error)
}

// Request is what the user asks for.
type Request struct {
	// Cluster is what the kube context tells of it.
	Cluster    v1alpha1.Cluster
	NameByFlag bool
	// Key names the key: ARN, id, alias or alias ARN.
	Key string
	// Account is the caller's; empty where it is unknown.
	Account        string
	AcceptDrift    bool
	SkipGrantCheck bool
}

// Gather asks for the facts of a plan, the key's first: of an ineligible key
// nothing else is asked. It changes nothing. An error means that there can be no
// plan; what may be unknown is a fact of its own.
func Gather(ctx context.Context, s Sources, r Request) (Facts, error) {
	f := Facts{Cluster: r.Cluster, NameByFlag: r.NameByFlag, AcceptDrift: r.AcceptDrift, CallerAccount: r.Account}
	f.Key.ARN = r.Key
	where := kms.Place{Partition: r.Cluster.Partition, Region: r.Cluster.Region, Account: r.Account}
	key, err := kms.Resolve(ctx, s.KMS, r.Key, where)
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	if err != nil {
		f.KeyErr = err
		return f, nil //nolint:nilerr // a key that can't be resolved is a finding of the plan
	}
	f.Key, f.KeyAccount = key.Item(where), key.Account
	if !f.Key.Eligible {
		return f, nil
	}
	if f.Live, err = describe(ctx, s.EKS, r.Cluster.Name); err != nil {
		return f, explain(err, "DescribeCluster", r.Cluster.Name)
	}
	f.complete(s)
	f.Updates, f.UpdatesErr = updates(ctx, s.EKS, r.Cluster.Name)
	f.resolveAliases(ctx, s.KMS, where)
	if f.wanted() == Associate {
		f.gatherForNew(ctx, s, r)
	}
	f.assessDrift(ctx, s)
	if ctx.Err() != nil {
		return f, context.Cause(ctx)
	}
	return f, nil
}

// complete takes over what EKS says of the cluster.
func (f *Facts) complete(s Sources) {
	c := f.Live
	f.Cluster.ARN, f.Cluster.Name, f.Cluster.Status = c.ARN, c.Name, c.Status
	f.Cluster.KubernetesVersion, f.Cluster.PlatformVersion = c.Version, c.Platform
	if a, err := arn.Parse(c.ARN); err == nil {
		f.Cluster.Account, f.Cluster.Region, f.Cluster.Partition = a.AccountID, a.Region, a.Partition
	}
	f.Cluster.Guard, f.Cluster.GuardReason = s.Guard(c.ARN, c.Endpoint)
	managed := s.ManagedBy(c.Tags)
	f.Cluster.ManagedBy = &managed
}

// resolveAliases finds the keys behind running associations that name an alias, as
// EKS echoes what it was sent.
func (f *Facts) resolveAliases(ctx context.Context, api kms.Describer, where kms.Place) {
	for i := range f.Updates {
		u := &f.Updates[i]
		if u.IsAssociation() && u.Running() && u.KeyARN != "" && !strings.Contains(u.KeyARN, ":key/") {
			if k, err := kms.Resolve(ctx, api, u.KeyARN, where); err == nil {
				u.KeyARN = k.ARN
			}
		}
	}
}

// gatherForNew asks what matters to a new association alone.
func (f *Facts) gatherForNew(ctx context.Context, s Sources, r Request) {
	f.Traps, f.TrapsUnread = kms.ReadTraps(ctx, s.KMS, f.Key.ARN, f.Cluster.Region)
	grant := v1alpha1.Check{Name: kms.GrantCheckName, Result: v1alpha1.ResultUnknown, Message: "not checked: --skip-grant-check"}
	if !r.SkipGrantCheck {
		grant = kms.CheckGrant(ctx, s.KMS, f.Key.ARN, f.Live.RoleARN, f.Traps)
	}
	f.Grant = &grant
	used, err := s.UsedBy(ctx)
	if err != nil {
		f.UsedByErr = fmt.Errorf("listing the clusters of %s: %w", f.Cluster.Region, err)
	}
	f.UsedBy = slices.DeleteFunc(slices.Clone(used[f.Key.ARN]), func(arn string) bool { return arn == f.Cluster.ARN })
}

func (f *Facts) assessDrift(ctx context.Context, s Sources) {
	var owner *iac.Owner
	if s.Owner != nil && f.Cluster.Guard == v1alpha1.GuardMatch {
		owner = s.Owner(ctx)
	}
	managed := *f.Cluster.ManagedBy
	if owner != nil && (managed.Tool == "" || managed.Tool == v1alpha1.ToolUnknown || managed.Confidence != v1alpha1.ConfidenceCertain) {
		managed = v1alpha1.ManagedBy{Tool: owner.Tool, Confidence: v1alpha1.ConfidenceCertain, Evidence: fmt.Sprintf("object %s/%s in the cluster", owner.Namespace, owner.Name)}
		f.Cluster.ManagedBy = &managed
	}
	f.Drift = iac.Assess(managed, owner, iac.Values{Cluster: f.Cluster.Name, Region: f.Cluster.Region, KeyARN: f.Key.ARN})
}
