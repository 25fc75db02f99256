// Package eks calls the EKS API. It wraps each operation once: the SDK's types stay inside, the results are plain
// structs. Errors are explained by awsclient and name the operation and the cluster.
package eks

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// API is the part of the SDK's client that this package calls.
type API interface {
	eks.DescribeClusterAPIClient
	eks.ListClustersAPIClient
	eks.ListUpdatesAPIClient
	eks.ListCapabilitiesAPIClient
	DescribeUpdate(context.Context, *eks.DescribeUpdateInput, ...func(*eks.Options)) (*eks.DescribeUpdateOutput, error)
	AssociateEncryptionConfig(context.Context, *eks.AssociateEncryptionConfigInput, ...func(*eks.Options)) (
		*eks.AssociateEncryptionConfigOutput, error)
}

// Client calls EKS in one account and region.
type Client struct{ api API }

// New returns a Client that calls api.
func New(api API) *Client { return &Client{api} }

// Ref names a cluster. Calls need the Name; the ARN makes error messages exact and may be empty.
type Ref struct{ Name, ARN string }

func (r Ref) String() string { return cmp.Or(r.ARN, "cluster/"+r.Name) }

// Cluster is what DescribeCluster returns. All fields except ARN and Name may be empty.
type Cluster struct {
	ARN, Name, Status, Version, PlatformVersion, Endpoint, RoleARN string
	// CA is certificateAuthority.data, in base64; Issuer is the OIDC issuer of the API server.
	CA, Issuer string
	// KeyARN is the customer key; empty means none.
	KeyARN string
	// Connected is true for a cluster registered by EKS Connector, LocalOutpost for a local cluster on Outposts.
	Connected, LocalOutpost bool
	CreatedAt               time.Time
	Tags                    map[string]string
	Issues                  []v1alpha1.HealthIssue
}

// Ref returns the cluster's name and ARN.
func (c Cluster) Ref() Ref { return Ref{c.Name, c.ARN} }

// Fill copies the ARN and its parts, the versions and the status to a report.
func (c Cluster) Fill(to *v1alpha1.Cluster) {
	to.KubernetesVersion, to.PlatformVersion, to.Status = c.Version, c.PlatformVersion, c.Status
	if a, err := arn.Parse(c.ARN); err == nil {
		to.ARN, to.Region, to.Account, to.Partition = c.ARN, a.Region, a.AccountID, a.Partition
	}
}

// Cluster describes a cluster. A response without a cluster, or with a different one, is an error.
func (c *Client) Cluster(ctx context.Context, ref Ref) (Cluster, error) {
	if ref.Name == "" { // with an empty name, the SDK would send ListClusters
		return Cluster{}, errors.New("describe the EKS cluster: its name is empty")
	}
	out, err := c.api.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &ref.Name})
	if err != nil {
		return Cluster{}, explain(err, "DescribeCluster", ref.String())
	}
	in := out.Cluster
	if in == nil || aws.ToString(in.Arn) == "" {
		return Cluster{}, fmt.Errorf("DescribeCluster of %s: the response contains no cluster", ref)
	}
	name := cmp.Or(aws.ToString(in.Name), ref.Name)
	if name != ref.Name {
		return Cluster{}, fmt.Errorf("DescribeCluster of %s: the response describes another cluster, %s", ref, name)
	}
	cluster := Cluster{
		ARN: *in.Arn, Name: name, Status: string(in.Status), Version: aws.ToString(in.Version),
		PlatformVersion: aws.ToString(in.PlatformVersion), Endpoint: aws.ToString(in.Endpoint),
		RoleARN: aws.ToString(in.RoleArn), KeyARN: keyOf(in.EncryptionConfig),
		Connected: in.ConnectorConfig != nil, LocalOutpost: in.OutpostConfig != nil,
		CreatedAt: aws.ToTime(in.CreatedAt), Tags: in.Tags,
	}
	if in.CertificateAuthority != nil {
		cluster.CA = aws.ToString(in.CertificateAuthority.Data)
	}
	if in.Identity != nil && in.Identity.Oidc != nil {
		cluster.Issuer = aws.ToString(in.Identity.Oidc.Issuer)
	}
	if in.Health != nil {
		for _, i := range in.Health.Issues {
			cluster.Issues = append(cluster.Issues, v1alpha1.HealthIssue{
				Code: string(i.Code), Message: aws.ToString(i.Message), ResourceIDs: i.ResourceIds,
			})
		}
	}
	return cluster, nil
}

// keyOf returns the first key ARN in config. An absent or empty config, provider or ARN all mean that there is none.
func keyOf(config []ekstypes.EncryptionConfig) string {
	for _, c := range config {
		if c.Provider != nil && aws.ToString(c.Provider.KeyArn) != "" {
			return *c.Provider.KeyArn
		}
	}
	return ""
}

// EachClusterPage lists the region's clusters and calls page with the names of each response, up to 100. It ends early
// if page returns an error. Clusters that EKS Connector registered are included only if connected is true.
func (c *Client) EachClusterPage(ctx context.Context, connected bool, page func(names []string) error) error {
	in := &eks.ListClustersInput{MaxResults: aws.Int32(100)}
	if connected {
		in.Include = []string{"all"}
	}
	p := eks.NewListClustersPaginator(c.api, in)
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return explain(err, "ListClusters", "")
		}
		if err := page(out.Clusters); err != nil {
			return err
		}
	}
	return nil
}

// ClusterNames lists the region's clusters. On error it returns the names read so far.
func (c *Client) ClusterNames(ctx context.Context) (names []string, err error) {
	err = c.EachClusterPage(ctx, false, func(page []string) error {
		names = append(names, page...)
		return nil
	})
	return names, err
}

const clusterConcurrency = 8

// UsedBy returns, by key ARN, the ARNs of the region's clusters that use the key. It fails if a cluster can't be
// described, because an incomplete list would look as if fewer clusters used a key.
func (c *Client) UsedBy(ctx context.Context) (map[string][]string, error) {
	names, err := c.ClusterNames(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	used := map[string][]string{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(clusterConcurrency)
	for _, name := range names {
		g.Go(func() error {
			cluster, err := c.Cluster(ctx, Ref{Name: name})
			if err != nil {
				return ignoreNotFound(err) // deleted after it was listed
			}
			if cluster.KeyARN != "" {
				mu.Lock()
				defer mu.Unlock()
				used[cluster.KeyARN] = append(used[cluster.KeyARN], cluster.ARN)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for key := range used {
		slices.Sort(used[key])
	}
	return used, nil
}

func ignoreNotFound(err error) error {
	if awsclient.KindOf(err) == awsclient.KindNotFound {
		return nil
	}
	return err
}

func explain(err error, operation, resource string) error {
	op := awsclient.Operation{Name: operation, Action: "eks:" + operation, Resource: resource}
	return awsclient.Explain(err, op)
}
