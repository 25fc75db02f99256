package cmdutil

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

type vars = map[string]string

func merge(sets ...vars) vars {
	all := vars{}
	for _, set := range sets {
		for name, value := range set {
			all[name] = value
		}
	}
	return all
}

// principalCases are environments in which the source of credentials is not obvious. The AWS CLI runs in those that are
// compared with it; the further ones are similar, and save its time.
func principalCases() (compared, further []principalCase) {
	const getToken = "--region eu-central-1 eks get-token --cluster-name lab --output json"
	aws := split("aws " + getToken)
	keys := func(id string) vars { return vars{"AWS_ACCESS_KEY_ID": "AKIA" + id, "AWS_SECRET_ACCESS_KEY": "secret"} }
	profile := func(name string) vars { return vars{"AWS_PROFILE": name} }
	irsa := vars{"AWS_WEB_IDENTITY_TOKEN_FILE": "{home}/token", "AWS_ROLE_ARN": role("pod")}
	pod := vars{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{container}", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "agent"}
	sh := func(script string) []string { return []string{"sh", "-c", script} }
	compared = []principalCase{
		{"nothing", nil, nil, aws, "instance"},
		{"profile in the exec block", profile("config"), profile("keys"), aws, "keys"},
		{"keys in the shell, profile in the exec block", keys("SHELL"), profile("keys"), aws, "shell"},
		{"keys in the shell, --profile", keys("SHELL"), nil, split("aws --profile keys " + getToken), "keys"},
		{"keys emptied by the exec block", keys("SHELL"),
			merge(vars{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, profile("keys")), aws, "keys"},
		{"names of other SDKs", vars{"AWS_ACCESS_KEY": "AKIASHELL", "AWS_SECRET_KEY": "secret"}, profile("keys"), aws, "keys"},
		{"both names of the profile", vars{"AWS_DEFAULT_PROFILE": "keys", "AWS_PROFILE": "config"}, nil, aws, "keys|config"},
		{"credentials file before the configuration", profile("both"), nil, aws, "keys"},
		{"a process before the configuration file", profile("config-and-process"), nil, aws, "process"},
		{"IRSA", irsa, nil, aws, "pod"},
		{"IRSA with a profile that assumes a role", irsa, profile("role"), aws, "role"},
		{"IRSA with a role of a web identity profile", irsa, profile("cross"), aws, "cross"},
		{"IRSA in the shell, profile of a web identity", irsa, profile("pod"), aws, "pod"},
		{"IRSA with a default profile that assumes a role", merge(irsa, vars{"AWS_CONFIG_FILE": "{home}/default-role"}), nil, aws, "role"},
		{"IRSA emptied by the exec block", irsa, merge(vars{"AWS_WEB_IDENTITY_TOKEN_FILE": ""}, profile("keys")), aws, "keys"},
		{"Pod Identity", pod, nil, aws, "container"},
		{"Pod Identity with a profile without credentials", pod, profile("bare"), aws, "container"},
		{"Pod Identity and IRSA", merge(pod, irsa), nil, aws, "pod"},
		{"credential_source EcsContainer with IRSA", merge(pod, irsa), profile("in-container"), aws, "cross"},
		{"credential_source Ec2InstanceMetadata", irsa, profile("on-instance"), aws, "cross"},
		{"credential_source Environment", keys("SHELL"), nil, split("aws --profile in-shell " + getToken), "cross"},
		{"a chain of roles", profile("chain"), nil, aws, "chain"},
		{"a role of its own keys", profile("self"), nil, aws, "direct"},
		{"a role of a profile with keys and a role", profile("via-keyed"), nil, aws, "role"},
		{"SSO", profile("sso"), nil, aws, "sso"},
		{"SSO, legacy form", profile("sso-old"), nil, aws, "sso"},
		{"a role of SSO", profile("via-sso"), irsa, aws, "role"},
		{"~ in the names of files", nil,
			merge(vars{"AWS_SHARED_CREDENTIALS_FILE": "~/work/credentials", "AWS_CONFIG_FILE": "~/work/config"},
				profile("elsewhere")), aws, "role"},
		{"$HOME in the name of a file", vars{"AWS_SHARED_CREDENTIALS_FILE": "$HOME/work/credentials"}, profile("work"), aws, "work"},
		{"another home", nil, merge(vars{"HOME": "{home}/work", "AWS_CONFIG_FILE": "{home}/with-default"}), aws, "default"},
		{"env -u", keys("SHELL"), nil, split("env -u AWS_ACCESS_KEY_ID AWS_PROFILE=keys aws " + getToken), "keys"},
		{"assignment in a shell", profile("config"), nil, sh("AWS_PROFILE=keys aws " + getToken), "keys"},
		{"export in a shell", irsa, nil, sh("export AWS_PROFILE='role'; exec aws " + getToken), "role"},
		{"exec env in a shell", keys("SHELL"), profile("role"), sh("exec env -u AWS_ACCESS_KEY_ID aws " + getToken), "role"},
	}
	return compared, []principalCase{
		{"keys in the shell", keys("SHELL"), nil, aws, "shell"},
		{"keys in the exec block", keys("SHELL"), keys("BLOCK"), aws, "block"},
		{"profile in the shell", profile("keys"), nil, aws, "keys"},
		{"AWS_DEFAULT_PROFILE alone", vars{"AWS_DEFAULT_PROFILE": "keys"}, nil, aws, "keys"},
		{"both names, --profile", vars{"AWS_DEFAULT_PROFILE": "keys"}, profile("process"), split("aws --profile config " + getToken), "config"},
		{"credentials file before a process", profile("processed"), nil, aws, "keys"},
		{"a process", profile("process"), nil, aws, "process"},
		{"IRSA with a profile of keys", irsa, profile("keys"), aws, "pod"},
		{"IRSA with --profile", irsa, nil, split("aws --profile keys " + getToken), "keys"},
		{"IRSA with keys", merge(irsa, keys("SHELL")), nil, aws, "shell"},
		{"Pod Identity with the token in a file", nil, vars{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "{container}",
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "{home}/agent"}, aws, "container"},
		{"Pod Identity with a profile", pod, profile("keys"), aws, "keys"},
		{"Pod Identity in the exec block", nil, pod, aws, "container"},
		{"credential_source EcsContainer", pod, profile("in-container"), aws, "cross"},
		{"a role of a process", profile("via-process"), nil, aws, "role"},
		{"unset in a shell", keys("SHELL"), profile("keys"), sh("unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY; aws " + getToken), "keys"},
	}
}

// TestPrincipalOfCLI checks that this tool calls AWS as the principal that kubectl acts as: that of the token which the
// AWS CLI makes with the same shell and the same exec block.
func TestPrincipalOfCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("the AWS CLI takes a second per call")
	}
	folder := awsCLI(t)
	w := newPrincipals(t)
	w.env["PATH"] = folder + string(os.PathListSeparator) + w.env["PATH"]
	cases, _ := principalCases()
	kubectl := make([]string, len(cases))
	var wait sync.WaitGroup
	slots := make(chan struct{}, 4)
	for i, c := range cases {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			kubectl[i] = w.kubectl(t, c)
		})
	}
	wait.Wait()
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := w.plugin(t, c)
			name := got[strings.LastIndex(got, "/")+1:]
			if got != kubectl[i] || !slices.Contains(strings.Split(c.want, "|"), name) {
				t.Errorf("principal = %s, want that of the AWS CLI, %s, which is …/%s", got, kubectl[i], c.want)
			}
		})
	}
}

