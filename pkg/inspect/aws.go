package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// EKS is what it takes to know a cluster.
type EKS interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
	ListUpdates(context.Context, *eks.ListUpdatesInput, ...func(*eks.Options)) (*eks.ListUpdatesOutput, error)
	DescribeUpdate(context.Context, *eks.DescribeUpdateInput, ...func(*eks.Options)) (*eks.DescribeUpdateOutput, error)
}

// ClusterNames lists the clusters of the region, as far as they came before an error.
func ClusterNames(ctx context.Context, api eks.ListClustersAPIClient) ([]string, error) {
	var names []string
	p := eks.NewListClustersPaginator(api, &eks.ListClustersInput{})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return names, explain(err, "ListClusters", binding.Target{})
		}
		names = append(names, out.Clusters...)
	}
	return names, nil
}

// described is the reply of DescribeCluster, with every pointer looked behind.
type described struct {
	arn, name, endpoint, roleARN     string
	version, platformVersion, status string
	tags                             map[string]string
	facts                            encryption.Facts
	health                           v1alpha1.Health
}

func describeCluster(ctx context.Context, api EKS, t binding.Target) (described, error) {
	if t.Name == "" { // the SDK would take the empty name to the list of clusters
		return described{}, errors.New("the cluster has no name")
	}
	out, err := api.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &t.Name})
	if err != nil {
		return described{}, explain(err, "DescribeCluster", t)
	}
	if out == nil || out.Cluster == nil {
		return described{}, fmt.Errorf("DescribeCluster of %s: EKS answered without a cluster", resource(t))
	}
	c := out.Cluster
	d := described{
		arn: aws.ToString(c.Arn), name: aws.ToString(c.Name), endpoint: aws.ToString(c.Endpoint), roleARN: aws.ToString(c.RoleArn),
		version: aws.ToString(c.Version), platformVersion: aws.ToString(c.PlatformVersion), status: string(c.Status), tags: c.Tags,
	}
	d.facts = encryption.Facts{Version: d.version, KeyARN: KeyOf(c.EncryptionConfig), Connected: c.ConnectorConfig != nil, LocalOutpost: c.OutpostConfig != nil}
	if c.Health != nil {
		for _, i := range c.Health.Issues {
			d.health.Issues = append(d.health.Issues, v1alpha1.HealthIssue{Code: string(i.Code), Message: aws.ToString(i.Message), ResourceIDs: i.ResourceIds})
		}
	}
	d.health.Degraded = len(d.health.Issues) > 0
	if other := d.name; other != "" && other != t.Name {
		return described{}, fmt.Errorf("DescribeCluster of %s: EKS answered with another cluster, %s", resource(t), other)
	}
	return d, nil
}

// KeyOf treats an absent, null or empty config, a nil provider and an empty ARN
// alike: no customer key.
func KeyOf(config []ekstypes.EncryptionConfig) string {
	for _, c := range config {
		if c.Provider != nil && aws.ToString(c.Provider.KeyArn) != "" {
			return *c.Provider.KeyArn
		}
	}
	return ""
}

// fill takes over what EKS says; it knows better than the kubeconfig.
func (d *described) fill(c *v1alpha1.Cluster) {
	c.KubernetesVersion, c.PlatformVersion, c.Status = d.version, d.platformVersion, d.status
	if a, err := arn.Parse(d.arn); err == nil {
		c.ARN, c.Region, c.Account, c.Partition = d.arn, a.Region, a.AccountID, a.Partition
	}
}

const (
	updatesPage = 100 // the most EKS lists at once
	maxUpdates  = 50  // looked at side by side: EKS keeps few, and one round is enough
)

// updateIDs are the ids of a cluster's updates; more says that there are others.
type updateIDs struct {
	ids  []string
	more bool
	err  error
}

func listUpdates(ctx context.Context, api EKS, t binding.Target) updateIDs {
	if t.Name == "" {
		return updateIDs{}
	}
	out, err := api.ListUpdates(ctx, &eks.ListUpdatesInput{Name: &t.Name, MaxResults: aws.Int32(updatesPage)})
	if err != nil {
		return updateIDs{err: explain(err, "ListUpdates", t)}
	}
	u := updateIDs{ids: out.UpdateIds, more: aws.ToString(out.NextToken) != ""}
	if len(u.ids) > maxUpdates {
		u.ids, u.more = u.ids[:maxUpdates], true
	}
	return u
}

