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

// LastAssociation returns the association in progress, or else the newest one, or nil. updates are sorted by their age.
func LastAssociation(updates []Update) (last *Update) {
	for i := range updates {
		u := &updates[i]
		if u.IsAssociation() && (last == nil || u.Running() || !last.Running()) {
			last = u
		}
	}
	return last
}

// UpdateIDs lists the ids of all updates of the cluster, in no particular order.
func (c *Client) UpdateIDs(ctx context.Context, ref Ref) ([]string, error) {
	var ids []string
	in := &eks.ListUpdatesInput{Name: &ref.Name, MaxResults: aws.Int32(100)}
	for {
		out, err := c.api.ListUpdates(ctx, in)
		if err != nil {
			return nil, explain(err, "ListUpdates", ref.String())
		}
		ids = append(ids, out.UpdateIds...)
		switch token := aws.ToString(out.NextToken); token {
		case "":
			return ids, nil
		case aws.ToString(in.NextToken): // the SDK's paginator would stop here without an error
			return nil, fmt.Errorf("ListUpdates of %s: the response repeats the token of its page", ref)
		}
		in.NextToken = out.NextToken
	}
}

// updateConcurrency bounds the concurrent calls, not their number: every update is read.
const updateConcurrency = 16

// DescribeUpdates describes the updates with these ids and returns them, the oldest first. It leaves out those that
// EKS has deleted since they were listed. With an error, it returns the updates that it could read.
func (c *Client) DescribeUpdates(ctx context.Context, ref Ref, ids []string) ([]Update, error) {
	all := make([]Update, len(ids))
	var g errgroup.Group
	g.SetLimit(updateConcurrency)
	for i, id := range ids {
		g.Go(func() (err error) {
			all[i], err = c.Update(ctx, ref, id)
			return ignoreNotFound(err)
		})
	}
	err := g.Wait()
	all = slices.DeleteFunc(all, func(u Update) bool { return u.ID == "" })
	slices.SortStableFunc(all, CompareAge)
	return all, err
}

// Updates lists and describes all updates of the cluster, the oldest first.
func (c *Client) Updates(ctx context.Context, ref Ref) ([]Update, error) {
	ids, err := c.UpdateIDs(ctx, ref)
	if err != nil {
		return nil, err
	}
	return c.DescribeUpdates(ctx, ref, ids)
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