// TestFurtherPrincipals checks the cases that are not compared with the AWS CLI.
func TestFurtherPrincipals(t *testing.T) {
	w := newPrincipals(t)
	_, further := principalCases()
	for _, c := range further {
		t.Run(c.name, func(t *testing.T) {
			if got := w.plugin(t, c); !strings.HasSuffix(got, "/"+c.want) {
				t.Errorf("principal = %s, want …/%s", got, c.want)
			}
		})
	}
}

// TestPrincipalOfSDK checks the same for aws-iam-authenticator, which finds its credentials as the SDK does.
func TestPrincipalOfSDK(t *testing.T) {
	w := newPrincipals(t)
	compared, further := principalCases()
	for _, c := range append(compared, further...) {
		// The authenticator has no --profile, and the SDK expands nothing and reads the home directory of the process.
		if c.words[0] != "aws" || c.words[1] == "--profile" || strings.ContainsAny(c.name, "~$") || c.block["HOME"] != "" {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			c.words = split("aws-iam-authenticator token -i lab --region eu-central-1")
			got := w.plugin(t, c)
			for name, value := range c.block {
				t.Setenv(name, w.place(value))
			}
			t.Setenv("AWS_ENDPOINT_URL_STS", w.env["AWS_ENDPOINT_URL"]) // or the SDK assumes roles in the true AWS
			cfg, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(awstest.Region),
				config.WithSharedConfigFiles([]string{cmp.Or(os.Getenv("AWS_CONFIG_FILE"), w.home+"/.aws/config")}),
				config.WithSharedCredentialsFiles([]string{w.home + "/.aws/credentials"}))
			awstest.Must(t, err)
			out, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
			awstest.Must(t, err)
			if want := withoutSession(*out.Arn); got != want {
				t.Errorf("principal = %s, want that of the SDK, %s", got, want)
			}
		})
	}
}
