package awsclient

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"k8s.io/klog/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// callBoth calls Organizations and Account Management.
func callBoth(t *testing.T, c *Clients) error {
	t.Helper()
	if _, err := c.Organizations().ListAccounts(t.Context(), &organizations.ListAccountsInput{}); err != nil {
		return err
	}
	_, err := c.Account().ListRegions(t.Context(), &account.ListRegionsInput{})
	return err
}

// hostRecorder records the host and the signing region of each request, and responds with {}.
type hostRecorder struct{ hosts, regions []string }

func (h *hostRecorder) Do(r *http.Request) (*http.Response, error) {
	h.hosts = append(h.hosts, r.URL.Host)
	scope := strings.Split(r.Header.Get("Authorization"), "/") // …Credential=KEY/DATE/REGION/SERVICE/aws4_request…
	h.regions = append(h.regions, scope[2])
	body := io.NopCloser(strings.NewReader("{}"))
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body}, nil
}

// TestPartitionEndpoints checks the endpoints of Organizations and Account Management: there is one in each partition,
// and the cluster's region selects the partition.
func TestPartitionEndpoints(t *testing.T) {
	fips := map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}
	for _, test := range []struct {
		region, signingRegion string
		env                   map[string]string
		organizations         string
		account               string
	}{
		{"eu-central-1", "us-east-1", nil,
			"organizations.us-east-1.amazonaws.com", "account.us-east-1.amazonaws.com"},
		{"us-gov-east-1", "us-gov-west-1", nil,
			"organizations.us-gov-west-1.amazonaws.com", "account.us-gov-west-1.amazonaws.com"},
		{"cn-north-1", "cn-northwest-1", nil,
			"organizations.cn-northwest-1.amazonaws.com.cn", "account.cn-northwest-1.amazonaws.com.cn"},
		{"eusc-de-east-1", "eusc-de-east-1", nil,
			"organizations.eusc-de-east-1.amazonaws.eu", "account.eusc-de-east-1.amazonaws.eu"},
		{"eu-central-1", "us-east-1", fips,
			"organizations-fips.us-east-1.amazonaws.com", "account-fips.us-east-1.amazonaws.com"},
		{"us-gov-east-1", "us-gov-west-1", fips,
			"organizations.us-gov-west-1.amazonaws.com", "account-fips.us-gov-west-1.amazonaws.com"},
		{"us-west-2", "us-east-1", map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"},
			"organizations.us-east-1.api.aws", "account.us-east-1.api.aws"},
	} {
		t.Run(test.organizations, func(t *testing.T) {
			newAWS(t, fakeaws.Options{})
			t.Setenv("AWS_ENDPOINT_URL", "")
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			c, err := new(Pool).New(t.Context(), Options{Profile: "ann", Region: test.region})
			awstest.Must(t, err)
			recorder := &hostRecorder{}
			cfg := c.Config()
			cfg.HTTPClient = recorder
			awstest.Must(t, callBoth(t, c.principal.clients(cfg)))
			if want := []string{test.organizations, test.account}; !slices.Equal(recorder.hosts, want) {
				t.Errorf("hosts = %q, want %q", recorder.hosts, want)
			}
			if want := []string{test.signingRegion, test.signingRegion}; !slices.Equal(recorder.regions, want) {
				t.Errorf("signing regions = %q, want %q", recorder.regions, want)
			}
		})
	}
}

// TestFIPSRejectsEndpointURL checks that the SDK rejects FIPS with an endpoint that is not one of AWS.
func TestFIPSRejectsEndpointURL(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	t.Setenv("AWS_USE_FIPS_ENDPOINT", "true")
	c, err := new(Pool).New(t.Context(), Options{Profile: "ann"})
	awstest.Must(t, err)
	if err := callBoth(t, c); err == nil || !strings.Contains(err.Error(), "FIPS") {
		t.Errorf("error = %v, want one about FIPS", err)
	}
}

// newOrganization is newAWS with an organization of one account.
func newOrganization(t *testing.T, o fakeaws.Options) (*fakeaws.Server, string) {
	t.Helper()
	s, url := newAWS(t, o)
	awstest.Must(t, s.Update(func(w *fakeaws.State) {
		w.Regions = append(w.Regions, fakeaws.Region{Name: "eu-west-1"})
		w.Organization = []fakeaws.OrganizationAccount{{ID: awstest.Account, Management: true}}
	}))
	return s, url
}

