package cli

import (
	"flag"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// userAgent is how CloudTrail and the audit log of Kubernetes see this tool.
const userAgent = "kubectl-eks_encrypt"

// globals are the flags of every command, and what the process lends.
type globals struct {
	genericiooptions.IOStreams
	version string

	kube *genericclioptions.ConfigFlags
	aws  awsFlags

	color  string
	format output.Format
}

// awsFlags overrule what the kube context says of the cluster and of the
// principal to ask as.
type awsFlags struct {
	clusterName, region, profile, roleARN, endpointURL string
}

func newGlobals(p Process) *globals {
	return &globals{IOStreams: p.IOStreams, version: versionOf(p.Version), kube: genericclioptions.NewConfigFlags(true)}
}

func (g *globals) addFlags(flags *pflag.FlagSet) {
	g.kube.AddFlags(flags)
	flags.StringVar(&g.aws.clusterName, "cluster-name", "", "Name of the EKS cluster, if the kube context doesn't tell it or to overrule what it tells")
	flags.StringVar(&g.aws.region, "region", "", "AWS region of the cluster; the kube context tells it as a rule")
	flags.StringVar(&g.aws.profile, "profile", "", "AWS profile to act as, instead of the one kubectl acts as")
	flags.StringVar(&g.aws.roleARN, "role-arn", "", "IAM role to assume before any AWS call")
	flags.StringVar(&g.aws.endpointURL, "endpoint-url", "", "Send all AWS calls to this URL, as AWS_ENDPOINT_URL does")
	flags.StringVar(&g.color, "color", "auto", "Colour the output: auto, always or never; NO_COLOR is honoured")
	g.format.AddFlag(flags)
	addVerbosity(flags)
}

// addVerbosity exposes -v of klog and nothing else of it: client-go logs its
// requests there. Requests of this tool carry no secret values at any level.
func addVerbosity(flags *pflag.FlagSet) {
	fs := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(fs)
	for name, value := range map[string]string{
		"logtostderr": "true", "legacy_stderr_threshold_behavior": "false", "stderrthreshold": "INFO",
	} {
		if f := fs.Lookup(name); f != nil {
			_ = f.Value.Set(value)
		}
	}
	v := pflag.PFlagFromGoFlag(fs.Lookup("v"))
	v.Usage = "Log level, for instance 6 to see each request to the API server"
	flags.AddFlag(v)
}

// requestTimeout is --request-timeout, for one request to AWS or to the API
// server; zero means the defaults of each.
func (g *globals) requestTimeout() (time.Duration, error) {
	if g.kube.Timeout == nil || *g.kube.Timeout == "" || *g.kube.Timeout == "0" {
		return 0, nil
	}
	d, err := clientcmd.ParseTimeout(*g.kube.Timeout)
	if err != nil {
		return 0, fmt.Errorf("invalid --request-timeout %q: a duration such as 10s", *g.kube.Timeout)
	}
	return d, nil
}

// validate refuses global flags that can't be meant, before any work is done.
func (g *globals) validate(cmd *cobra.Command) error {
	if more := moreFormatsOf(cmd); !slices.Contains(more, string(g.format)) {
		if err := g.format.Validate(); err != nil {
			return usage(cmd, "%w", also(err, more))
		}
	}
	if _, err := output.NewColour(g.Out, g.color); err != nil {
		return usage(cmd, "%w", err)
	}
	if _, err := g.requestTimeout(); err != nil {
		return usage(cmd, "%w", err)
	}
	return nil
}

// moreFormats lists the formats that a command knows beside those of all commands.
const moreFormats = "more-formats"

func moreFormatsOf(cmd *cobra.Command) []string {
	return strings.FieldsFunc(cmd.Annotations[moreFormats], func(r rune) bool { return r == ',' })
}

func also(err error, formats []string) error {
	if len(formats) == 0 {
		return err
	}
	return fmt.Errorf("%w, %s", err, strings.Join(formats, ", "))
}

// colour paints what goes to stdout. validate has refused a wrong mode.
func (g *globals) colour() output.Colour {
	c, _ := output.NewColour(g.Out, g.color)
	return c
}

// rest leads to the API server of the context, as kubectl goes there.
func (g *globals) rest() (*rest.Config, error) {
	config, err := g.kube.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.UserAgent = userAgent + "/" + g.version
	return config, nil
}

// versionOf falls back to what go install leaves in the binary.
func versionOf(release string) string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
