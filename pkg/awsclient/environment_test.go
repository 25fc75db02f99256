package awsclient

import (
	"cmp"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

func TestExpand(t *testing.T) {
	shell := []string{"HOME=/h", "A=/a", "EMPTY=set", "GONE=x"}
	e := newEnvironment(shell, map[string]string{"EMPTY": ""}, []string{"GONE"})
	for path, want := range map[string]string{
		"": "", "/x": "/x", "~": "/h", "~/x": "/h/x", "$HOME/x": "/h/x", "${A}/x": "/a/x", "~jane/x": "~jane/x",
		"/x~": "/x~", "$NONE/x": "$NONE/x", "$EMPTY/x": "/x", "$GONE": "$GONE",
	} {
		if got := e.expand(path); got != want {
			t.Errorf("expand(%q) = %q, want %q", path, got, want)
		}
	}
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{"~/x", "$HOME/${A}", "${", "$", "~", "${}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		e := newEnvironment(nil, map[string]string{"HOME": "/h", "A": "a"}, nil)
		if got := e.expand(path); !strings.ContainsAny(path, "$~") && got != path {
			t.Errorf("expand(%q) = %q, want it unchanged", path, got)
		}
	})
}

// TestProxies checks that calls use the proxies of the exec block, and that agents on this computer are called
// directly.
func TestProxies(t *testing.T) {
	for _, test := range []struct {
		env       environment
		url, want string
	}{
		{environment{"HTTPS_PROXY": "http://p:1"}, "https://eks.us-west-2.amazonaws.com", "http://p:1"},
		{environment{"https_proxy": "http://p:1"}, "https://eks.us-west-2.amazonaws.com", "http://p:1"},
		{environment{"HTTP_PROXY": "http://p:1"}, "https://eks.us-west-2.amazonaws.com", ""},
		{environment{"HTTP_PROXY": "http://p:1"}, "http://aws.example", "http://p:1"},
		{environment{"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".amazonaws.com"}, "https://eks.us-west-2.amazonaws.com", ""},
		{environment{}, "https://eks.us-west-2.amazonaws.com", ""},
	} {
		client, err := test.env.httpClient(0, "")
		awstest.Must(t, err)
		r, err := http.NewRequest(http.MethodGet, test.url, nil)
		awstest.Must(t, err)
		proxy, err := client.GetTransport().Proxy(r)
		awstest.Must(t, err)
		if got := fmt.Sprint(proxy); got != cmp.Or(test.want, "<nil>") {
			t.Errorf("proxy for %s with %v = %s, want %q", test.url, test.env, got, test.want)
		}
	}
	if localClient(time.Second).GetTransport().Proxy != nil {
		t.Error("agents on this computer are called through a proxy")
	}
}

// TestProxyOfExecBlock checks that the proxy of the exec block gets the calls.
func TestProxyOfExecBlock(t *testing.T) {
	_, url := newAWS(t, fakeaws.Options{})
	c, err := new(Pool).New(t.Context(), Options{Profile: "ann", Region: "us-west-2", Env: map[string]string{
		"HTTP_PROXY": url, "AWS_ENDPOINT_URL": "http://aws.example",
	}})
	awstest.Must(t, err)
	_, _, err = c.Caller(t.Context())
	awstest.Must(t, err)
}

// TestCABundle checks that the certificates of the exec block or the profile are trusted, also with ~ in the name.
func TestCABundle(t *testing.T) {
	s, _ := newAWS(t, fakeaws.Options{})
	aws := httptest.NewTLSServer(s)
	defer aws.Close()
	home := t.TempDir()
	bundle := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: aws.Certificate().Raw})
	awstest.Must(t, os.WriteFile(filepath.Join(home, "ca.pem"), bundle, 0o600))
	addProfiles(t, "\n[profile trusting]\nca_bundle = $HOME/ca.pem\n"+
		"aws_access_key_id = AKIAANN\naws_secret_access_key = secret\n")
	for _, o := range []Options{
		{Profile: "ann", Env: map[string]string{"HOME": home, "AWS_CA_BUNDLE": "~/ca.pem"}},
		{Profile: "trusting", Env: map[string]string{"HOME": home}},
	} {
		o.EndpointURL, o.Region, o.MaxAttempts = aws.URL, "us-west-2", 1
		c, err := new(Pool).New(t.Context(), o)
		awstest.Must(t, err)
		_, _, err = c.Caller(t.Context())
		awstest.Must(t, err)
	}
	for file, want := range map[string]string{"/none": "read AWS_CA_BUNDLE", os.DevNull: "contains no certificate"} {
		_, err := new(Pool).New(t.Context(), Options{Profile: "ann", Env: map[string]string{"AWS_CA_BUNDLE": file}})
		if KindOf(err) != KindConfig || !strings.Contains(err.Error(), want) {
			t.Errorf("error with AWS_CA_BUNDLE=%s = %v, want %q", file, err, want)
		}
	}
}

