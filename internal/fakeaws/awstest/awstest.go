// Package awstest starts a fake AWS for a test.
//
// A test gets the server and the configuration of an SDK client that signs as one IAM user:
//
//	server, config := awstest.New(t, fakeaws.Allow("eks:Describe*"))
//	_, err := server.AddCluster(fakeaws.Cluster{Name: "lab", Region: awstest.Region, Account: awstest.Account})
//	awstest.Must(t, err)
//	client := eks.NewFromConfig(config)
//
// Without a policy, the user is allowed everything. Use NewWithOptions for a clock or a
// duration of associations, and config.Copy for other regions. A program under test gets
// the endpoint and credentials as environment variables: AWS_ENDPOINT_URL is
// *config.BaseEndpoint, AWS_ACCESS_KEY_ID is AccessKeyID and AWS_SECRET_ACCESS_KEY is
// SecretAccessKey. The tests of package fakeaws itself cannot import this package.
package awstest

import (
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

// The user of New and its home.
const (
	Account         = "111122223333"
	Region          = "eu-central-1"
	UserARN         = "arn:aws:iam::" + Account + ":user/ann"
	AccessKeyID     = "AKIAANN"
	SecretAccessKey = "secret"
)

// New starts a fake AWS on loopback until the test ends. The configuration is that of the
// user UserARN in Region, without retries. The user has the policy, or is allowed everything
// if there is none.
func New(t testing.TB, policy ...fakeaws.Statement) (*fakeaws.Server, aws.Config) {
	t.Helper()
	return NewWithOptions(t, fakeaws.Options{}, policy...)
}

// NewWithOptions is New with options for the server.
func NewWithOptions(t testing.TB, o fakeaws.Options, policy ...fakeaws.Statement) (*fakeaws.Server, aws.Config) {
	t.Helper()
	server := fakeaws.New(o)
	t.Cleanup(server.Close)
	listener := httptest.NewServer(server)
	t.Cleanup(listener.Close)
	Must(t, server.AddPrincipal(User(policy...)))
	return server, aws.Config{
		Region: Region, BaseEndpoint: &listener.URL, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(AccessKeyID, SecretAccessKey, ""),
	}
}

// User returns the user of New. AddPrincipal(User(…)) replaces its policy.
func User(policy ...fakeaws.Statement) fakeaws.Principal {
	if len(policy) == 0 {
		policy = []fakeaws.Statement{fakeaws.Allow("*")}
	}
	return fakeaws.Principal{
		ARN: UserARN, AccessKeyID: AccessKeyID, SecretAccessKey: SecretAccessKey, Policy: policy,
	}
}

// Must fails the test now if err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