// TestPartitionEndpointOverrides checks that the endpoints of Organizations and Account Management can be replaced like
// those of the other services.
func TestPartitionEndpointOverrides(t *testing.T) {
	_, url := newOrganization(t, fakeaws.Options{})
	const unreachable = "http://127.0.0.1:1"
	both := map[string]string{"AWS_ENDPOINT_URL_ORGANIZATIONS": url, "AWS_ENDPOINT_URL_ACCOUNT": url}
	for _, test := range []struct {
		name  string
		shell map[string]string
		o     Options
	}{
		{"shell", map[string]string{"AWS_ENDPOINT_URL": url}, Options{}},
		{"flag", nil, Options{EndpointURL: url}},
		{"services in the shell", both, Options{}},
		{"services in the exec block", nil, Options{Env: both}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL", unreachable)
			for name, value := range test.shell {
				t.Setenv(name, value)
			}
			test.o.Profile, test.o.MaxAttempts = "ann", 1
			c, err := new(Pool).New(t.Context(), test.o)
			awstest.Must(t, err)
			out, err := c.Organizations().ListAccounts(t.Context(), &organizations.ListAccountsInput{})
			awstest.Must(t, err)
			if len(out.Accounts) != 1 || aws.ToString(out.Accounts[0].Id) != awstest.Account {
				t.Errorf("ListAccounts = %+v, want account %s", out.Accounts, awstest.Account)
			}
			regions, err := c.Account().ListRegions(t.Context(), &account.ListRegionsInput{})
			awstest.Must(t, err)
			if len(regions.Regions) != 1 || aws.ToString(regions.Regions[0].RegionName) != "eu-west-1" {
				t.Errorf("ListRegions = %+v, want eu-west-1", regions.Regions)
			}
		})
	}
}

// TestClockSkew checks that a call succeeds if this computer's clock differs from the server's by an hour.
func TestClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{time.Hour, -time.Hour} {
		s, _ := newOrganization(t, fakeaws.Options{Now: func() time.Time { return time.Now().Add(skew) }})
		c, err := new(Pool).New(t.Context(), Options{Profile: "ann"})
		awstest.Must(t, err)
		awstest.Must(t, callBoth(t, c.RetryThrottled(nil, nil)))
		if n := len(s.Requests()); n != 4 {
			t.Errorf("skew %v: %d requests, want 2 for each call", skew, n)
		}
	}
}

// TestLogRequests checks that the log at -v=6 has one line for each attempt, without headers.
func TestLogRequests(t *testing.T) {
	s, url := newOrganization(t, fakeaws.Options{})
	c, err := new(Pool).New(t.Context(), Options{Profile: "ann"})
	awstest.Must(t, err)
	state := klog.CaptureState()
	defer state.Restore()
	var log bytes.Buffer
	klog.LogToStderr(false)
	klog.SetOutput(&log)
	var level klog.Level
	awstest.Must(t, level.Set("6"))
	s.SetFaults([]fakeaws.Fault{{Service: "account", Status: 503, Code: "ServiceUnavailableException", Times: 1}})
	awstest.Must(t, callBoth(t, c))
	_, err = c.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
	awstest.Must(t, err)
	klog.Flush()
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	host := strings.TrimPrefix(url, "http://")
	want := [][]string{
		{"AWS Organizations ListAccounts", host, "200 OK"},
		{"AWS Account ListRegions", host, "503 Service Unavailable"},
		{"AWS Account ListRegions", host, "200 OK"},
		{"AWS EKS ListClusters", host, "200 OK"},
	}
	if len(lines) != len(want) {
		t.Fatalf("%d lines, want %d:\n%s", len(lines), len(want), log.String())
	}
	for i, parts := range want {
		for _, part := range parts {
			if !strings.Contains(lines[i], part) {
				t.Errorf("line = %q, want one with %q", lines[i], part)
			}
		}
	}
	if strings.Contains(log.String(), "AWS4-HMAC") {
		t.Errorf("the log contains a signature:\n%s", log.String())
	}
}
