package kms

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TagReader reads the tags of keys in the caller's account.
type TagReader interface{ kms.ListResourceTagsAPIClient }

// DepthReader reads everything that KMS shows about one key.
type DepthReader interface {
	Reader
	Granter
	TagReader
	EvidenceReader
}

// tags returns the tags of a key; they are not nil if there is no error.
func tags(ctx context.Context, api TagReader, keyARN string) (map[string]string, error) {
	found := map[string]string{}
	p := kms.NewListResourceTagsPaginator(api, &kms.ListResourceTagsInput{KeyId: &keyARN})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, t := range out.Tags {
			found[aws.ToString(t.TagKey)] = aws.ToString(t.TagValue)
		}
	}
	return found, nil
}

// maxGrants is the number of grants that are read: a key can have 50,000.
const maxGrants = 1000

// grants returns the grants of a key. more is true if there are others.
func grants(ctx context.Context, api kms.ListGrantsAPIClient, keyARN string) (
	found []v1alpha1.KeyGrant, more bool, err error,
) {
	p := kms.NewListGrantsPaginator(api, &kms.ListGrantsInput{KeyId: &keyARN, Limit: aws.Int32(100)})
	for p.HasMorePages() {
		if len(found) >= maxGrants {
			return found, true, nil
		}
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, false, err
		}
		for _, g := range out.Grants {
			grant := v1alpha1.KeyGrant{
				ID: aws.ToString(g.GrantId), Name: aws.ToString(g.Name), Grantee: aws.ToString(g.GranteePrincipal),
				Retiring: aws.ToString(g.RetiringPrincipal), Operations: []string{}, CreationDate: timeOf(g.CreationDate),
			}
			if service := aws.ToString(g.GranteeServicePrincipal); service != "" {
				grant.Grantee = service
			}
			if service := aws.ToString(g.RetiringServicePrincipal); service != "" {
				grant.Retiring = service
			}
			for _, operation := range g.Operations {
				grant.Operations = append(grant.Operations, string(operation))
			}
			slices.Sort(grant.Operations)
			if c := g.Constraints; c != nil {
				grant.SourceARN = aws.ToString(c.SourceArn)
				grant.ContextEquals, grant.ContextSubset = c.EncryptionContextEquals, c.EncryptionContextSubset
				grant.EncryptionContext = len(c.EncryptionContextEquals)+len(c.EncryptionContextSubset) > 0
			}
			found = append(found, grant)
		}
	}
	return found, false, nil
}

func lastUse(ctx context.Context, api EvidenceReader, keyARN string) (*v1alpha1.KeyUse, error) {
	out, err := api.GetKeyLastUsage(ctx, &kms.GetKeyLastUsageInput{KeyId: &keyARN})
	if err != nil {
		return nil, err
	}
	use := &v1alpha1.KeyUse{TrackedSince: timeOf(out.TrackingStartDate)}
	if last := out.KeyLastUsage; last != nil {
		use.Operation, use.Time = string(last.Operation), timeOf(last.Timestamp)
		use.CloudTrailEventID = aws.ToString(last.CloudTrailEventId)
	}
	return use, nil
}