// TestExecEndpoints checks that the exec block decides on FIPS, dual-stack and the global STS, also against the shell.
func TestExecEndpoints(t *testing.T) {
	fips := map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}
	for _, test := range []struct {
		region     string
		shell, env map[string]string
		want       string // host of STS
	}{
		{"us-gov-west-1", nil, fips, "sts.us-gov-west-1.amazonaws.com"},
		{"us-east-2", nil, fips, "sts-fips.us-east-2.amazonaws.com"},
		{"us-east-2", fips, map[string]string{"AWS_USE_FIPS_ENDPOINT": "false"}, "sts.us-east-2.amazonaws.com"},
		{"us-east-2", fips, map[string]string{"AWS_USE_FIPS_ENDPOINT": ""}, "sts.us-east-2.amazonaws.com"},
		{"us-east-2", nil, map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}, "sts.us-east-2.api.aws"},
		{"us-east-2", nil, map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "sts.amazonaws.com"},
		{"us-east-2", nil, map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "regional"}, "sts.us-east-2.amazonaws.com"},
		{"me-south-1", nil, map[string]string{"AWS_STS_REGIONAL_ENDPOINTS": "legacy"}, "sts.me-south-1.amazonaws.com"},
		{"us-east-2", map[string]string{"AWS_ENDPOINT_URL": "http://shell"}, map[string]string{"AWS_ENDPOINT_URL_STS": "http://block"}, "block"},
		{"us-east-2", map[string]string{"AWS_ENDPOINT_URL": "http://shell"}, map[string]string{"AWS_ENDPOINT_URL": ""}, "sts.us-east-2.amazonaws.com"},
	} {
		newAWS(t, fakeaws.Options{})
		t.Setenv("AWS_ENDPOINT_URL", "")
		t.Setenv("AWS_USE_FIPS_ENDPOINT", "")
		for name, value := range test.shell {
			t.Setenv(name, value)
		}
		c, err := new(Pool).New(t.Context(), Options{Profile: "ann", Region: test.region, Env: test.env})
		awstest.Must(t, err)
		recorder := &hostRecorder{}
		cfg := c.Config()
		cfg.HTTPClient = recorder
		_, _ = c.principal.clients(cfg).STS().GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if want := []string{test.want}; !slices.Equal(recorder.hosts, want) {
			t.Errorf("hosts in %s with shell %v and exec block %v = %q, want %q", test.region, test.shell, test.env,
				recorder.hosts, want)
		}
	}
}

// TestMetadataSettings checks that the environment of the exec block reaches the client of the instance metadata.
func TestMetadataSettings(t *testing.T) {
	e := environment{
		"AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv6", "AWS_EC2_METADATA_V1_DISABLED": "true",
		"AWS_EC2_METADATA_DISABLED": "TRUE",
	}
	mode, found, err := e.GetEC2IMDSEndpointMode()
	awstest.Must(t, err)
	state, _, _ := e.GetEC2IMDSClientEnableState()
	disabled, _ := e.GetEC2IMDSV1FallbackDisabled()
	if mode != imds.EndpointModeStateIPv6 || !found || state != imds.ClientDisabled || !disabled {
		t.Errorf("mode %v, state %v, version 1 disabled %v, want IPv6, disabled and true", mode, state, disabled)
	}
	e["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"] = "IPv5"
	if _, found, err := e.GetEC2IMDSEndpointMode(); found || err == nil {
		t.Errorf("IPv5 is accepted")
	}
}

// TestProfileNames checks which profile counts if two variables name different ones.
func TestProfileNames(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	for _, test := range []struct {
		tool    Tool
		version string // output of aws --version
		want    string // end of the source; empty: an error
	}{
		{ToolAWS, "aws-cli/1.45.11 Python/3.11", `"bob"`},
		{ToolAWS, "aws-cli/2.31.0 Python/3.13", `"ann"`},
		{ToolAWS, "something else", ""},
		{ToolAuthenticator, "aws-cli/1.45.11", `"ann"`},
		{ToolNone, "", `"ann"`},
	} {
		dir := t.TempDir()
		script := "#!/bin/sh\necho '" + test.version + "'\n"
		awstest.Must(t, os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o700))
		t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
		c, err := new(Pool).New(t.Context(), Options{Tool: test.tool, Region: "us-west-2", Env: map[string]string{
			"AWS_PROFILE": "ann", "AWS_DEFAULT_PROFILE": "bob",
		}})
		switch {
		case test.want == "":
			if KindOf(err) != KindConfig || !strings.Contains(err.Error(), `AWS_DEFAULT_PROFILE is "bob"`) {
				t.Errorf("error = %v, want one that names both variables", err)
			}
		case err != nil || c.CredentialSource() != "profile "+test.want:
			t.Errorf("source of %q with %q: error %v, want profile %s", test.tool, test.version, err, test.want)
		}
	}
}

// TestRedaction checks that a password in an endpoint is not shown.
func TestRedaction(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	c, err := new(Pool).New(t.Context(), Options{Profile: "ann", EndpointURL: "http://jane:swordfish@127.0.0.1:1", MaxAttempts: 1})
	awstest.Must(t, err)
	_, _, err = c.Caller(t.Context())
	for _, text := range []string{c.Endpoints()[0].URL, err.Error()} {
		if strings.Contains(text, "swordfish") || !strings.Contains(text, "127.0.0.1:1") {
			t.Errorf("%q, want the host without the password", text)
		}
	}
}
