package awsclient

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
)

const account = "111122223333"

// newWorld is an AWS that knows two users by their keys and a role, and an
// environment that knows nothing but where that AWS is.
func newWorld(t *testing.T) (*fakeaws.Server, string) {
	t.Helper()
	s := fakeaws.New(fakeaws.Options{})
	t.Cleanup(s.Close)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	for _, name := range []string{"ann", "bob"} {
		must(t, s.AddPrincipal(fakeaws.Principal{
			ARN: "arn:aws:iam::" + account + ":user/" + name, AccessKeyID: "AKIA" + strings.ToUpper(name), SecretAccessKey: "secret",
			Policy: []fakeaws.Statement{fakeaws.Allow("*")},
		}))
	}
	must(t, s.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + account + ":role/r", Trust: []string{"*"}, Policy: []fakeaws.Statement{fakeaws.Allow("*")}}))
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			must(t, os.Unsetenv(name))
		}
	}
	dir := t.TempDir()
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_ENDPOINT_URL", h.URL)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	must(t, os.WriteFile(filepath.Join(dir, "config"), []byte(`
[profile ann]
aws_access_key_id = AKIAANN
aws_secret_access_key = secret
region = eu-west-1
[profile bob]
aws_access_key_id = AKIABOB
aws_secret_access_key = secret
`), 0o600))
	return s, h.URL
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The plugin acts as the principal that kubectl's exec plugin acts as: what the
// kubeconfig adds to the environment has the meaning of environment variables,
// --profile wins over keys in the environment.
func TestPrincipal(t *testing.T) {
	keys := func(name string) map[string]string {
		return map[string]string{"AWS_ACCESS_KEY_ID": "AKIA" + strings.ToUpper(name), "AWS_SECRET_ACCESS_KEY": "secret"}
	}
	tests := []struct {
		name  string
		shell map[string]string
		o     Options
		want  string // end of the caller's ARN
	}{
		{"keys in the shell", keys("ann"), Options{}, "user/ann"},
		{"a profile in the shell", map[string]string{"AWS_PROFILE": "bob"}, Options{}, "user/bob"},
		{"a profile of the exec block", nil, Options{Env: map[string]string{"AWS_PROFILE": "bob"}}, "user/bob"},
		{"a profile of the exec block loses to keys in the shell", keys("ann"), Options{Env: map[string]string{"AWS_PROFILE": "bob"}}, "user/ann"},
		{"--profile wins over keys in the shell", keys("ann"), Options{Profile: "bob"}, "user/bob"},
		{"keys of the exec block win over the shell's", keys("ann"), Options{Env: keys("bob")}, "user/bob"},
		{"a profile of the exec block wins over the shell's", map[string]string{"AWS_PROFILE": "ann"}, Options{Env: map[string]string{"AWS_PROFILE": "bob"}}, "user/bob"},
		{"a role on top", keys("ann"), Options{RoleARN: "arn:aws:iam::" + account + ":role/r"}, "assumed-role/r/kubectl-eks_encrypt"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			newWorld(t)
			for name, value := range test.shell {
				t.Setenv(name, value)
			}
			test.o.Region = "us-west-2"
			c, err := New(t.Context(), test.o)
			must(t, err)
			acct, arn, err := c.Caller(t.Context())
			must(t, err)
			if acct != account || !strings.HasSuffix(arn, ":"+test.want) {
				t.Errorf("acts as %s, want %s", arn, test.want)
			}
		})
	}
}

func TestRegion(t *testing.T) {
	newWorld(t)
	t.Setenv("AWS_PROFILE", "ann")
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{}, "eu-west-1"},
		{Options{Env: map[string]string{"AWS_DEFAULT_REGION": "eu-west-2"}}, "eu-west-2"},
		{Options{Region: "us-west-2", Env: map[string]string{"AWS_REGION": "eu-west-2"}}, "us-west-2"},
	} {
		c, err := New(t.Context(), test.o)
		must(t, err)
		if c.Region() != test.want {
			t.Errorf("%+v: %s, want %s", test.o, c.Region(), test.want)
		}
	}
	t.Setenv("AWS_PROFILE", "bob")
	if _, err := New(t.Context(), Options{}); KindOf(err) != KindNoRegion {
		t.Errorf("no region: %v", err)
	}
}

func TestEndpoints(t *testing.T) {
	_, url := newWorld(t)
	t.Setenv("AWS_PROFILE", "ann")
	for _, test := range []struct {
		name string
		o    Options
		want string // url and source of EKS
	}{
		{"the shell's", Options{}, url + " AWS_ENDPOINT_URL"},
		{"the exec block's", Options{Env: map[string]string{"AWS_ENDPOINT_URL_EKS": "http://eks"}}, "http://eks AWS_ENDPOINT_URL_EKS"},
		{"the flag's", Options{EndpointURL: "http://flag", Env: map[string]string{"AWS_ENDPOINT_URL_EKS": "http://eks"}}, "http://flag --endpoint-url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := New(t.Context(), test.o)
			must(t, err)
			got := c.Endpoints()
			if len(got) != 2 || got[0].URL+" "+got[0].Source != test.want {
				t.Errorf("%+v, want %s", got, test.want)
			}
		})
	}
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
	c, err := New(t.Context(), Options{Env: map[string]string{"AWS_ENDPOINT_URL_EKS": "http://eks"}})
	must(t, err)
	if got := c.Endpoints(); len(got) != 0 {
		t.Errorf("ignored, and yet %+v", got)
	}
}

// What AWS refuses is told in plain words, with the kind, the action, the object
// and the next command.
func TestErrors(t *testing.T) {
	tests := []struct {
		name       string
		fault      fakeaws.Fault
		kind       Kind
		text, hint string
	}{
		{"denied", fakeaws.Fault{Status: 403, Code: "AccessDeniedException"}, KindAccessDenied, "eks:DescribeCluster on arn:x is not allowed", "allow eks:DescribeCluster on arn:x"},
		{"not found", fakeaws.Fault{}, KindNotFound, "No cluster found", ""},
		{"throttled", fakeaws.Fault{Status: 429, Code: "ThrottlingException"}, KindThrottled, "DescribeCluster of arn:x", "try again"},
		{"expired", fakeaws.Fault{Status: 403, Code: "ExpiredTokenException"}, KindExpiredCredentials, "", "renew"},
		{"wrong keys", fakeaws.Fault{Status: 403, Code: "UnrecognizedClientException"}, KindBadCredentials, "", "get-caller-identity"},
		{"server", fakeaws.Fault{Status: 503, Code: "ServiceUnavailableException"}, KindServer, "", "try again"},
		{"dropped", fakeaws.Fault{Status: -1}, KindUnreachable, "can't be reached", "network"},
		{"late", fakeaws.Fault{Latency: 5 * time.Second}, KindTimeout, "no answer in time", "--request-timeout"},
		{"an error of tomorrow", fakeaws.Fault{Status: 418, Code: "TeapotException"}, KindInvalid, "TeapotException", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newWorld(t)
			if test.fault != (fakeaws.Fault{}) {
				test.fault.Operation = "DescribeCluster"
				s.SetFaults([]fakeaws.Fault{test.fault})
			}
			c, err := New(t.Context(), Options{Profile: "ann", MaxAttempts: 1, RequestTimeout: 300 * time.Millisecond})
			must(t, err)
			name := "c"
			_, err = c.EKS().DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: &name})
			err = Explain(err, Operation{Name: "DescribeCluster", Action: "eks:DescribeCluster", Resource: "arn:x"})
			if KindOf(err) != test.kind || err == nil || !strings.Contains(err.Error(), test.text) {
				t.Fatalf("%s: %v; want %s with %q", KindOf(err), err, test.kind, test.text)
			}
			if hint := err.(interface{ Hint() string }).Hint(); !strings.Contains(hint, test.hint) {
				t.Errorf("hint %q, want %q", hint, test.hint)
			}
			if strings.Count(err.Error(), "DescribeCluster") > 2 {
				t.Errorf("the operation is named again and again: %v", err)
			}
		})
	}
}

func TestCredentialErrors(t *testing.T) {
	newWorld(t)
	for _, test := range []struct {
		name string
		o    Options
		kind Kind
		text string
	}{
		{"none", Options{Region: "us-west-2"}, KindNoCredentials, "tried the environment"},
		{"no such profile", Options{Region: "us-west-2", Profile: "carl"}, KindConfig, `profile "carl" does not exist`},
		{"a role that isn't there", Options{Region: "us-west-2", Profile: "ann", RoleARN: "arn:aws:iam::" + account + ":role/nope"}, KindAccessDenied, "sts:AssumeRole on arn:aws:iam::" + account + ":role/nope"},
	} {
		_, err := New(t.Context(), test.o)
		if KindOf(err) != test.kind || err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: %s: %v; want %s with %q", test.name, KindOf(err), err, test.kind, test.text)
		}
	}
}

func TestExplainLeavesAlone(t *testing.T) {
	if err := Explain(nil, Operation{}); err != nil {
		t.Errorf("nil became %v", err)
	}
	first := Explain(context.DeadlineExceeded, Operation{Name: "A"})
	if again := Explain(first, Operation{Name: "B"}); !errors.Is(again, first) || again.Error() != first.Error() {
		t.Errorf("explained twice: %v", again)
	}
}
