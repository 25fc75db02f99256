package kms

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"
)

// ClusterLister is what it takes to know which clusters use a key.
type ClusterLister interface {
	ListClusters(context.Context, *eks.ListClustersInput, ...func(*eks.Options)) (*eks.ListClustersOutput, error)
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
}

// UsedBy tells, by key ARN, the ARNs of the region's clusters that use the key. A
// cluster that can't be described fails it: a list with gaps would read as "nobody
// else uses this key".
func UsedBy(ctx context.Context, api ClusterLister) (map[string][]string, error) {
	var names []string
	p := eks.NewListClustersPaginator(api, &eks.ListClustersInput{})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, explainEKS(err, "ListClusters", "*")
		}
		names = append(names, out.Clusters...)
	}
	var mu sync.Mutex
	used := map[string][]string{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(clusterConcurrency)
	for _, name := range names {
		g.Go(func() error {
			out, err := api.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
			var gone *ekstypes.ResourceNotFoundException
			switch {
			case errors.As(err, &gone):
				return nil
			case err != nil:
				return explainEKS(err, "DescribeCluster", "cluster/"+name)
			case out.Cluster == nil || len(out.Cluster.EncryptionConfig) == 0 || out.Cluster.EncryptionConfig[0].Provider == nil:
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			key := aws.ToString(out.Cluster.EncryptionConfig[0].Provider.KeyArn)
			used[key] = append(used[key], aws.ToString(out.Cluster.Arn))
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

const clusterConcurrency = 8
