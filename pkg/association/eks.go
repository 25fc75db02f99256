package association

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// API is what the package needs of EKS.
type API interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
	AssociateEncryptionConfig(context.Context, *eks.AssociateEncryptionConfigInput, ...func(*eks.Options)) (*eks.AssociateEncryptionConfigOutput, error)
	DescribeUpdate(context.Context, *eks.DescribeUpdateInput, ...func(*eks.Options)) (*eks.DescribeUpdateOutput, error)
	ListUpdates(context.Context, *eks.ListUpdatesInput, ...func(*eks.Options)) (*eks.ListUpdatesOutput, error)
}

// Cluster is what DescribeCluster says that matters here.
type Cluster struct {
	ARN, Name, Status, Version, Platform, Endpoint, RoleARN string
	// KeyARN is the customer key; empty for none.
	KeyARN string
	// Connector and Outposts are clusters whose control plane EKS doesn't run in the
	// region, and can't give a key.
	Connector, Outposts bool
	CreatedAt           time.Time
	Tags                map[string]string
}

// Update is one update of the cluster, of any type.
type Update struct {
	// Type is EKS's word, for instance AssociateEncryptionConfig.
	Type string
	v1alpha1.Update
}

const updateType = string(ekstypes.UpdateTypeAssociateEncryptionConfig)

// IsAssociation says whether the update gives the cluster a key.
func (u Update) IsAssociation() bool { return u.Type == updateType }

// Running says whether the update may still do something.
func (u Update) Running() bool {
	return !slices.Contains([]string{"Successful", "Failed", "Cancelled"}, u.Status)
}

func describe(ctx context.Context, api API, name string) (*Cluster, error) {
	out, err := api.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if err != nil {
		return nil, err
	}
	c := out.Cluster
	if c == nil || aws.ToString(c.Arn) == "" {
		return nil, fmt.Errorf("the answer has no cluster in it")
	}
	return &Cluster{
		ARN: aws.ToString(c.Arn), Name: aws.ToString(c.Name), Status: string(c.Status),
		Version: aws.ToString(c.Version), Platform: aws.ToString(c.PlatformVersion), Endpoint: aws.ToString(c.Endpoint),
		RoleARN: aws.ToString(c.RoleArn), KeyARN: inspect.KeyOf(c.EncryptionConfig),
		Connector: c.ConnectorConfig != nil, Outposts: c.OutpostConfig != nil,
		CreatedAt: aws.ToTime(c.CreatedAt), Tags: c.Tags,
	}, nil
}

const updateConcurrency = 4

// updates lists the cluster's updates, the oldest first. ListUpdates gives bare
// ids in no documented order.
func updates(ctx context.Context, api API, cluster string) ([]Update, error) {
	var ids []string
	p := eks.NewListUpdatesPaginator(api, &eks.ListUpdatesInput{Name: &cluster})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, explain(err, "ListUpdates", cluster)
		}
		ids = append(ids, out.UpdateIds...)
	}
	all := make([]Update, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(updateConcurrency)
	for i, id := range ids {
		g.Go(func() (err error) {
			all[i], err = describeUpdate(ctx, api, cluster, id)
			if code(err) == "ResourceNotFoundException" {
				return nil // EKS has forgotten it since
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, explain(err, "DescribeUpdate", cluster)
	}
	all = slices.DeleteFunc(all, func(u Update) bool { return u.ID == "" })
	slices.SortStableFunc(all, func(a, b Update) int {
		if a.CreatedAt == nil || b.CreatedAt == nil {
			return 0
		}
		return a.CreatedAt.Compare(b.CreatedAt.Time)
	})
	return all, nil
}

func describeUpdate(ctx context.Context, api API, cluster, id string) (Update, error) {
	out, err := api.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: &cluster, UpdateId: &id})
	if err != nil {
		return Update{}, err
	}
	if out.Update == nil {
		return Update{}, fmt.Errorf("the answer has no update in it")
	}
	return update(out.Update), nil
}

func update(in *ekstypes.Update) Update {
	return Update{Type: string(in.Type), Update: *inspect.FromUpdate(in)}
}

func associate(ctx context.Context, api API, cluster, keyARN, token string) (Update, error) {
	out, err := api.AssociateEncryptionConfig(ctx, &eks.AssociateEncryptionConfigInput{
		ClusterName: &cluster, ClientRequestToken: &token,
		EncryptionConfig: []ekstypes.EncryptionConfig{{
			Provider: &ekstypes.Provider{KeyArn: &keyARN},
			// Without effect today, but demanded before September 2026; whether every
			// region has learnt to do without is not documented.
			Resources: []string{"secrets"},
		}},
	})
	if err != nil {
		return Update{}, err
	}
	if out.Update == nil || aws.ToString(out.Update.Id) == "" {
		return Update{}, errors.New("the answer has no update in it")
	}
	return update(out.Update), nil
}

// code is the error's name on the wire; empty if the service never answered.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}

func explain(err error, operation, cluster string) error {
	return awsclient.Explain(err, awsclient.Operation{Name: operation, Action: "eks:" + operation, Resource: "cluster/" + cluster})
}
