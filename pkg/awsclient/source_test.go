package awsclient

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// TestSelectSource checks the source and its description for both orders. The package cmdutil compares more of them
// with the AWS CLI and the SDK themselves.
func TestSelectSource(t *testing.T) {
	keys := aws.Credentials{AccessKeyID: "a", SecretAccessKey: "s", Source: "SharedConfigCredentials: /config"}
	base := config.SharedConfig{Profile: "base", Credentials: keys}
	prod := config.SharedConfig{Profile: "prod", RoleARN: "arn:r", SourceProfileName: "base", Source: &base}
	irsa := environment{"AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "arn:pod"}
	pod := environment{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials"}
	for _, test := range []struct {
		name     string
		env      environment
		explicit bool
		profile  config.SharedConfig
		cli, sdk string
	}{
		{"nothing", nil, false, config.SharedConfig{}, "instance metadata", "instance metadata"},
		{"keys", environment{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}, false, prod, "environment", "environment"},
		{"a profile on the command line", environment{"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "s"}, true, base,
			`profile "base"`, `profile "base"`},
		{"role and web identity", irsa, false, prod, `profile "prod" (AssumeRole arn:r)`, "web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"},
		{"keys and web identity", irsa, false, base, "web identity (AWS_WEB_IDENTITY_TOKEN_FILE)", "web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"},
		{"web identity of a profile", nil, false, config.SharedConfig{Profile: "p", WebIdentityTokenFile: "/t", RoleARN: "arn:r"},
			`profile "p" (web identity, AssumeRole arn:r)`, `profile "p" (web identity, AssumeRole arn:r)`},
		{"container", pod, false, config.SharedConfig{Profile: "p"}, "container", "container"},
		{"keys and container", pod, false, base, `profile "base"`, `profile "base"`},
		{"SSO", nil, false, config.SharedConfig{Profile: "p", SSOSessionName: "corp", SSORoleName: "r"},
			`profile "p" (SSO session "corp")`, `profile "p" (SSO session "corp")`},
		{"SSO, legacy", nil, false, config.SharedConfig{Profile: "p", SSOStartURL: "u", SSORoleName: "r"}, `profile "p" (SSO)`, `profile "p" (SSO)`},
		{"aws login", nil, false, config.SharedConfig{Profile: "p", LoginSession: "arn"}, `profile "p" (aws login)`, `profile "p" (aws login)`},
		{"process", nil, false, config.SharedConfig{Profile: "p", CredentialProcess: "c"},
			`profile "p" (credential_process)`, `profile "p" (credential_process)`},
		{"keys and process", nil, false, config.SharedConfig{Profile: "p", CredentialProcess: "c", Credentials: keys},
			`profile "p" (credential_process)`, `profile "p"`},
		{"other names of the variables", environment{"AWS_ACCESS_KEY": "a", "AWS_SECRET_KEY": "s"}, false, base, `profile "base"`, "environment"},
	} {
		t.Run(test.name, func(t *testing.T) {
			for tool, want := range map[Tool]string{ToolAWS: test.cli, ToolAuthenticator: test.sdk, ToolNone: test.sdk} {
				c := chain{
					tool: tool, env: test.env, explicit: test.explicit, profile: test.profile, credentialsFile: "/credentials",
				}
				got, err := c.selectSource()
				if err != nil || got.String() != want {
					t.Errorf("source for %q = %v, error %v, want %s", tool, got, err, want)
				}
			}
		})
	}
	flag := source{kind: fromFlagRole, role: "arn:r", base: &source{kind: fromEnvironment}}
	if got, want := flag.String(), "role arn:r, assumed with environment"; got != want {
		t.Errorf("source of --role-arn = %q, want %q", got, want)
	}
}
