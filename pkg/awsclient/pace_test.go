package awsclient

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

func patient(t *testing.T, o Options) (*fakeaws.Server, *Clients) {
	t.Helper()
	s, _ := newWorld(t)
	o.Profile = "ann"
	clients, err := New(t.Context(), o)
	must(t, err)
	return s, clients.Patient(func(int) time.Duration { return time.Microsecond })
}

// Throttling is waited out; other failures are not, and a refusal is final.
func TestPatience(t *testing.T) {
	for _, test := range []struct {
		name     string
		fault    fakeaws.Fault
		attempts int
		kind     Kind // empty: the call succeeds in the end
	}{
		{"throttled for a while", fakeaws.Fault{Status: 429, Code: "ThrottlingException", Times: 9}, 10, ""},
		{"throttled by a code of 400", fakeaws.Fault{Status: 400, Code: "ThrottlingException", Times: 9}, 10, ""},
		{"429 and no known code", fakeaws.Fault{Status: 429, Code: "SlowDownPlease", Times: 9}, 10, ""},
		{"throttled for ever", fakeaws.Fault{Status: 429, Code: "ThrottlingException"}, throttledAttempts, KindThrottled},
		{"down", fakeaws.Fault{Status: 503, Code: "ServiceUnavailableException"}, failedAttempts, KindServer},
		{"denied", fakeaws.Fault{Status: 403, Code: "AccessDeniedException"}, 1, KindAccessDenied},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, clients := patient(t, Options{})
			for name, call := range map[string]func() error{
				"ListClusters": func() error {
					_, err := clients.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
					return Explain(err, Operation{Name: "ListClusters"})
				},
				"ListRegions": func() error {
					err := clients.Call(t.Context(), "aws", JSONCall{Service: "account", Path: "/listRegions"}, map[string]any{}, &struct{}{})
					return Explain(err, Operation{Name: "ListRegions"})
				},
			} {
				s.ResetRequests()
				s.SetFaults([]fakeaws.Fault{test.fault})
				err := call()
				if (err == nil) != (test.kind == "") || err != nil && KindOf(err) != test.kind {
					t.Errorf("%s: %v", name, err)
				}
				if n := len(s.Requests()); n != test.attempts {
					t.Errorf("%s: %d attempts, want %d", name, n, test.attempts)
				}
			}
		})
	}
}

// What the user says of attempts counts.
func TestPatienceByUser(t *testing.T) {
	s, clients := patient(t, Options{MaxAttempts: 2})
	s.SetFaults([]fakeaws.Fault{{Status: 429, Code: "ThrottlingException"}})
	if _, err := clients.EKS().ListClusters(t.Context(), &eks.ListClustersInput{}); err == nil || len(s.Requests()) != 2 {
		t.Errorf("%d attempts, %v", len(s.Requests()), err)
	}
}

// Each attempt passes the gate, of either service; the calls of STS that a signature
// waits for don't, or one could wait for the other.
func TestGate(t *testing.T) {
	s, clients := patient(t, Options{Region: "eu-west-1"})
	key, err := s.AddKey(fakeaws.Key{Region: "eu-west-1", Account: account})
	must(t, err)
	slot := make(chan struct{}, 1)
	passed, slowed := 0, 0
	gated := clients.Assume("arn:aws:iam::"+account+":role/r", "").Through(func(ctx context.Context, send func() bool) error {
		select {
		case slot <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		passed++
		if send() {
			slowed++
		}
		<-slot
		return nil
	})
	s.SetFaults([]fakeaws.Fault{{Operation: "ListClusters", Status: 429, Code: "ThrottlingException", Times: 2}})
	_, err = gated.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
	must(t, err)
	_, err = gated.KMS("").DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &key})
	must(t, err)
	if passed != 4 || slowed != 2 {
		t.Errorf("%d attempts passed, %d were throttled", passed, slowed)
	}
	slot <- struct{}{} // for good
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gated.EKS().ListClusters(ctx, &eks.ListClustersInput{}); !errors.Is(err, context.Canceled) {
		t.Errorf("behind a closed gate: %v", err)
	}
}

// The services without a client of their own are found where the others are.
func TestCall(t *testing.T) {
	s, url := newWorld(t)
	must(t, s.Update(func(w *fakeaws.World) {
		w.Regions = append(w.Regions, fakeaws.Region{Name: "eu-west-1"}, fakeaws.Region{Name: "af-south-1", OptIn: "DISABLED"})
		w.Organization = []fakeaws.OrganizationAccount{{ID: account, Management: true}}
	}))
	organizations := JSONCall{Service: "organizations", Path: "/", Target: "AWSOrganizationsV20161128.ListAccounts"}
	call := func(o Options) (string, error) {
		clients, err := New(t.Context(), o)
		must(t, err)
		var out struct {
			Accounts []struct {
				ID string `json:"Id"`
			}
		}
		err = clients.Call(t.Context(), "aws", organizations, map[string]any{}, &out)
		if len(out.Accounts) != 1 {
			return "", err
		}
		return out.Accounts[0].ID, err
	}
	if got, err := call(Options{Profile: "ann"}); got != account || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	if got, err := call(Options{Profile: "ann", EndpointURL: url}); got != account || err != nil {
		t.Errorf("--endpoint-url: %s, %v", got, err)
	}
	t.Setenv("AWS_ENDPOINT_URL_ORGANIZATIONS", url)
	if got, err := call(Options{Profile: "ann"}); got != account || err != nil {
		t.Errorf("its own endpoint: %s, %v", got, err)
	}
	clients, err := New(t.Context(), Options{Profile: "ann"})
	must(t, err)
	if err := clients.Call(t.Context(), "aws-iso", organizations, map[string]any{}, nil); err == nil {
		t.Error("a partition that is not known was asked")
	}
	if got := aws.ToString(clients.Config().BaseEndpoint); got != "http://127.0.0.1:1" {
		t.Errorf("the configuration has changed: %s", got)
	}
}
