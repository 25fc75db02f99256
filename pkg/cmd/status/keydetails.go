package status

import (
	"context"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cloudtrail"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// addKeyDetails adds what KMS and CloudTrail show about the key.
func addKeyDetails(ctx context.Context, inspected *cmdutil.Inspected) {
	clients := inspected.AWS
	if clients == nil {
		return
	}
	inspect.AddKeyEvidence(ctx, inspect.EvidenceSource{
		KMS:    func(region string) kms.EvidenceReader { return clients.KMS(region) },
		Events: func(region string) kms.Events { return cloudtrail.New(clients.LookupEvents(region)) },
	}, &inspected.Report, inspected.RoleARN, time.Now())
}
