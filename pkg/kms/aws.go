package kms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Describer is what it takes to know one key: kms:DescribeKey.
type Describer interface {
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
}

// Lister is what it takes to know all keys of a region.
type Lister interface {
	Describer
	ListKeys(context.Context, *kms.ListKeysInput, ...func(*kms.Options)) (*kms.ListKeysOutput, error)
	ListAliases(context.Context, *kms.ListAliasesInput, ...func(*kms.Options)) (*kms.ListAliasesOutput, error)
	GetKeyRotationStatus(context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options)) (*kms.GetKeyRotationStatusOutput, error)
}

// Granter is what it takes to try a grant: kms:CreateGrant, always a dry run.
type Granter interface {
	CreateGrant(context.Context, *kms.CreateGrantInput, ...func(*kms.Options)) (*kms.CreateGrantOutput, error)
}

// PolicyReader reads key policies: kms:GetKeyPolicy, within the key's account.
type PolicyReader interface {
	GetKeyPolicy(context.Context, *kms.GetKeyPolicyInput, ...func(*kms.Options)) (*kms.GetKeyPolicyOutput, error)
}

// Creator is what it takes to make a key.
type Creator interface {
	CreateKey(context.Context, *kms.CreateKeyInput, ...func(*kms.Options)) (*kms.CreateKeyOutput, error)
	CreateAlias(context.Context, *kms.CreateAliasInput, ...func(*kms.Options)) (*kms.CreateAliasOutput, error)
	EnableKeyRotation(context.Context, *kms.EnableKeyRotationInput, ...func(*kms.Options)) (*kms.EnableKeyRotationOutput, error)
}

// describe asks for the facts of one key, by anything that names it.
func describe(ctx context.Context, api Describer, id string) (Candidate, error) {
	out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		return Candidate{}, err
	}
	if out.KeyMetadata == nil || aws.ToString(out.KeyMetadata.Arn) == "" {
		return Candidate{}, fmt.Errorf("kms DescribeKey of %s answered without an ARN", id)
	}
	return candidate(out.KeyMetadata), nil
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
	if mr := m.MultiRegionConfiguration; mr != nil {
		c.MultiRegionRole = string(mr.MultiRegionKeyType)
		if mr.PrimaryKey != nil {
			c.PrimaryARN = aws.ToString(mr.PrimaryKey.Arn)
		}
	}
	return c
}

// keyARNs lists the keys of the account and region, up to 1,000 a page.
func keyARNs(ctx context.Context, api Lister) ([]string, error) {
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

// Aliases lists the alias names of each key id of the account and region. Those without a target, such as
// the ones that AWS reserves, belong to no key yet.
func Aliases(ctx context.Context, api kms.ListAliasesAPIClient) (map[string][]string, error) {
	byID := map[string][]string{}
	p := kms.NewListAliasesPaginator(api, &kms.ListAliasesInput{Limit: aws.Int32(100)})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range out.Aliases {
			if id := aws.ToString(a.TargetKeyId); id != "" {
				byID[id] = append(byID[id], aws.ToString(a.AliasName))
			}
		}
	}
	for id := range byID {
		slices.Sort(byID[id])
	}
	return byID, nil
}

// AliasNames lists the names of the aliases that lead to customer keys of the region,
// as far as they came before an error.
func AliasNames(ctx context.Context, api kms.ListAliasesAPIClient) ([]string, error) {
	var names []string
	p := kms.NewListAliasesPaginator(api, &kms.ListAliasesInput{Limit: aws.Int32(100)})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return names, explain(err, "ListAliases", "*")
		}
		for _, a := range out.Aliases {
			if name := aws.ToString(a.AliasName); a.TargetKeyId != nil && !strings.HasPrefix(name, "alias/aws/") {
				names = append(names, name)
			}
		}
	}
	return names, nil
}

type rotationReader interface {
	GetKeyRotationStatus(context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options)) (*kms.GetKeyRotationStatusOutput, error)
}

func rotation(ctx context.Context, api rotationReader, keyARN string) (*v1alpha1.Rotation, error) {
	out, err := api.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &keyARN})
	if err != nil {
		return nil, err
	}
	return &v1alpha1.Rotation{Enabled: out.KeyRotationEnabled, PeriodDays: aws.ToInt32(out.RotationPeriodInDays)}, nil
}

// grantOperations are what a KMS provider of Kubernetes does with a key.
var grantOperations = []kmstypes.GrantOperation{
	kmstypes.GrantOperationEncrypt, kmstypes.GrantOperationDecrypt, kmstypes.GrantOperationDescribeKey,
}

// tryGrant asks whether the caller could grant the use of the key; the request
// always carries DryRun. A true first result means that the endpoint ignored it.
func tryGrant(ctx context.Context, api Granter, keyARN, grantee string) (granted bool, err error) {
	_, err = api.CreateGrant(ctx, &kms.CreateGrantInput{
		KeyId: &keyARN, GranteePrincipal: &grantee, Operations: grantOperations, DryRun: aws.Bool(true),
	})
	return err == nil, err
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
	// CreateKey has no token: a second attempt after a lost answer would make a
	// second key. So nothing is retried here but what KMS turned away.
	out, err := api.CreateKey(ctx, in, onlyRefused)
	if err != nil {
		return Candidate{}, err
	}
	if out.KeyMetadata == nil || aws.ToString(out.KeyMetadata.Arn) == "" {
		return Candidate{}, errors.New("kms CreateKey answered without an ARN")
	}
	return candidate(out.KeyMetadata), nil
}

// onlyRefused retries throttled requests alone: they did nothing.
func onlyRefused(o *kms.Options) {
	o.Retryer = retryThrottles{o.Retryer}
}

type retryThrottles struct{ aws.Retryer }

func (retryThrottles) IsErrorRetryable(err error) bool {
	return code(err) == "ThrottlingException"
}

func createAlias(ctx context.Context, api Creator, name, keyARN string) error {
	_, err := api.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &name, TargetKeyId: &keyARN})
	return err
}

func enableRotation(ctx context.Context, api Creator, keyARN string, days int32) error {
	in := &kms.EnableKeyRotationInput{KeyId: &keyARN}
	if days > 0 {
		in.RotationPeriodInDays = &days
	}
	_, err := api.EnableKeyRotation(ctx, in)
	return err
}

// code is the error's name on the wire, without a prefix; empty if the service
// never answered.
func code(err error) string {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return ""
	}
	c := api.ErrorCode()
	return c[strings.LastIndexByte(c, '#')+1:]
}

func denied(err error) bool {
	c := code(err)
	return c == "AccessDeniedException" || c == "AccessDenied"
}

// message is what the service itself said.
func message(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorMessage() != "" {
		return api.ErrorMessage()
	}
	return err.Error()
}
