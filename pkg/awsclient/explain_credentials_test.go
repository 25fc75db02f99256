package awsclient

import (
	"crypto/sha1"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// checkCredentials checks the error of New.
func checkCredentials(t *testing.T, o Options, kind Kind, text, next string) {
	t.Helper()
	o.Region, o.MaxAttempts = "us-west-2", 1
	_, err := new(Pool).New(t.Context(), o)
	if KindOf(err) != kind || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error = %v of kind %s, want %q of kind %s", err, KindOf(err), text, kind)
	}
	if got := hint.Of(err); !strings.Contains(got, next) {
		t.Errorf("hint of %v = %q, want one with %q", err, got, next)
	}
}

// TestCredentialErrors checks that a failure names the source that failed and the next command.
func TestCredentialErrors(t *testing.T) {
	const profiles = `
[profile denied]
role_arn = arn:aws:iam::111122223333:role/unknown
source_profile = ann
[profile via-denied]
role_arn = arn:aws:iam::111122223333:role/r
source_profile = denied
[profile half]
role_arn = arn:aws:iam::111122223333:role/r
[profile loop]
role_arn = arn:aws:iam::111122223333:role/r
source_profile = carl
[profile on-instance]
role_arn = arn:aws:iam::111122223333:role/r
credential_source = Ec2InstanceMetadata
[profile failing]
credential_process = echo swordfish; exit 3
[profile token]
role_arn = arn:aws:iam::111122223333:role/r
web_identity_token_file = DIR/none
[profile empty]
region = eu-west-1
[profile login]
login_session = arn:aws:iam::111122223333:user/jane
`
	env := func(pairs ...string) Options {
		o := Options{Env: map[string]string{}}
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			o.Env[name] = value
		}
		return o
	}
	cli := func(o Options) Options { o.Tool = ToolAWS; return o }
	const keyID = "AWS_ACCESS_KEY_ID=AKIAANN"
	newAWS(t, fakeaws.Options{})
	addProfiles(t, profiles)
	for _, test := range []struct {
		name       string
		o          Options
		kind       Kind
		text, hint string
	}{
		{"none", Options{}, KindNoCredentials,
			`tried the environment and the profile "default"; AWS_EC2_METADATA_DISABLED turns off`, "aws configure"},
		{"an empty profile", Options{Profile: "empty"}, KindNoCredentials, `tried the profile "empty"; AWS_EC2`, "--profile"},
		{"unknown profile", Options{Profile: "carl"}, KindConfig, `profile "carl" does not exist`, "list-profiles"},
		{"unknown profile in a variable", env("AWS_PROFILE=carl"), KindConfig, `profile "carl" does not exist`, "list-profiles"},
		{"unknown role", Options{Profile: "ann", RoleARN: roleARN + "2"}, KindAccessDenied,
			"sts:AssumeRole on " + roleARN + "2", "trust policy"},
		{"a profile whose role is denied", Options{Profile: "denied"}, KindAccessDenied,
			`sts:AssumeRole on arn:aws:iam::111122223333:role/unknown is not allowed (profile "denied")`, "trust policy"},
		{"a role behind a denied role", Options{Profile: "via-denied"}, KindAccessDenied,
			`role/unknown is not allowed (profile "denied")`, "trust policy"},
		{"a role without a source", cli(Options{Profile: "half"}), KindConfig,
			`profile "half" has role_arn, but neither source_profile nor credential_source`, ""},
		{"an unknown source profile", Options{Profile: "loop"}, KindConfig, "carl", ""},
		{"a key without a secret", cli(env(keyID)), KindConfig, "without AWS_SECRET_ACCESS_KEY", ""},
		{"a role of the instance", Options{Profile: "on-instance"}, KindNoCredentials,
			`no AWS credentials for profile "on-instance" (AssumeRole arn:aws:iam::111122223333:role/r): AWS_EC2`, ""},
		{"a process that fails", Options{Profile: "failing"}, KindNoCredentials,
			`the credential_process of the AWS profile "failing" failed: exit status 3`, "by hand"},
		{"a missing token", Options{Profile: "token"}, KindNoCredentials, "read the web identity token", "AWS_WEB_IDENTITY_TOKEN_FILE"},
		{"a token without a role", env("AWS_WEB_IDENTITY_TOKEN_FILE=/t"), KindConfig, "AWS_ROLE_ARN is not set", ""},
		{"no agent", env("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:1/"), KindNoCredentials, "container's agent", "Pod Identity"},
		{"an agent elsewhere", env("AWS_CONTAINER_CREDENTIALS_FULL_URI=http://10.0.0.1/"), KindConfig, "neither https nor on this computer", ""},
		{"aws login", Options{Profile: "login"}, KindExpiredCredentials, `login session of the AWS profile "login"`, "aws login --profile login"},
		{"FIPS neither on nor off", env("AWS_USE_FIPS_ENDPOINT=1"), KindConfig, "AWS_USE_FIPS_ENDPOINT=1 is not true or false", ""},
	} {
		t.Run(test.name, func(t *testing.T) { checkCredentials(t, test.o, test.kind, test.text, test.hint) })
	}
}

