package kms

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// Reader is what it takes to know the key of a cluster, in the key's own region.
type Reader interface {
	Describer
	ListAliases(context.Context, *kms.ListAliasesInput, ...func(*kms.Options)) (*kms.ListAliasesOutput, error)
	GetKeyRotationStatus(context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options)) (*kms.GetKeyRotationStatusOutput, error)
}

// Facts asks for a key's state, aliases and rotation, side by side. What KMS does
// not tell is no error: unasked says why the state is unknown (another account, a
// missing permission; never "deleted"), notes what else is missing.
func Facts(ctx context.Context, api Reader, keyARN string) (key v1alpha1.Key, unasked string, notes []string) {
	key = v1alpha1.Key{ARN: keyARN}
	var described Candidate
	var names []string
	var rotates *v1alpha1.Rotation
	var describeErr, aliasErr, rotationErr error
	var g errgroup.Group
	g.Go(func() error {
		described, describeErr = describe(ctx, api, keyARN)
		return nil
	})
	g.Go(func() error {
		names, aliasErr = aliasesOf(ctx, api, keyARN)
		return nil
	})
	g.Go(func() error {
		rotates, rotationErr = rotation(ctx, api, keyARN)
		return nil
	})
	_ = g.Wait()
	if describeErr != nil {
		err := awsclient.Explain(describeErr, awsclient.Operation{Name: "DescribeKey", Action: "kms:DescribeKey", Resource: keyARN})
		unasked = err.Error()
	} else {
		key = described.Key
		key.ARN = keyARN // as EKS names it
	}
	if aliasErr == nil {
		key.Aliases = names
	} else if describeErr == nil {
		notes = append(notes, "aliases: "+awsclient.Explain(aliasErr, awsclient.Operation{Name: "ListAliases", Action: "kms:ListAliases", Resource: "*"}).Error())
	}
	switch {
	case rotationErr == nil:
		key.Rotation = rotates
	case describeErr == nil && canRotate(key):
		notes = append(notes, "rotation: "+awsclient.Explain(rotationErr, awsclient.Operation{Name: "GetKeyRotationStatus", Action: "kms:GetKeyRotationStatus", Resource: keyARN}).Error())
	}
	return key, unasked, notes
}

// canRotate says whether KMS has an answer on rotation at all: not for imported
// material, custom key stores, and keys about to go.
func canRotate(k v1alpha1.Key) bool {
	return k.Origin == "AWS_KMS" && k.Spec == "SYMMETRIC_DEFAULT" && (k.State == "Enabled" || k.State == "Disabled")
}

func aliasesOf(ctx context.Context, api Reader, keyARN string) ([]string, error) {
	var names []string
	p := kms.NewListAliasesPaginator(api, &kms.ListAliasesInput{KeyId: &keyARN})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("listing aliases: %w", err)
		}
		for _, a := range out.Aliases {
			names = append(names, aws.ToString(a.AliasName))
		}
	}
	slices.Sort(names)
	return names, nil
}
