package cmdutil

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

func TestCredentialSource(t *testing.T) {
	t.Setenv("AWS_PROFILE", "shell")
	for _, test := range []struct {
		provider    string
		credentials binding.Credentials
		want        string
	}{
		{"EnvConfigCredentials", binding.Credentials{Profile: "p"}, "environment variables"},
		{"SharedConfigCredentials: /home/ann/.aws/credentials", binding.Credentials{},
			"profile shell in /home/ann/.aws/credentials"},
		{"SSOProvider", binding.Credentials{Env: map[string]string{"AWS_PROFILE": "exec"}},
			"profile exec, IAM Identity Center"},
		{"ProcessProvider", binding.Credentials{Profile: "flag"}, "profile flag, credential_process"},
		{"AssumeRoleProvider", binding.Credentials{RoleARN: "arn:r"}, "role arn:r (--role-arn)"},
		{"AssumeRoleProvider", binding.Credentials{}, "profile shell, an assumed role"},
		{"SomethingNew", binding.Credentials{}, "SomethingNew"},
	} {
		if got := credentialSource(test.provider, test.credentials); got != test.want {
			t.Errorf("credentialSource(%s) = %q, want %q", test.provider, got, test.want)
		}
	}
}

func TestRedacted(t *testing.T) {
	for text, want := range map[string]string{
		"http://127.0.0.1:8080":           "http://127.0.0.1:8080",
		"https://user:secret@host/path?q": "https://REDACTED@host/path?q",
		"https://token@host":              "https://REDACTED@host",
		"http://user:secret@[::1]:80":     "http://REDACTED@[::1]:80",
		"http://user:sec%zzret@host":      "(not a valid URL)",
		"user:secret@host-without-scheme": "(not a valid URL)",
	} {
		got := redacted(text)
		if got != want || strings.Contains(got, "secret") {
			t.Errorf("redacted(%s) = %q, want %q", text, got, want)
		}
	}
}
