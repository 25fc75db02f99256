// Package cmdutil holds what the commands share: the Factory with streams, flags and
// clients, the path from a kube context to a report, and the exit codes.
package cmdutil

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// UserAgent identifies this tool in CloudTrail and in the audit log of Kubernetes.
const UserAgent = "kubectl-eks_encrypt"

// Factory holds the streams of the process and the flags of every command. It makes
// clients from them when a command needs one. ErrOut cleans everything that is written
// to it: messages of AWS, names from a kubeconfig, errors and logs.
type Factory struct {
	genericiooptions.IOStreams
	// Version is the version of this binary, for instance v1.2.3.
	Version string
	// Kube holds kubectl's own flags.
	Kube *genericclioptions.ConfigFlags
	// AWS holds the flags that override what the kube context names.
	AWS AWSFlags
	// Format is the value of -o with its template.
	Format output.Format

	color string
	flags *pflag.FlagSet   // of every command
	bound *binding.Binding // of --context or the current context; nil if none was bound
	pool  *awsclient.Pool
	gate  awsclient.Gate // nil lets every call pass

	inCluster func() (*rest.Config, error) // the connection of the pod in which the program runs
}

// AWSFlags override the cluster, region, principal and endpoint of the kube context.
type AWSFlags struct {
	ClusterName, Region, Profile, RoleARN, ExternalID, EndpointURL string
}

// NewFactory returns a Factory for these streams. release is the version that the
// linker set; if it is empty, the version of the Go module is used.
func NewFactory(streams genericiooptions.IOStreams, release string) *Factory {
	streams.ErrOut = sanitize.NewWriter(streams.ErrOut)
	return &Factory{IOStreams: streams, Version: versionOf(release), Kube: genericclioptions.NewConfigFlags(true),
		Format: output.NewFormat(""), pool: new(awsclient.Pool), inCluster: rest.InClusterConfig}
}

// AddFlags adds the flags of every command.
func (f *Factory) AddFlags(flags *pflag.FlagSet) {
	f.flags = flags
	f.Kube.AddFlags(flags)
	flags.StringVar(&f.AWS.ClusterName, "cluster-name", "",
		"Name or ARN of the EKS cluster, if the kube context does not contain it")
	flags.StringVar(&f.AWS.Region, "region", "", "AWS region of the cluster; usually known from the kube context")
	flags.StringVar(&f.AWS.Profile, "profile", "", "AWS profile to use instead of the one that kubectl uses")
	flags.StringVar(&f.AWS.RoleARN, "role-arn", "", "IAM role to assume before any AWS call")
	flags.StringVar(&f.AWS.ExternalID, "external-id", "",
		"External ID that the trust policy of --role-arn requires; for audit also that of --role-name")
	flags.StringVar(&f.AWS.EndpointURL, "endpoint-url", "", "Send all AWS calls to this URL, as AWS_ENDPOINT_URL does")
	flags.StringVar(&f.color, "color", "auto", "Color the output: auto, always or never; NO_COLOR is honored")
	f.Format.AddFlags(flags)
	addVerbosity(flags, f.ErrOut)
}

// addVerbosity adds klog's -v and none of its other flags, and sends the log to w.
// client-go logs its requests through klog, from level 8 on with their bodies. Secrets
// are listed and written by pkg/rewriter alone, which logs no body, so no value appears
// at any level.
func addVerbosity(flags *pflag.FlagSet, w io.Writer) {
	fs := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(fs)
	klog.SetOutput(w)
	for name, value := range map[string]string{
		"logtostderr": "false", "one_output": "true", "stderrthreshold": "FATAL",
		"legacy_stderr_threshold_behavior": "false",
	} {
		if f := fs.Lookup(name); f != nil {
			_ = f.Value.Set(value)
		}
	}
	v := pflag.PFlagFromGoFlag(fs.Lookup("v"))
	v.Usage = "Log level; 6 logs each request to AWS and to the API server"
	flags.AddFlag(v)
}