// TestExpiredSource checks that expired credentials which assume a role are named.
func TestExpiredSource(t *testing.T) {
	s, _ := newAWS(t, fakeaws.Options{})
	s.SetFaults([]fakeaws.Fault{{Operation: "AssumeRole", Status: 403, Code: "ExpiredToken"}})
	checkCredentials(t, Options{RoleARN: roleARN, Env: map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAANN", "AWS_SECRET_ACCESS_KEY": "secret",
	}}, KindExpiredCredentials, "the credentials that assume the role "+roleARN+" have expired: environment",
		"set new keys")
}

// TestSSOErrors checks the states of an SSO session in both forms of a profile.
func TestSSOErrors(t *testing.T) {
	const profiles = `
[sso-session corp]
sso_region = us-west-2
sso_start_url = https://corp
[profile new]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = r
[profile old]
sso_region = us-west-2
sso_start_url = https://old
sso_account_id = 111122223333
sso_role_name = r
[profile other]
sso_session = corp
sso_account_id = 111122223333
sso_role_name = admin
[profile behind]
role_arn = arn:aws:iam::111122223333:role/r
source_profile = new
[profile half]
sso_session = corp
sso_role_name = r
`
	const valid = `"expiresAt":"2999-01-01T00:00:00Z"`
	const past = `"expiresAt":"2000-01-01T00:00:00Z"`
	const refresh = `,"refreshToken":"r","clientId":"c","clientSecret":"s"`
	for _, test := range []struct {
		name, profile, token string // token is empty: there was no login
		refresh              string // error code of OIDC
		kind                 Kind
		text, hint           string
	}{
		{"no login", "new", "", "", KindExpiredCredentials, "there was no login", "aws sso login --profile new"},
		{"no login, legacy", "old", "", "", KindExpiredCredentials, "there was no login", "aws sso login --profile old"},
		{"no login, behind a role", "behind", "", "", KindExpiredCredentials, "there was no login", "aws sso login --profile new"},
		{"expired", "new", `{"accessToken":"sso",` + past + `}`, "", KindExpiredCredentials, `"new" has expired`, "login --profile new"},
		{"expired, legacy", "old", `{"accessToken":"sso",` + past + `}`, "", KindExpiredCredentials, `"old" has expired`, "login --profile old"},
		{"renewal refused", "new", `{"accessToken":"sso",` + past + refresh + `}`, "InvalidGrantException", KindExpiredCredentials,
			"does not renew it", "login --profile new"},
		{"renewal throttled", "new", `{"accessToken":"sso",` + past + refresh + `}`, "SlowDownException", KindThrottled, "SlowDownException", "throttles"},
		{"ended elsewhere", "new", `{"accessToken":"gone",` + valid + `}`, "", KindExpiredCredentials, `"new" has expired`, "login --profile new"},
		{"ended elsewhere, legacy", "old", `{"accessToken":"gone",` + valid + `}`, "", KindExpiredCredentials, `"old" has expired`, "login --profile old"},
		{"role not assigned", "other", `{"accessToken":"sso",` + valid + `}`, "", KindAccessDenied,
			`refuses the role "admin" in account 111122223333`, "ask for an assignment"},
		{"broken file", "new", `{`, "", KindExpiredCredentials, `"new" has expired`, "login --profile new"},
		{"incomplete profile", "half", "", "", KindConfig, `profile "half" uses SSO without sso_account_id`, ""},
		{"good", "behind", `{"accessToken":"sso",` + valid + `}`, "", "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, _ := newAWS(t, fakeaws.Options{})
			addProfiles(t, profiles)
			portal := s.Metadata(fakeaws.Metadata{SSO: roleARN, SSOToken: "sso"})
			identity := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/token" {
					portal.ServeHTTP(w, r)
					return
				}
				w.Header().Set("X-Amzn-Errortype", test.refresh)
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"error":"e","error_description":"d"}`))
			}))
			t.Cleanup(identity.Close)
			home := t.TempDir()
			if test.token != "" {
				for _, name := range []string{"corp", "https://old"} {
					hash := sha1.Sum([]byte(name))
					path := filepath.Join(home, ".aws/sso/cache", hex.EncodeToString(hash[:])+".json")
					awstest.Must(t, os.MkdirAll(filepath.Dir(path), 0o700))
					awstest.Must(t, os.WriteFile(path, []byte(test.token), 0o600))
				}
			}
			o := Options{Profile: test.profile, Env: map[string]string{
				"HOME": home, "AWS_ENDPOINT_URL_SSO": identity.URL, "AWS_ENDPOINT_URL_SSO_OIDC": identity.URL,
			}}
			if test.kind != "" {
				checkCredentials(t, o, test.kind, test.text, test.hint)
				return
			}
			o.Region = "us-west-2"
			_, err := new(Pool).New(t.Context(), o)
			awstest.Must(t, err)
		})
	}
}
