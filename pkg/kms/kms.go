package kms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Describer describes one key.
type Describer interface {
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
}

// Reader reads the state, the aliases and the rotation of keys.
type Reader interface {
	Describer
	kms.ListAliasesAPIClient
	GetKeyRotationStatus(
		context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options),
	) (*kms.GetKeyRotationStatusOutput, error)
}

// Lister lists and reads the keys of a region.
type Lister interface {
	Reader
	kms.ListKeysAPIClient
}

// Granter checks whether a grant is allowed. It is called only with DryRun.
type Granter interface {
	CreateGrant(context.Context, *kms.CreateGrantInput, ...func(*kms.Options)) (*kms.CreateGrantOutput, error)
}

// PolicyReader reads the policies of keys in the caller's account.
type PolicyReader interface {
	GetKeyPolicy(context.Context, *kms.GetKeyPolicyInput, ...func(*kms.Options)) (*kms.GetKeyPolicyOutput, error)
}

// Creator creates keys and aliases and turns on rotation.
type Creator interface {
	CreateKey(context.Context, *kms.CreateKeyInput, ...func(*kms.Options)) (*kms.CreateKeyOutput, error)
	CreateAlias(context.Context, *kms.CreateAliasInput, ...func(*kms.Options)) (*kms.CreateAliasOutput, error)
	EnableKeyRotation(
		context.Context, *kms.EnableKeyRotationInput, ...func(*kms.Options),
	) (*kms.EnableKeyRotationOutput, error)
}

// describe returns a key without its aliases and rotation. id is an ARN, a key ID, an alias or an alias ARN.
func describe(ctx context.Context, api Describer, id string) (Candidate, error) {
	out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		return Candidate{}, err
	}
	if out.KeyMetadata == nil || aws.ToString(out.KeyMetadata.Arn) == "" {
		return Candidate{}, fmt.Errorf("kms DescribeKey of %s returned no ARN", id)
	}
	return candidate(out.KeyMetadata), nil
}

// KeyARN returns the ARN of the key behind the ARN of an alias. It returns other ARNs unchanged, and the alias itself
// if DescribeKey fails. EKS reports the ARNs of keys; some emulators report an alias.
func KeyARN(ctx context.Context, api Describer, arn string) string {
	if !strings.Contains(arn, "alias/") {
		return arn
	}
	if c, err := describe(ctx, api, arn); err == nil {
		return c.ARN
	}
	return arn
}

func candidate(m *kmstypes.KeyMetadata) Candidate {
	c := Candidate{Key: v1alpha1.Key{
		ARN: aws.ToString(m.Arn), Account: aws.ToString(m.AWSAccountId),
		State: string(m.KeyState), Manager: string(m.KeyManager), Spec: string(m.KeySpec),
		Usage: string(m.KeyUsage), Origin: string(m.Origin), MultiRegion: aws.ToBool(m.MultiRegion),
	}, KeyStore: aws.ToString(m.CustomKeyStoreId)}
	if m.DeletionDate != nil {
		c.DeletionDate = &metav1.Time{Time: *m.DeletionDate}
	}
	if m.ValidTo != nil && m.ExpirationModel != kmstypes.ExpirationModelTypeKeyMaterialDoesNotExpire {
		c.ValidTo = &metav1.Time{Time: *m.ValidTo}
	}
	c.Description = aws.ToString(m.Description)
	c.CreationDate = timeOf(m.CreationDate)
	if mr := m.MultiRegionConfiguration; mr != nil {
		c.MultiRegionRole = string(mr.MultiRegionKeyType)
		if mr.PrimaryKey != nil {
			c.Primary = aws.ToString(mr.PrimaryKey.Arn)
		}
		for _, replica := range mr.ReplicaKeys {
			c.Replicas = append(c.Replicas, aws.ToString(replica.Arn))
		}
	}
	return c
}

func timeOf(t *time.Time) *metav1.Time {
	if t == nil {
		return nil
	}
	return &metav1.Time{Time: t.UTC()}
}

// keyARNs lists the keys of the account and region.
func keyARNs(ctx context.Context, api kms.ListKeysAPIClient) ([]string, error) {
	var arns []string
	p := kms.NewListKeysPaginator(api, &kms.ListKeysInput{Limit: aws.Int32(1000)})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, k := range out.Keys {
			arns = append(arns, aws.ToString(k.KeyArn))
		}
	}
	return arns, nil
}