// Validate refuses values of the global flags that are not valid for cmd.
func (f *Factory) Validate(cmd *cobra.Command) error {
	if err := f.Format.Validate(ExtraFormats(cmd)...); err != nil {
		return UsageErrorf("%w", err)
	}
	if _, err := output.NewColour(f.Out, f.color); err != nil {
		return UsageErrorf("%w", err)
	}
	if _, err := f.RequestTimeout(); err != nil {
		return UsageErrorf("%w", err)
	}
	if f.AWS.ExternalID != "" && f.AWS.RoleARN == "" && !cmd.Flags().Changed("role-name") {
		return UsageErrorf("--external-id needs --role-arn, or --role-name of audit")
	}
	return nil
}

// RequestTimeout returns --request-timeout, which limits one request to AWS or to the
// API server. Zero stands for the default of each.
func (f *Factory) RequestTimeout() (time.Duration, error) {
	timeout := value(f.Kube.Timeout)
	if timeout == "" || timeout == "0" {
		return 0, nil
	}
	d, err := clientcmd.ParseTimeout(timeout)
	if err != nil {
		return 0, fmt.Errorf("--request-timeout %q is not a valid duration: use for instance 10s", timeout)
	}
	return d, nil
}

// extraFormats annotates a command with output formats that only it has.
const extraFormats = "extra-formats"

// WithExtraFormats returns the annotation of a command that has further output formats.
func WithExtraFormats(formats []string) map[string]string {
	return map[string]string{extraFormats: strings.Join(formats, ",")}
}

// ExtraFormats returns the output formats that only cmd has.
func ExtraFormats(cmd *cobra.Command) []string {
	return strings.FieldsFunc(cmd.Annotations[extraFormats], func(r rune) bool { return r == ',' })
}

// WithoutOutput annotates a command for which -o has no meaning.
const WithoutOutput = "without-output"

// Colour returns the colours for stdout. Validate has checked --color.
func (f *Factory) Colour() output.Colour {
	c, _ := output.NewColour(f.Out, f.color)
	return c
}

// ErrColour returns the colours for stderr.
func (f *Factory) ErrColour() output.Colour {
	c, _ := output.NewColour(f.ErrOut, f.color)
	return c
}

// Print writes obj to stdout in the format of -o. text writes the format for people.
func (f *Factory) Print(obj runtime.Object, text func(w io.Writer, colour output.Colour, wide bool) error) error {
	if f.Format.ForPeople() {
		return text(f.Out, f.Colour(), f.Format.Wide())
	}
	return f.Format.Print(f.Out, obj)
}

// PrintDocument writes a generated document to stdout. Its values are escaped for its
// format; control characters that are left, for instance in a comment, become U+FFFD.
func (f *Factory) PrintDocument(text string) error {
	_, err := io.WriteString(f.Out, sanitize.Text(text))
	return err
}

// Quiet returns a copy of f that cannot prompt.
func (f *Factory) Quiet() *Factory {
	quiet := *f
	quiet.In = strings.NewReader("")
	return &quiet
}

// WithAWS returns a copy of f with other AWS flags.
func (f *Factory) WithAWS(flags AWSFlags) *Factory {
	other := *f
	other.AWS = flags
	return &other
}

// WithGate returns a copy of f whose calls to AWS pass the gate. It concerns the contexts that are bound afterwards.
func (f *Factory) WithGate(gate awsclient.Gate) *Factory {
	other := *f
	other.gate = gate
	return &other
}

// pass calls AWS through the gate. STS calls do not pass it by themselves.
func (f *Factory) pass(ctx context.Context, call func() error) error {
	if f.gate == nil {
		return call()
	}
	var err error
	return errors.Join(f.gate(ctx, func() awsclient.Outcome { err = call(); return awsclient.Answered }), err)
}

// versionOf returns the release, or else the version that go install recorded.
func versionOf(release string) string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}

// value returns *s, or "" if s is nil.
func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
