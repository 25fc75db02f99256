package binding

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// TestWrappers checks what programs around the plugin do to its environment, and that those whose effect is unknown
// are named.
func TestWrappers(t *testing.T) {
	const plugin = "aws eks get-token --cluster-name lab"
	command := func(words ...string) []string { return words }
	fields := strings.Fields
	shell := []string{"HOME=/home/jane", "AWS_PROFILE=shell", "AWS_ACCESS_KEY_ID=AKIA", "TEAM=blue"}
	type effect struct {
		Set      map[string]string
		Unset    []string
		Wrapper  string
		Launcher string
		Profile  string
	}
	set := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for _, pair := range pairs {
			name, value, _ := strings.Cut(pair, "=")
			m[name] = value
		}
		return m
	}
	for _, test := range []struct {
		name  string
		words []string
		want  effect
	}{
		{"env", fields("env AWS_PROFILE=p " + plugin), effect{Set: set("AWS_PROFILE=p")}},
		{"env by its path", fields("/usr/bin/env AWS_PROFILE=p " + plugin), effect{Set: set("AWS_PROFILE=p")}},
		{"env -u", fields("env -u AWS_ACCESS_KEY_ID AWS_PROFILE=p " + plugin),
			effect{Set: set("AWS_PROFILE=p"), Unset: fields("AWS_ACCESS_KEY_ID")}},
		{"env --unset=", fields("env --unset=AWS_ACCESS_KEY_ID -uTEAM -- " + plugin),
			effect{Unset: fields("AWS_ACCESS_KEY_ID TEAM")}},
		{"env -i", fields("env -i HOME=/h " + plugin),
			effect{Set: set("HOME=/h"), Unset: fields("AWS_ACCESS_KEY_ID AWS_PROFILE TEAM")}},
		{"env -S", command("env", "-S", "AWS_PROFILE='my profile' "+plugin), effect{Set: set("AWS_PROFILE=my profile")}},
		{"env in env", fields("env A=1 env -u A B=2 " + plugin), effect{Set: set("B=2")}},
		{"assignment in a shell", command("sh", "-c", "AWS_PROFILE=p "+plugin), effect{Set: set("AWS_PROFILE=p")}},
		{"export", command("bash", "-c", "export AWS_PROFILE=p; "+plugin), effect{Set: set("AWS_PROFILE=p")}},
		{"export of two, with quotes", command("bash", "-c", `export A="x y" B='$A' && exec `+plugin),
			effect{Set: set("A=x y", "B=$A")}},
		{"export later", command("sh", "-c", "A=1; B=2\nexport A\n"+plugin), effect{Set: set("A=1")}},
		{"a variable that is exported", command("sh", "-c", "AWS_PROFILE=p; "+plugin), effect{Set: set("AWS_PROFILE=p")}},
		{"set -a", command("sh", "-c", "set -a; A=1; "+plugin), effect{Set: set("A=1")}},
		{"unset", command("sh", "-c", "unset AWS_ACCESS_KEY_ID; "+plugin), effect{Unset: fields("AWS_ACCESS_KEY_ID")}},
		{"variables", command("sh", "-c", `AWS_CONFIG_FILE=$HOME/c AWS_PROFILE="${TEAM}-prod" `+plugin),
			effect{Set: set("AWS_CONFIG_FILE=/home/jane/c", "AWS_PROFILE=blue-prod")}},
		{"default of a variable", command("sh", "-c", `AWS_PROFILE=${NONE:-prod} `+plugin), effect{Set: set("AWS_PROFILE=prod")}},
		{"tilde", command("sh", "-c", `AWS_CONFIG_FILE=~/c `+plugin), effect{Set: set("AWS_CONFIG_FILE=/home/jane/c")}},
		{"exec env in a shell", command("sh", "-c", "exec env AWS_PROFILE=p "+plugin), effect{Set: set("AWS_PROFILE=p")}},
		{"shell in env", command("env", "A=1", "sh", "-ec", "B=$A "+plugin), effect{Set: set("A=1", "B=1")}},
		{"shell in a shell", command("sh", "-c", `A=1 bash -c 'AWS_PROFILE="p" `+plugin+`'`), effect{Set: set("A=1", "AWS_PROFILE=p")}},
		{"positional parameters", command("sh", "-c", `AWS_PROFILE=$1 aws "$@"`, "sh", "eks", "get-token", "--cluster-name", "lab"),
			effect{Set: set("AWS_PROFILE=eks")}},
		{"options of a shell", command("bash", "-euo", "pipefail", "-c", "A=1 "+plugin), effect{Set: set("A=1")}},
		{"profile in quotes", command("sh", "-c", `aws --profile "my prod" eks get-token --cluster-name 'lab'`), effect{Profile: "my prod"}},
		{"profile of a variable", command("sh", "-c", `P=prod; aws --profile $P eks get-token --cluster-name lab`), effect{Profile: "prod"}},
		{"--ca-bundle", fields("aws --ca-bundle /ca.pem eks get-token --cluster-name lab"), effect{Set: set("AWS_CA_BUNDLE=/ca.pem")}},
		{"a pipe", command("sh", "-c", "A=1 "+plugin+" | jq ."), effect{Set: set("A=1")}},
		{"another program first", command("sh", "-c", "aws sso login; A=1 "+plugin), effect{Set: set("A=1")}},
		{"a subshell ends", command("sh", "-c", "(export A=1; true); "+plugin), effect{}},
		{"eval", command("sh", "-c", `eval "export A=1"; `+plugin), effect{Set: set("A=1")}},
		{"nice and timeout", fields("nice -n 5 timeout 10 env A=1 " + plugin), effect{Set: set("A=1")}},

		{"a login shell", command("bash", "-lc", plugin), effect{Wrapper: "bash"}},
		{"source", command("sh", "-c", ". ./env.sh; "+plugin), effect{Wrapper: "sh"}},
		{"eval of an output", command("sh", "-c", "eval $(creds); "+plugin), effect{Wrapper: "sh"}},
		{"a condition", command("sh", "-c", "if true; then A=1 "+plugin+"; fi"), effect{Set: set("A=1"), Wrapper: "sh"}},
		{"a profile of an output", command("sh", "-c", "AWS_PROFILE=$(cat f) "+plugin), effect{Set: set("AWS_PROFILE="), Wrapper: "sh"}},
		{"aws-vault", fields("aws-vault exec prod -- " + plugin), effect{Wrapper: "aws-vault", Launcher: "aws-vault exec prod --"}},
		{"aws-vault with a shell", command("aws-vault", "exec", "prod", "--", "sh", "-c", "A=1 "+plugin),
			effect{Set: set("A=1"), Wrapper: "aws-vault", Launcher: "aws-vault exec prod --"}},
		{"env before aws-vault", fields("env A=1 aws-vault exec prod -- " + plugin),
			effect{Set: set("A=1"), Wrapper: "aws-vault", Launcher: "env A=1 aws-vault exec prod --"}},
		{"saml2aws", fields("saml2aws exec --profile p -- " + plugin), effect{Wrapper: "saml2aws", Launcher: "saml2aws exec --profile p --"}},
		{"a version suffix", fields("aws2 eks get-token --cluster-name lab"), effect{}},
		{"docker", fields("docker run --rm -i -v /h/.aws:/root/.aws amazon/aws-cli:2.15.0 --profile p eks get-token --cluster-name lab"),
			effect{Wrapper: "docker", Profile: "p"}},
		{"another name of the CLI", fields("my-aws --profile p eks get-token --cluster-name lab"), effect{Wrapper: "my-aws", Profile: "p"}},
		{"python", fields("python3 -m awscli eks get-token --cluster-name lab"), effect{Wrapper: "python3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := parseExecIn(&clientcmdapi.ExecConfig{Command: test.words[0], Args: test.words[1:]}, shell)
			if got.tool != toolAWS || got.clusterName != "lab" {
				t.Fatalf("tool %d, cluster %q, want the AWS CLI and lab", got.tool, got.clusterName)
			}
			effect := effect{got.env, got.unset, got.wrapper, got.launcher, got.profile}
			if diff := cmp.Diff(test.want, effect); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestEmptyVariable checks that a variable that the exec block empties is not the shell's.
func TestEmptyVariable(t *testing.T) {
	block := exec("aws eks get-token --cluster-name lab", "AWS_ACCESS_KEY_ID=")
	got := parseExecIn(block, []string{"AWS_ACCESS_KEY_ID=AKIA"})
	if value, set := got.env["AWS_ACCESS_KEY_ID"]; !set || value != "" {
		t.Errorf("env = %q, want an empty AWS_ACCESS_KEY_ID", got.env)
	}
}

func FuzzParseExec(f *testing.F) {
	f.Add("aws\n--region\nus-west-2\neks\nget-token\n--cluster-name\nlab", "AWS_PROFILE", "p")
	f.Add("aws-iam-authenticator\ntoken\n-i\nlab", "DEFAULT_ROLE", "r")
	f.Add("sh\n-c\naws eks get-token --cluster-name x", "", "")
	f.Add("sh\n-c\nsh -c \"aws eks get-token --cluster-name 'x'\"", "", "")
	f.Add("env\n-i\n-S\nA=b -u C aws eks get-token\n--cluster-name\nx", "C", "d")
	f.Add("bash\n-lc\nexport A=${B:-c} && if true; then (exec aws \"$@\"); fi\nx\neks\nget-token", "B", "")
	f.Add("sh\n-c\nsh -c \"$A\" \"$A\"", "A", "sh -c \"$A\" \"$A\"")
	f.Add("docker\nrun\namazon/aws-cli\neks\nget-token\n--cluster-name\nx", "", "")
	f.Fuzz(func(t *testing.T, command, name, value string) {
		words := strings.Split(command, "\n")
		call := parseExecIn(&clientcmdapi.ExecConfig{Command: words[0], Args: words[1:],
			Env: []clientcmdapi.ExecEnvVar{{Name: name, Value: value}}}, []string{"HOME=/h", "AWS_PROFILE=p"})
		if call.tool == toolAWS && call.clusterName != "" && !validName(call.clusterName) {
			t.Errorf("cluster name of parseExec(%q) = %q, want a valid one", command, call.clusterName)
		}
		if call.region != "" && !validRegion(call.region) {
			t.Errorf("region of parseExec(%q) = %q, want a valid one", command, call.region)
		}
		for _, name := range call.unset {
			if _, set := call.env[name]; set || !slices.Contains([]string{"HOME", "AWS_PROFILE"}, name) {
				t.Errorf("parseExec(%q) unsets %q, which is set or not the shell's", command, name)
			}
		}
	})
}
