package kms

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// onDemandLimit is the number of rotations on demand that KMS allows for a key (KMS API reference, RotateKeyOnDemand).
const onDemandLimit = 25

// rotation returns the automatic rotation of a key.
func rotation(ctx context.Context, api Reader, keyARN string) (*v1alpha1.Rotation, error) {
	out, err := api.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &keyARN})
	if err != nil {
		return nil, err
	}
	return &v1alpha1.Rotation{
		Enabled: out.KeyRotationEnabled, PeriodDays: aws.ToInt32(out.RotationPeriodInDays),
		NextDate: timeOf(out.NextRotationDate), OnDemandStarted: timeOf(out.OnDemandRotationStartDate),
	}, nil
}

// hasRotations reports whether KMS can have rotated the key, automatically or on demand. It rotates symmetric keys
// whose material it created, and on demand also those with imported material.
func hasRotations(k v1alpha1.Key) bool {
	return k.Spec == "SYMMETRIC_DEFAULT" && (k.Origin == "AWS_KMS" || k.Origin == "EXTERNAL")
}

// rotations counts the rotations that KMS has completed for a key. It returns nil for a key that KMS cannot rotate.
func rotations(ctx context.Context, api kms.ListKeyRotationsAPIClient, keyARN string) (*v1alpha1.Rotations, error) {
	found := &v1alpha1.Rotations{OnDemandLimit: onDemandLimit}
	p := kms.NewListKeyRotationsPaginator(api, &kms.ListKeyRotationsInput{KeyId: &keyARN, Limit: aws.Int32(1000)})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if code(err) == "UnsupportedOperationException" {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, r := range out.Rotations {
			switch r.RotationType {
			case kmstypes.RotationTypeOnDemand:
				found.OnDemand++
			case kmstypes.RotationTypeAutomatic:
				found.Automatic++
			}
			if last := timeOf(r.RotationDate); last != nil && (found.Last == nil || found.Last.Before(last)) {
				found.Last = last
			}
		}
	}
	return found, nil
}
