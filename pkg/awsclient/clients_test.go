package awsclient

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

const roleARN = "arn:aws:iam::" + awstest.Account + ":role/r"

// newAWS starts a fake AWS with two users and a role, and sets up an environment with a profile for each user and no
// other AWS setting except the endpoint. It returns the server and its URL.
func newAWS(t *testing.T, o fakeaws.Options) (*fakeaws.Server, string) {
	t.Helper()
	s, config := awstest.NewWithOptions(t, o)
	all := []fakeaws.Statement{fakeaws.Allow("*")}
	awstest.Must(t, s.AddPrincipal(fakeaws.Principal{
		ARN: "arn:aws:iam::" + awstest.Account + ":user/bob", AccessKeyID: "AKIABOB", SecretAccessKey: "secret",
		Policy: all,
	}))
	awstest.Must(t, s.AddPrincipal(fakeaws.Principal{ARN: roleARN, Trust: []string{"*"}, Policy: all}))
	awstest.ClearEnvironment(t)
	dir := t.TempDir()
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_ENDPOINT_URL", *config.BaseEndpoint)
	awstest.Must(t, os.WriteFile(filepath.Join(dir, "config"), []byte(`
[profile ann]
aws_access_key_id = AKIAANN
aws_secret_access_key = secret
region = eu-west-1
[profile bob]
aws_access_key_id = AKIABOB
aws_secret_access_key = secret
`), 0o600))
	return s, *config.BaseEndpoint
}

// TestPrincipal checks that the clients act as the principal of kubectl's exec plugin: variables of the kubeconfig's
// exec block work like variables of the environment, and --profile takes precedence over access keys in the
// environment.
func TestPrincipal(t *testing.T) {
	keys := func(name string) map[string]string {
		return map[string]string{"AWS_ACCESS_KEY_ID": "AKIA" + strings.ToUpper(name), "AWS_SECRET_ACCESS_KEY": "secret"}
	}
	profile := func(name string) map[string]string { return map[string]string{"AWS_PROFILE": name} }
	tests := []struct {
		name  string
		shell map[string]string
		o     Options
		want  string // end of the caller's ARN
	}{
		{"keys in the shell", keys("ann"), Options{}, "user/ann"},
		{"profile in the shell", profile("bob"), Options{}, "user/bob"},
		{"profile in the exec block", nil, Options{Env: profile("bob")}, "user/bob"},
		{"keys in the shell, profile in the exec block", keys("ann"), Options{Env: profile("bob")}, "user/ann"},
		{"keys in the shell, --profile", keys("ann"), Options{Profile: "bob"}, "user/bob"},
		{"keys in the shell and in the exec block", keys("ann"), Options{Env: keys("bob")}, "user/bob"},
		{"profile in the shell and in the exec block", profile("ann"), Options{Env: profile("bob")}, "user/bob"},
		{"role", keys("ann"), Options{RoleARN: roleARN}, "assumed-role/r/kubectl-eks_encrypt"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			newAWS(t, fakeaws.Options{})
			for name, value := range test.shell {
				t.Setenv(name, value)
			}
			test.o.Region = "us-west-2"
			c, err := new(Pool).New(t.Context(), test.o)
			awstest.Must(t, err)
			account, arn, err := c.Caller(t.Context())
			awstest.Must(t, err)
			if account != awstest.Account || !strings.HasSuffix(arn, ":"+test.want) {
				t.Errorf("Caller = %s, %s, want %s, …%s", account, arn, awstest.Account, test.want)
			}
		})
	}
}

func TestRegion(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	t.Setenv("AWS_PROFILE", "ann")
	for _, test := range []struct {
		o    Options
		want string
	}{
		{Options{}, "eu-west-1"},
		{Options{Env: map[string]string{"AWS_DEFAULT_REGION": "eu-west-2"}}, "eu-west-2"},
		{Options{Region: "us-west-2", Env: map[string]string{"AWS_REGION": "eu-west-2"}}, "us-west-2"},
	} {
		c, err := new(Pool).New(t.Context(), test.o)
		awstest.Must(t, err)
		if c.Region() != test.want {
			t.Errorf("Region with %+v = %s, want %s", test.o, c.Region(), test.want)
		}
	}
	t.Setenv("AWS_PROFILE", "bob")
	if _, err := new(Pool).New(t.Context(), Options{}); KindOf(err) != KindNoRegion {
		t.Errorf("New without a region: error %v, want kind %s", err, KindNoRegion)
	}
}

func TestEndpoints(t *testing.T) {
	_, url := newAWS(t, fakeaws.Options{})
	t.Setenv("AWS_PROFILE", "ann")
	env := map[string]string{"AWS_ENDPOINT_URL_EKS": "http://eks"}
	for _, test := range []struct {
		name string
		o    Options
		want string // URL and source of the EKS endpoint
	}{
		{"shell", Options{}, url + " AWS_ENDPOINT_URL"},
		{"exec block", Options{Env: env}, "http://eks AWS_ENDPOINT_URL_EKS"},
		{"flag", Options{EndpointURL: "http://flag", Env: env}, "http://flag --endpoint-url"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := new(Pool).New(t.Context(), test.o)
			awstest.Must(t, err)
			got := c.Endpoints()
			if len(got) != 2 || got[0].URL+" "+got[0].Source != test.want {
				t.Errorf("Endpoints = %+v, want EKS: %s", got, test.want)
			}
		})
	}
	t.Setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
	c, err := new(Pool).New(t.Context(), Options{Env: env})
	awstest.Must(t, err)
	if got := c.Endpoints(); len(got) != 0 {
		t.Errorf("Endpoints = %+v, want none", got)
	}
}
