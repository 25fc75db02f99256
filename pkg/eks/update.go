package eks

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TypeAssociation is the Type of an update that associates a key.
const TypeAssociation = string(ekstypes.UpdateTypeAssociateEncryptionConfig)

// Update is one update of a cluster. Only an association has a key.
type Update struct {
	Type string // in the spelling of EKS, for instance VersionUpdate
	v1alpha1.Update
}

// IsAssociation reports whether the update associates a key with the cluster.
func (u Update) IsAssociation() bool { return u.Type == TypeAssociation }

// Running reports whether the update has not ended. An unknown status counts as running.
func (u Update) Running() bool {
	return !slices.Contains([]string{"Successful", "Failed", "Cancelled"}, u.Status)
}

// CompareAge orders updates by their creation, the oldest first; those without a time come before all others.
func CompareAge(a, b Update) int {
	switch {
	case a.CreatedAt != nil && b.CreatedAt != nil:
		return a.CreatedAt.Compare(b.CreatedAt.Time)
	case a.CreatedAt != nil:
		return 1
	case b.CreatedAt != nil:
		return -1
	}
	return 0
}

// UpdateIDs returns up to 100 ids of the cluster's updates, in no particular order, by one call. more reports whether
// EKS has others.
func (c *Client) UpdateIDs(ctx context.Context, ref Ref) (ids []string, more bool, err error) {
	ids, next, err := c.updatePage(ctx, ref, nil)
	return ids, next != nil, err
}

func (c *Client) updatePage(ctx context.Context, ref Ref, token *string) (ids []string, next *string, err error) {
	out, err := c.api.ListUpdates(ctx, &eks.ListUpdatesInput{
		Name: &ref.Name, MaxResults: aws.Int32(100), NextToken: token,
	})
	if err != nil {
		return nil, nil, explain(err, "ListUpdates", ref.String())
	}
	if aws.ToString(out.NextToken) == "" {
		return out.UpdateIds, nil, nil
	}
	return out.UpdateIds, out.NextToken, nil
}

const updateConcurrency = 4

// Updates returns all updates of the cluster, the oldest first.
func (c *Client) Updates(ctx context.Context, ref Ref) ([]Update, error) {
	ids, next, err := c.updatePage(ctx, ref, nil)
	for err == nil && next != nil {
		var page []string
		page, next, err = c.updatePage(ctx, ref, next)
		ids = append(ids, page...)
	}
	if err != nil {
		return nil, err
	}
	all := make([]Update, len(ids))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(updateConcurrency)
	for i, id := range ids {
		g.Go(func() (err error) {
			all[i], err = c.Update(ctx, ref, id)
			return ignoreNotFound(err) // expired after it was listed
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(u Update) bool { return u.ID == "" })
	slices.SortStableFunc(all, CompareAge)
	return all, nil
}

// Update describes one update of the cluster. EKS deletes updates after a while; the error's kind is then NotFound.
func (c *Client) Update(ctx context.Context, ref Ref, id string) (Update, error) {
	out, err := c.api.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: &ref.Name, UpdateId: &id})
	if err != nil {
		return Update{}, explain(err, "DescribeUpdate", ref.String())
	}
	return newUpdate(out.Update, "DescribeUpdate", ref)
}

// Associate sends the request that associates keyARN with the cluster. EKS answers a repeated request with the same
// token with the same update.
func (c *Client) Associate(ctx context.Context, ref Ref, keyARN, token string) (Update, error) {
	out, err := c.api.AssociateEncryptionConfig(ctx, &eks.AssociateEncryptionConfigInput{
		ClusterName: &ref.Name, ClientRequestToken: &token,
		EncryptionConfig: []ekstypes.EncryptionConfig{{
			Provider: &ekstypes.Provider{KeyArn: &keyARN},
			// No effect today, but EKS required it before September 2026, and no document confirms that every
			// region has dropped the requirement.
			Resources: []string{"secrets"},
		}},
	})
	if err != nil {
		return Update{}, explain(err, "AssociateEncryptionConfig", ref.String())
	}
	return newUpdate(out.Update, "AssociateEncryptionConfig", ref)
}

func newUpdate(in *ekstypes.Update, operation string, ref Ref) (Update, error) {
	if in == nil || aws.ToString(in.Id) == "" {
		return Update{}, fmt.Errorf("%s of %s: the response contains no update", operation, ref)
	}
	u := Update{Type: string(in.Type), Update: v1alpha1.Update{ID: *in.Id, Status: string(in.Status)}}
	if in.CreatedAt != nil {
		u.CreatedAt = &metav1.Time{Time: in.CreatedAt.UTC()}
	}
	for _, p := range in.Params {
		if p.Type == ekstypes.UpdateParamTypeEncryptionConfig {
			u.KeyARN = keyOfParam(aws.ToString(p.Value))
		}
	}
	for _, e := range in.Errors {
		u.Errors = append(u.Errors, v1alpha1.UpdateError{
			Code: string(e.ErrorCode), Message: aws.ToString(e.ErrorMessage), ResourceIDs: e.ResourceIds,
		})
	}
	return u, nil
}

// keyOfParam returns the key ARN in the JSON value of an update's parameter: one encryptionConfig, or a list of them.
func keyOfParam(value string) string {
	var list []ekstypes.EncryptionConfig
	if json.Unmarshal([]byte(value), &list) == nil {
		return keyOf(list)
	}
	var one ekstypes.EncryptionConfig
	_ = json.Unmarshal([]byte(value), &one)
	return keyOf([]ekstypes.EncryptionConfig{one})
}
