package awsclient

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// retryingClients returns clients that retry without delay.
func retryingClients(t *testing.T, o Options) (*fakeaws.Server, *Clients) {
	t.Helper()
	s, _ := newAWS(t, fakeaws.Options{})
	o.Profile = "ann"
	clients, err := new(Pool).New(t.Context(), o)
	awstest.Must(t, err)
	return s, clients.RetryThrottled(func(int) time.Duration { return time.Microsecond }, nil)
}

// TestRetryThrottled checks that throttled calls are retried until they succeed, failed calls a few times, and rejected
// calls never.
func TestRetryThrottled(t *testing.T) {
	for _, test := range []struct {
		name     string
		fault    fakeaws.Fault
		attempts int
		kind     Kind // empty: the call succeeds in the end
	}{
		{"throttled 9 times", fakeaws.Fault{Status: 429, Code: "ThrottlingException", Times: 9}, 10, ""},
		{"throttled with status 400", fakeaws.Fault{Status: 400, Code: "ThrottlingException", Times: 9}, 10, ""},
		{"status 429, unknown code", fakeaws.Fault{Status: 429, Code: "SlowDownPlease", Times: 9}, 10, ""},
		{"always throttled", fakeaws.Fault{Status: 429, Code: "ThrottlingException"}, throttledAttempts, KindThrottled},
		{"down", fakeaws.Fault{Status: 503, Code: "ServiceUnavailableException"}, failedAttempts, KindServer},
		{"denied", fakeaws.Fault{Status: 403, Code: "AccessDeniedException"}, 1, KindAccessDenied},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, clients := retryingClients(t, Options{})
			for name, call := range map[string]func() error{
				"ListClusters": func() error {
					_, err := clients.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
					return Explain(err, Operation{Name: "ListClusters"})
				},
				"ListRegions": func() error {
					_, err := clients.Account().ListRegions(t.Context(), &account.ListRegionsInput{})
					return Explain(err, Operation{Name: "ListRegions"})
				},
			} {
				s.ResetRequests()
				s.SetFaults([]fakeaws.Fault{test.fault})
				err := call()
				if (err == nil) != (test.kind == "") || err != nil && KindOf(err) != test.kind {
					t.Errorf("%s: error = %v of kind %s, want kind %q", name, err, KindOf(err), test.kind)
				}
				if n := len(s.Requests()); n != test.attempts {
					t.Errorf("%s: %d attempts, want %d", name, n, test.attempts)
				}
			}
		})
	}
}

// TestRetryThrottledWithMaxAttempts checks that MaxAttempts takes precedence over RetryThrottled.
func TestRetryThrottledWithMaxAttempts(t *testing.T) {
	s, clients := retryingClients(t, Options{MaxAttempts: 2})
	s.SetFaults([]fakeaws.Fault{{Status: 429, Code: "ThrottlingException"}})
	_, err := clients.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
	if n := len(s.Requests()); err == nil || n != 2 {
		t.Errorf("%d attempts, error = %v; want 2 attempts and an error", n, err)
	}
}

// TestGate checks that each attempt of each service passes the gate, except STS calls: a gated call that waits for
// credentials would wait for itself.
func TestGate(t *testing.T) {
	s, clients := retryingClients(t, Options{Region: "eu-west-1"})
	key := awstest.AddKey(t, s, fakeaws.Key{Region: "eu-west-1"})
	slot := make(chan struct{}, 1)
	attempts, slowed := 0, 0
	gated := clients.Assume(roleARN, "", "").WithGate(func(ctx context.Context, send func() Outcome) error {
		select {
		case slot <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		attempts++
		if send() == Throttled {
			slowed++
		}
		<-slot
		return nil
	})
	s.SetFaults([]fakeaws.Fault{{Operation: "ListClusters", Status: 429, Code: "ThrottlingException", Times: 2}})
	_, err := gated.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
	awstest.Must(t, err)
	_, err = gated.KMS("").DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &key})
	awstest.Must(t, err)
	_, err = gated.Account().ListRegions(t.Context(), &account.ListRegionsInput{})
	awstest.Must(t, err)
	if attempts != 5 || slowed != 2 {
		t.Errorf("%d attempts, %d throttled, want 5 and 2", attempts, slowed)
	}
	slot <- struct{}{} // closes the gate
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gated.EKS().ListClusters(ctx, &eks.ListClustersInput{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error at a closed gate = %v, want %v", err, context.Canceled)
	}
}

// TestNewGate checks that the gate holds back what exceeds its number, and lets go when the context ends.
func TestNewGate(t *testing.T) {
	gate := NewGate(2)
	var running, most atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_ = gate(t.Context(), func() Outcome {
				n := running.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				runtime.Gosched()
				running.Add(-1)
				return Answered
			})
		})
	}
	all.Wait()
	if n := most.Load(); n > 2 {
		t.Errorf("%d calls at the same time, want at most 2", n)
	}
	// With both slots in use, a call ends with its context.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := gate(t.Context(), func() Outcome {
		err := gate(t.Context(), func() Outcome {
			if gate(ctx, func() Outcome { return Answered }) == nil {
				t.Error("the gate let a third call through")
			}
			return Answered
		})
		if err != nil {
			t.Error(err)
		}
		return Answered
	})
	if err != nil {
		t.Errorf("gate = %v, want nil", err)
	}
}

// TestHurriedRetries checks that throttled calls are repeated sooner when the work is to end.
func TestHurriedRetries(t *testing.T) {
	hurry := make(chan struct{})
	r := newThrottleRetryer(func(int) time.Duration { return time.Second }, hurry)
	throttle := &smithy.GenericAPIError{Code: "ThrottlingException"}
	if delay, err := r.RetryDelay(8, throttle); delay != time.Second || err != nil {
		t.Errorf("RetryDelay = %s, %v, want 1s", delay, err)
	}
	close(hurry)
	if delay, err := r.RetryDelay(8, throttle); delay != hurriedDelay || err != nil {
		t.Errorf("RetryDelay in a hurry = %s, %v, want %s", delay, err, hurriedDelay)
	}
}
