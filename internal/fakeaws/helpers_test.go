package fakeaws

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
)

const (
	home    = "eu-central-1"
	account = "111122223333"
	other   = "444455556666"
)

// clock stands still except for advance.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Now()} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// admin is allowed everything.
var admin = Principal{
	ARN: "arn:aws:iam::" + account + ":user/admin", AccessKeyID: "AKIAADMIN", SecretAccessKey: "admin-secret",
	Policy: []Statement{Allow("*")},
}

// start starts a fake AWS with the user admin and returns its URL.
func start(t *testing.T, o Options) (*Server, string) {
	t.Helper()
	s := New(o)
	t.Cleanup(s.Close)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	must(t, s.AddPrincipal(admin))
	return s, h.URL
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// as returns an SDK configuration that signs as the principal and does not retry.
func as(p Principal, region, url string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(url),
		Credentials:      credentials.NewStaticCredentialsProvider(p.AccessKeyID, p.SecretAccessKey, p.SessionToken),
		RetryMaxAttempts: 1, HTTPClient: requestbody.InMemory{Next: http.DefaultClient},
	}
}

func eksOf(p Principal, url string) *eks.Client { return eks.NewFromConfig(as(p, home, url)) }
func kmsOf(p Principal, url string) *kms.Client { return kms.NewFromConfig(as(p, home, url)) }
func stsOf(p Principal, url string) *sts.Client { return sts.NewFromConfig(as(p, home, url)) }

// wantCode checks the code of an AWS error; "" means no error.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	got := ""
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		got = api.ErrorCode()
	case err != nil:
		got = err.Error()
	}
	if got != code {
		t.Fatalf("error code = %q, want %q (%v)", got, code, err)
	}
}
