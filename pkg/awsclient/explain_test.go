package awsclient

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestErrors checks that an explained error has a kind, the action, the object and the next step.
func TestErrors(t *testing.T) {
	tests := []struct {
		name          string
		status        int
		code          string
		latency       time.Duration
		kind          Kind
		message, hint string // substrings
	}{
		{"denied", 403, "AccessDeniedException", 0, KindAccessDenied,
			"eks:DescribeCluster on arn:x is not allowed", "allow eks:DescribeCluster on arn:x"},
		{"denied by the organization", 403, "AccessDeniedException", 0, KindAccessDenied,
			"explicit deny in a service control policy", "in the service control policies of the organization"},
		{"not found", 0, "", 0, KindNotFound, "No cluster found", ""},
		{"throttled", 429, "ThrottlingException", 0, KindThrottled, "DescribeCluster of arn:x", "try again"},
		{"expired", 403, "ExpiredTokenException", 0, KindExpiredCredentials, "", "renew"},
		{"wrong keys", 403, "UnrecognizedClientException", 0, KindBadCredentials, "", "get-caller-identity"},
		{"region not enabled", 403, "OptInRequired", 0, KindRegionDisabled, "has not enabled this region", "enable-region"},
		{"skewed clock", 403, "RequestTimeTooSkewed", 0, KindBadCredentials, "clock of this computer", "set the clock"},
		{"server", 503, "ServiceUnavailableException", 0, KindServer, "", "try again"},
		{"dropped", -1, "", 0, KindUnreachable, "cannot connect", "network"},
		{"late", 0, "", 5 * time.Second, KindTimeout, "timed out", "--request-timeout"},
		{"unknown code", 418, "TeapotException", 0, KindInvalid, "TeapotException", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newAWS(t, fakeaws.Options{})
			s.SetFaults([]fakeaws.Fault{{
				Operation: "DescribeCluster", Status: test.status, Code: test.code, Latency: test.latency,
			}})
			c, err := new(Pool).New(t.Context(), Options{Profile: "ann", MaxAttempts: 1, RequestTimeout: 300 * time.Millisecond})
			awstest.Must(t, err)
			name := "c"
			_, err = c.EKS().DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: &name})
			err = Explain(err, Operation{Name: "DescribeCluster", Action: "eks:DescribeCluster", Resource: "arn:x"})
			if KindOf(err) != test.kind || err == nil || !strings.Contains(err.Error(), test.message) {
				t.Fatalf("error = %v of kind %s, want %q of kind %s", err, KindOf(err), test.message, test.kind)
			}
			if got := hint.Of(err); !strings.Contains(got, test.hint) {
				t.Errorf("hint = %q, want one with %q", got, test.hint)
			}
			if n := strings.Count(err.Error(), "DescribeCluster"); n > 2 {
				t.Errorf("error = %v names the operation %d times, want at most 2", err, n)
			}
		})
	}
}

// describe calls DescribeCluster at an endpoint, and explains the error.
func describe(t *testing.T, endpoint string) error {
	t.Helper()
	newAWS(t, fakeaws.Options{})
	c, err := new(Pool).New(t.Context(), Options{Profile: "ann", MaxAttempts: 1, EndpointURL: endpoint})
	awstest.Must(t, err)
	name := "c"
	_, err = c.EKS().DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: &name})
	return Explain(err, Operation{Name: "DescribeCluster", Action: "eks:DescribeCluster", Resource: "arn:x"})
}

