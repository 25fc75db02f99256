// Package awstest starts a fake AWS for a test.
//
// A test gets the server and the configuration of an SDK client that signs as one IAM user:
//
//	server, config := awstest.New(t, fakeaws.Allow("eks:Describe*"))
//	arn := awstest.AddCluster(t, server, fakeaws.Cluster{Name: "lab"})
//	client := eks.NewFromConfig(config)
//
// Without a policy, the user is allowed everything. Use NewWithOptions for a clock or a
// duration of associations, and config.Copy for other regions. A program under test gets
// the endpoint and credentials as environment variables: AWS_ENDPOINT_URL is
// *config.BaseEndpoint, AWS_ACCESS_KEY_ID is AccessKeyID and AWS_SECRET_ACCESS_KEY is
// SecretAccessKey. The tests of package fakeaws itself cannot import this package.
package awstest

import (
	"cmp"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
)

// The user of New and its home.
const (
	Account         = "111122223333"
	Region          = "eu-central-1"
	UserARN         = "arn:aws:iam::" + Account + ":user/ann"
	AccessKeyID     = "AKIAANN"
	SecretAccessKey = "secret"
)

// OtherAccount is an account without a user.
const OtherAccount = "444455556666"

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
		HTTPClient:  requestbody.InMemory{Next: http.DefaultClient},
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

// AddCluster adds a cluster and returns its ARN. The defaults of c.Region and c.Account are
// Region and Account.
func AddCluster(t testing.TB, server *fakeaws.Server, c fakeaws.Cluster) string {
	t.Helper()
	c.Region, c.Account = cmp.Or(c.Region, Region), cmp.Or(c.Account, Account)
	arn, err := server.AddCluster(c)
	Must(t, err)
	return arn
}

// AddKey adds a key and returns its ARN. The defaults of k.Region and k.Account are Region
// and Account.
func AddKey(t testing.TB, server *fakeaws.Server, k fakeaws.Key) string {
	t.Helper()
	k.Region, k.Account = cmp.Or(k.Region, Region), cmp.Or(k.Account, Account)
	arn, err := server.AddKey(k)
	Must(t, err)
	return arn
}

// Calls returns the number of requests for an operation, such as "DescribeKey".
func Calls(server *fakeaws.Server, operation string) (n int) {
	for _, r := range server.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// ClearEnvironment removes the AWS settings of the environment and of the home directory
// until the test ends: credentials come only from what the test sets.
func ClearEnvironment(t testing.TB) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "") // restores the variable after the test
			Must(t, os.Unsetenv(name))
		}
	}
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
}

// Must fails the test now if err is not nil.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