// listAliases lists the aliases of the account and region, or those of keyARN if it is not empty. On error it returns
// the aliases read so far.
func listAliases(ctx context.Context, api kms.ListAliasesAPIClient, keyARN string) ([]kmstypes.AliasListEntry, error) {
	in := &kms.ListAliasesInput{Limit: aws.Int32(100)}
	if keyARN != "" {
		in.KeyId = &keyARN
	}
	var aliases []kmstypes.AliasListEntry
	p := kms.NewListAliasesPaginator(api, in)
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return aliases, err
		}
		aliases = append(aliases, out.Aliases...)
	}
	return aliases, nil
}

// Aliases returns the sorted alias names of the account and region by key ID. It leaves out aliases without a key, such
// as those that AWS reserves.
func Aliases(ctx context.Context, api kms.ListAliasesAPIClient) (map[string][]string, error) {
	aliases, err := listAliases(ctx, api, "")
	if err != nil {
		return nil, err
	}
	byID := map[string][]string{}
	for _, a := range aliases {
		if id := aws.ToString(a.TargetKeyId); id != "" {
			byID[id] = append(byID[id], aws.ToString(a.AliasName))
		}
	}
	for id := range byID {
		slices.Sort(byID[id])
	}
	return byID, nil
}

// AliasNames returns the alias names of the region's customer keys. On error it returns the names read so far.
func AliasNames(ctx context.Context, api kms.ListAliasesAPIClient) ([]string, error) {
	aliases, err := listAliases(ctx, api, "")
	var names []string
	for _, a := range aliases {
		if name := aws.ToString(a.AliasName); a.TargetKeyId != nil && !strings.HasPrefix(name, "alias/aws/") {
			names = append(names, name)
		}
	}
	return names, explain(err, "ListAliases", "*")
}

// dryRunGrant calls CreateGrant with DryRun, for the operations that a KMS provider of Kubernetes needs. A dry run in
// KMS always returns an error; nil means that the endpoint ignored DryRun.
func dryRunGrant(ctx context.Context, api Granter, keyARN, grantee string) error {
	_, err := api.CreateGrant(ctx, &kms.CreateGrantInput{
		KeyId: &keyARN, GranteePrincipal: &grantee, DryRun: aws.Bool(true),
		Operations: []kmstypes.GrantOperation{
			kmstypes.GrantOperationEncrypt, kmstypes.GrantOperationDecrypt, kmstypes.GrantOperationDescribeKey,
		},
	})
	return err
}

func keyPolicy(ctx context.Context, api PolicyReader, keyARN string) (string, error) {
	out, err := api.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &keyARN, PolicyName: aws.String("default")})
	if err != nil {
		return "", err
	}
	return aws.ToString(out.Policy), nil
}

func createKey(ctx context.Context, api Creator, c Creation) (Candidate, error) {
	in := &kms.CreateKeyInput{
		Description: aws.String(c.Description), KeySpec: kmstypes.KeySpecSymmetricDefault,
		KeyUsage: kmstypes.KeyUsageTypeEncryptDecrypt, Policy: aws.String(c.Policy),
	}
	if c.MultiRegion {
		in.MultiRegion = aws.Bool(true)
	}
	for _, t := range c.Tags {
		in.Tags = append(in.Tags, kmstypes.Tag{TagKey: aws.String(t.Key), TagValue: aws.String(t.Value)})
	}
	// CreateKey has no idempotency token: a retry after a lost response would create a second key. Throttled
	// requests have no effect, so they are the only ones to retry.
	out, err := api.CreateKey(ctx, in, func(o *kms.Options) { o.Retryer = throttleRetryer{o.Retryer} })
	if err != nil {
		return Candidate{}, err
	}
	if out.KeyMetadata == nil || aws.ToString(out.KeyMetadata.Arn) == "" {
		return Candidate{}, errors.New("kms CreateKey returned no ARN")
	}
	return candidate(out.KeyMetadata), nil
}

// throttleRetryer retries only throttled requests.
type throttleRetryer struct{ aws.Retryer }

// IsErrorRetryable reports whether KMS throttled the request, so that it did nothing.
func (throttleRetryer) IsErrorRetryable(err error) bool {
	return code(err) == "ThrottlingException"
}

func createAlias(ctx context.Context, api Creator, name, keyARN string) error {
	_, err := api.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &name, TargetKeyId: &keyARN})
	return err
}

// enableRotation turns on rotation every days; 0 means the default of KMS.
func enableRotation(ctx context.Context, api Creator, keyARN string, days int32) error {
	in := &kms.EnableKeyRotationInput{KeyId: &keyARN}
	if days > 0 {
		in.RotationPeriodInDays = &days
	}
	_, err := api.EnableKeyRotation(ctx, in)
	return err
}
