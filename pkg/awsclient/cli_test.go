package awsclient

import (
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

func TestCLICommand(t *testing.T) {
	for _, test := range []struct {
		cli   CLI
		words []string
		want  string
	}{
		{CLI{}, []string{"configure"}, "aws configure"},
		{CLI{Profile: "my prod"}, []string{"sso", "login"}, "aws sso login --profile 'my prod'"},
		{CLI{Region: "eu-central-1"}, []string{"eks", "describe-update", "--name", "a b"},
			"aws eks describe-update --name 'a b' --region eu-central-1"},
		{CLI{Region: "r", Profile: "$(p)"}, []string{"login"}, "aws login --region r --profile '$(p)'"},
	} {
		if got := test.cli.Command(test.words...); got != test.want {
			t.Errorf("command = %q, want %q", got, test.want)
		}
	}
}

// TestCLIProfile checks that a command names the profile if the AWS CLI would not find it in the shell.
func TestCLIProfile(t *testing.T) {
	profile := map[string]string{"AWS_PROFILE": "bob"}
	keys := map[string]string{"AWS_ACCESS_KEY_ID": "AKIAANN", "AWS_SECRET_ACCESS_KEY": "secret"}
	for _, test := range []struct {
		name  string
		shell map[string]string
		o     Options
		want  string
	}{
		{"--profile", nil, Options{Profile: "bob"}, "bob"},
		{"--profile and keys in the shell", keys, Options{Profile: "bob"}, "bob"},
		{"--profile and --role-arn", nil, Options{Profile: "bob", RoleARN: roleARN}, "bob"},
		{"profile in the exec block", nil, Options{Env: profile}, "bob"},
		{"profile in the exec block, keys in the shell", keys, Options{Env: profile}, ""},
		{"profile in the shell", profile, Options{}, ""},
		{"keys in the shell", keys, Options{}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			newAWS(t, fakeaws.Options{})
			for name, value := range test.shell {
				t.Setenv(name, value)
			}
			test.o.Region = "eu-central-1"
			c, err := new(Pool).New(t.Context(), test.o)
			awstest.Must(t, err)
			if got, want := c.CLI("eu-central-1"), (CLI{"eu-central-1", test.want}); got != want {
				t.Errorf("CLI = %+v, want %+v", got, want)
			}
		})
	}
}

// TestRenewal checks that the command that renews credentials can be pasted.
func TestRenewal(t *testing.T) {
	for kind, want := range map[sourceKind]string{
		fromSSO: "aws sso login --profile 'my prod'", fromLogin: "aws login --profile 'my prod'",
	} {
		if got := renewal(&source{kind: kind, profile: "my prod"}); got != want {
			t.Errorf("renewal = %q, want %q", got, want)
		}
	}
}
