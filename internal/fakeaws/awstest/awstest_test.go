package awstest

import (
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// TestNew checks the user of the configuration, and that AddPrincipal replaces its policy.
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

// TestAdd checks that clusters and keys are added to the home of the user by default.
func TestAdd(t *testing.T) {
	server, config := New(t)
	key := AddKey(t, server, fakeaws.Key{Region: "us-east-1"})
	if want := "arn:aws:kms:us-east-1:" + Account + ":key/"; !strings.HasPrefix(key, want) {
		t.Errorf("key = %s, want %s…", key, want)
	}
	cluster := AddCluster(t, server, fakeaws.Cluster{Name: "lab", KeyARN: key})
	if want := "arn:aws:eks:" + Region + ":" + Account + ":cluster/lab"; cluster != want {
		t.Errorf("cluster = %s, want %s", cluster, want)
	}
	_, err := eks.NewFromConfig(config).ListClusters(t.Context(), &eks.ListClustersInput{})
	Must(t, err)
	if list, describe := Calls(server, "ListClusters"), Calls(server, "DescribeCluster"); list != 1 || describe != 0 {
		t.Errorf("Calls = %d, %d, want 1, 0", list, describe)
	}
}

// TestClearEnvironment checks that no AWS setting remains.
func TestClearEnvironment(t *testing.T) {
	t.Setenv("AWS_PROFILE", "someone")
	ClearEnvironment(t)
	if value, found := os.LookupEnv("AWS_PROFILE"); found {
		t.Errorf("AWS_PROFILE = %q, want it unset", value)
	}
}
