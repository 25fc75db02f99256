package awstest

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

func TestNew(t *testing.T) {
	server, config := New(t)
	who, err := sts.NewFromConfig(config).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	Must(t, err)
	if *who.Arn != UserARN || *who.Account != Account {
		t.Errorf("caller = %s of %s, want %s", *who.Arn, *who.Account, UserARN)
	}
	_, err = eks.NewFromConfig(config).ListClusters(t.Context(), &eks.ListClustersInput{})
	Must(t, err)
	Must(t, server.AddPrincipal(User(fakeaws.Allow("kms:*"))))
	_, err = eks.NewFromConfig(config).ListClusters(t.Context(), &eks.ListClustersInput{})
	if err == nil || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("ListClusters with a policy for KMS only = %v, want AccessDenied", err)
	}
}