// lastAssociation finds the newest association among the updates. EKS forgets
// updates after a while: absent then.
func lastAssociation(ctx context.Context, api EKS, t binding.Target, listed updateIDs) (*v1alpha1.Update, []string) {
	if listed.err != nil {
		return nil, []string{"association update: " + listed.err.Error()}
	}
	updates := make([]*v1alpha1.Update, len(listed.ids))
	errs := make([]error, len(listed.ids))
	var g errgroup.Group
	for i := range listed.ids {
		g.Go(func() error {
			updates[i], errs[i] = describeUpdate(ctx, api, t, listed.ids[i])
			return nil
		})
	}
	_ = g.Wait()
	var last *v1alpha1.Update
	for _, u := range updates {
		if u != nil && (last == nil || newer(u, last)) {
			last = u
		}
	}
	var notes []string
	if err := errors.Join(errs...); err != nil {
		for _, err := range errs {
			if err != nil { // one stands for all
				notes = append(notes, "association update: "+err.Error())
				break
			}
		}
	}
	if listed.more && last == nil {
		notes = append(notes, fmt.Sprintf("association update: the cluster has more updates than the %d that were looked at", len(listed.ids)))
	}
	return last, notes
}

func newer(a, b *v1alpha1.Update) bool {
	return a.CreatedAt != nil && (b.CreatedAt == nil || a.CreatedAt.After(b.CreatedAt.Time))
}

// describeUpdate returns nil for an update of another type, and for one that EKS
// has forgotten meanwhile.
func describeUpdate(ctx context.Context, api EKS, t binding.Target, id string) (*v1alpha1.Update, error) {
	out, err := api.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: &t.Name, UpdateId: &id})
	if err != nil {
		err = explain(err, "DescribeUpdate", t)
		if awsclient.KindOf(err) == awsclient.KindNotFound {
			return nil, nil //nolint:nilnil // gone is a fact, not a failure
		}
		return nil, err
	}
	if out == nil || out.Update == nil || out.Update.Type != ekstypes.UpdateTypeAssociateEncryptionConfig {
		return nil, nil //nolint:nilnil // not an association
	}
	return FromUpdate(out.Update), nil
}

// FromUpdate reads an update of EKS into the report's shape.
func FromUpdate(u *ekstypes.Update) *v1alpha1.Update {
	r := &v1alpha1.Update{ID: aws.ToString(u.Id), Status: string(u.Status)}
	if u.CreatedAt != nil {
		created := metav1.NewTime(u.CreatedAt.UTC())
		r.CreatedAt = &created
	}
	for _, p := range u.Params {
		if p.Type == ekstypes.UpdateParamTypeEncryptionConfig {
			r.KeyARN = keyOfParam(aws.ToString(p.Value))
		}
	}
	for _, e := range u.Errors {
		r.Errors = append(r.Errors, v1alpha1.UpdateError{Code: string(e.ErrorCode), Message: aws.ToString(e.ErrorMessage), ResourceIDs: e.ResourceIds})
	}
	return r
}

// keyOfParam reads the key out of the JSON that EKS puts into a string.
func keyOfParam(value string) string {
	type config struct {
		Provider struct {
			KeyARN string `json:"keyArn"`
		} `json:"provider"`
	}
	var list []config
	if json.Unmarshal([]byte(value), &list) == nil && len(list) > 0 {
		return list[0].Provider.KeyARN
	}
	var one config
	_ = json.Unmarshal([]byte(value), &one)
	return one.Provider.KeyARN
}

func explain(err error, operation string, t binding.Target) error {
	return awsclient.Explain(err, awsclient.Operation{Name: operation, Action: "eks:" + operation, Resource: resource(t)})
}

// resource is the cluster's ARN, with a star for an account that isn't known.
func resource(t binding.Target) string {
	if t.ARN != "" {
		return t.ARN
	}
	if t.Region == "" {
		return t.Name
	}
	account := t.Account
	if account == "" {
		account = "*"
	}
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", t.Partition, t.Region, account, t.Name)
}

func keyRegion(keyARN string) string {
	a, _ := arn.Parse(keyARN)
	return a.Region
}

func keyAccount(keyARN string) string {
	a, _ := arn.Parse(keyARN)
	return a.AccountID
}
