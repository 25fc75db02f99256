package cmdutil

import (
	"strings"
	"testing"

	"github.com/google/shlex"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

func newTestFactory(t *testing.T) (*Factory, *pflag.FlagSet) {
	t.Helper()
	f := NewFactory(genericiooptions.NewTestIOStreamsDiscard(), "v1")
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.AddFlags(flags)
	return f, flags
}

// valueFor returns a value that the flag accepts and that a shell would split.
func valueFor(flag *pflag.Flag) string {
	switch flag.Value.Type() {
	case "bool":
		return "true"
	case "Level", "level", "int":
		return "7"
	}
	return "it's a $VALUE of " + flag.Name
}

// TestCommandRepeatsFlags sets each flag of every command, one at a time. A printed command must repeat it, or the flag
// must be in the list with the reasons, or hold a secret, which is said in words.
func TestCommandRepeatsFlags(t *testing.T) {
	bound := binding.New(binding.Target{
		ARN: "arn:aws:eks:eu-west-1:111122223333:cluster/prod", Name: "prod", Context: "my context",
	}, nil, nil)
	_, all := newTestFactory(t)
	names := 0
	all.VisitAll(func(listed *pflag.Flag) {
		t.Run(listed.Name, func(t *testing.T) {
			f, flags := newTestFactory(t)
			flag := flags.Lookup(listed.Name)
			set := valueFor(flag)
			if err := flags.Set(flag.Name, set); err != nil {
				t.Fatal(err)
			}
			if flag.Name == "v" { // klog's level is the process's
				defer func() { _ = flags.Set("v", "0") }()
			}
			line := f.Command(bound, "associate", "--resume", "u-1")
			words, err := shlex.Split(line)
			if err != nil {
				t.Fatal(err)
			}
			if words[0] != "kubectl" || words[1] != "eks-encrypt" {
				t.Fatalf("command = %q", line)
			}
			again, parsed := newTestFactory(t)
			parsed.String("resume", "", "")
			if err := parsed.Parse(words[2:]); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if value(again.Kube.Context) != "my context" || again.AWS.ClusterName != bound.ARN {
				t.Errorf("command = %q, want it to name the context and the ARN", line)
			}
			reason, skipped := notRepeated()[flag.Name]
			repeated := parsed.Lookup(flag.Name).Changed && parsed.Lookup(flag.Name).Value.String() == flag.Value.String()
			switch {
			case flag.Name == "token":
				if strings.Contains(line, set) || !strings.Contains(f.Secrets(), "--token") {
					t.Errorf("command = %q, in words %q, want the token in words alone", line, f.Secrets())
				}
			case skipped && reason == "":
				t.Error("the flag is left out without a reason")
			case !skipped && !repeated:
				t.Errorf("command = %q, want --%s %q", line, flag.Name, set)
			}
		})
		names++
	})
	if names < 30 {
		t.Errorf("flags = %d, want all of kubectl and of AWS", names)
	}
	for name := range notRepeated() {
		if all.Lookup(name) == nil && name != "help" {
			t.Errorf("the list of flags to leave out contains %s, which does not exist", name)
		}
	}
}

// TestCommandHidesSecrets checks that no password is printed.
func TestCommandHidesSecrets(t *testing.T) {
	bound := binding.New(binding.Target{Name: "prod", Region: "eu-west-1"}, nil, nil)
	f, flags := newTestFactory(t)
	for _, pair := range [][2]string{
		{"proxy-url", "http://user:pa55@proxy:3128"}, {"endpoint-url", "https://user:pa55@aws.test"}, {"token", "pa55"},
	} {
		if err := flags.Set(pair[0], pair[1]); err != nil {
			t.Fatal(err)
		}
	}
	line := f.Command(bound, "rewrite") + f.Secrets()
	want := "kubectl eks-encrypt rewrite --cluster-name prod --region eu-west-1 " +
		"(also pass the same --endpoint-url, --proxy-url, --token, which is secret and not shown)"
	if line != want {
		t.Errorf("command = %q, want %q", line, want)
	}
}

// TestQualify checks that mentioned commands get the flags of the bound cluster, once.
func TestQualify(t *testing.T) {
	f, _ := newTestFactory(t)
	const arn = "arn:aws:eks:eu-west-1:111122223333:cluster/prod"
	const mention = "'kubectl eks-encrypt keys' lists them; then kubectl eks-encrypt generate iac --for terraform"
	if got := f.Qualify(mention); got != mention {
		t.Errorf("without a cluster: %q, want it unchanged", got)
	}
	f.bound = binding.New(binding.Target{ARN: arn, Name: "prod", Context: "c"}, nil, nil)
	const flags = " --context c --cluster-name " + arn
	want := "'kubectl eks-encrypt keys" + flags + "' lists them; then kubectl eks-encrypt generate iac" + flags +
		" --for terraform"
	for range 2 {
		err := f.QualifyHint(hint.New("no key", mention))
		if got := hint.Of(f.QualifyHint(err)); got != want {
			t.Errorf("hint = %q, want %q", got, want)
		}
	}
	command := f.Command(f.bound, "rewrite")
	if got := f.Qualify("next: " + command); got != "next: "+command {
		t.Errorf("%q, want the command once", got)
	}
}