// TestNotFromAWS checks that the page of a gateway is not taken for a response of AWS.
func TestNotFromAWS(t *testing.T) {
	for _, test := range []struct {
		status            int
		contentType, body string
		kind              Kind
		text              string
	}{
		{200, "text/html; charset=utf-8", "<html>Sign in</html>", KindUnreachable, "status 200 OK, content type text/html"},
		{403, "text/html", "<html>Blocked</html>", KindUnreachable, "status 403 Forbidden, content type text/html"},
		{302, "text/html", "<html>Moved</html>", KindUnreachable, "status 302 Found"},
		{502, "text/html", "<html>Bad gateway</html>", KindServer, "status 502 Bad Gateway, content type text/html"},
		{200, "text/plain", "welcome", KindUnreachable, "status 200 OK, content type text/plain"},
		{407, "text/html", "", KindUnreachable, "status 407 Proxy Authentication Required"},
	} {
		gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", test.contentType)
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
		}))
		err := describe(t, gateway.URL)
		gateway.Close()
		if KindOf(err) != test.kind || !strings.Contains(err.Error(), "the response is not from AWS: "+test.text) {
			t.Errorf("error of status %d = %v of kind %s, want %q of kind %s", test.status, err, KindOf(err), test.text,
				test.kind)
		}
		if !strings.Contains(hint.Of(err), "HTTPS_PROXY") {
			t.Errorf("hint = %q, want one about proxies", hint.Of(err))
		}
	}
}

// TestUntrustedCertificate checks the hint for a proxy that inspects TLS.
func TestUntrustedCertificate(t *testing.T) {
	proxy := httptest.NewTLSServer(http.NotFoundHandler())
	proxy.Config.ErrorLog = nil
	defer proxy.Close()
	err := describe(t, proxy.URL)
	if KindOf(err) != KindUnreachable || !strings.Contains(hint.Of(err), "AWS_CA_BUNDLE") {
		t.Errorf("error = %v, hint %q, want AWS_CA_BUNDLE in the hint", err, hint.Of(err))
	}
}

// TestQuota checks that a quota of KMS is not taken for throttling, and is not tried again.
func TestQuota(t *testing.T) {
	s, clients := retryingClients(t, Options{})
	s.SetFaults([]fakeaws.Fault{{
		Operation: "CreateKey", Status: 400, Code: "LimitExceededException", Message: "the limit of 100000 keys",
	}})
	plain, err := new(Pool).New(t.Context(), Options{Profile: "ann"})
	awstest.Must(t, err)
	for name, client := range map[string]*kms.Client{"patient": clients.KMS(""), "plain": plain.KMS("")} {
		s.ResetRequests()
		_, err := client.CreateKey(t.Context(), &kms.CreateKeyInput{})
		err = Explain(err, Operation{Name: "CreateKey", Action: "kms:CreateKey"})
		if KindOf(err) != KindQuota || !strings.Contains(err.Error(), "the limit of 100000 keys") ||
			!strings.Contains(hint.Of(err), "quota") {
			t.Errorf("%s: error = %v of kind %s, want kind %s", name, err, KindOf(err), KindQuota)
		}
		if n := awstest.Calls(s, "CreateKey"); n != 1 {
			t.Errorf("%s: %d calls, want 1", name, n)
		}
	}
}

// TestDisabledRegion checks that credentials which only one region refuses are not called wrong.
func TestDisabledRegion(t *testing.T) {
	s, _ := newAWS(t, fakeaws.Options{})
	s.SetFaults([]fakeaws.Fault{{Region: "me-south-1", Status: 403, Code: "UnrecognizedClientException"}})
	for _, test := range []struct {
		profile string
		kind    Kind
	}{{"ann", KindRegionDisabled}, {"eve", KindBadCredentials}} {
		addProfiles(t, "\n[profile eve]\naws_access_key_id = AKIAEVE\naws_secret_access_key = wrong\n")
		c, err := new(Pool).New(t.Context(), Options{Profile: test.profile, Region: "me-south-1", MaxAttempts: 1})
		awstest.Must(t, err)
		_, err = c.EKS().ListClusters(t.Context(), &eks.ListClustersInput{})
		err = c.ExplainRegion(t.Context(), Explain(err, Operation{Name: "ListClusters"}))
		if KindOf(err) != test.kind {
			t.Errorf("error of %s = %v of kind %s, want %s", test.profile, err, KindOf(err), test.kind)
		}
	}
}

func TestExplainTwice(t *testing.T) {
	if err := Explain(nil, Operation{}); err != nil {
		t.Errorf("Explain(nil) = %v, want nil", err)
	}
	first := Explain(context.DeadlineExceeded, Operation{Name: "A"})
	if again := Explain(first, Operation{Name: "B"}); !errors.Is(again, first) || again.Error() != first.Error() {
		t.Errorf("Explain of an explained error = %v, want %v", again, first)
	}
}
