// Package status is the command "status": the verdict on one cluster, or on every
// cluster of the kubeconfig.
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Options are the flags of status.
type Options struct {
	factory     *cmdutil.Factory
	allContexts bool
	apiServers  bool
	keyDetails  bool
	requireFlag string
	evidence    cmdutil.EvidenceFlags

	require encryption.Requirement
}

// NewOptions returns the default options.
func NewOptions(f *cmdutil.Factory) *Options { return &Options{factory: f} }

// Example is the example text of the help.
const Example = `  # The cluster behind the current context
  kubectl eks-encrypt status

  # Fail a pipeline unless a customer-managed key is in use
  kubectl eks-encrypt status --require cmk

  # Every cluster of the kubeconfig, as a table and as JSON
  kubectl eks-encrypt status --all-contexts
  kubectl eks-encrypt status --all-contexts -o json

  # Who uses the key, who may, and when it rotates
  kubectl eks-encrypt status --key-details
  kubectl eks-encrypt status --key-details -o json

  # Evidence for auditors, signed with a KMS key
  kubectl eks-encrypt status --evidence status.json --sign-with alias/evidence

  # Only the key
  kubectl eks-encrypt status -o jsonpath='{.encryption.keyArn}'`

// NewCmd returns the command "status".
func NewCmd(f *cmdutil.Factory) *cobra.Command {
	o := NewOptions(f)
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show whether the cluster is encrypted, and with which key",
		Long: `Shows, for the EKS cluster behind the kube context: whether envelope encryption is on
and for which data, which key it uses, whether that key is healthy, the last
association of a key, and which tool manages the cluster. Changes nothing.

From Kubernetes 1.28 on, EKS encrypts all API data with a key that AWS owns, although
the EKS API does not show it. The verdict for this is AWSOwnedKey, not NotEncrypted.

The guard shows whether kubectl is connected to the cluster that EKS describes, by the
TLS certificate of the address that kubectl connects to. If it is another cluster, the
verdict is Unknown.

--key-details, which -o wide includes, shows what KMS and CloudTrail know about the key:
its grants, its last use, its rotations, the last hourly health check of EKS, and whether
the key policy shuts out the cluster's role or the account. It makes about six more
calls; what you are not allowed to read is shown as unknown, with the missing permission.
The last use shows that the key is in use, not which data was encrypted with it.

In addition to the formats of every command, -o accepts openmetrics, for Prometheus.

Exit codes: 0 the report is complete, and --require holds; 1 --require does not hold;
2 it could not run; 3 the verdict is unknown, or the context is not an EKS cluster.`,
		Example:     Example,
		Args:        cmdutil.NoArgs,
		Annotations: cmdutil.WithExtraFormats(Formats()),
		RunE:        cmdutil.Check(o.Execute),
	}
	o.AddFlags(cmd)
	return cmd
}

// AddFlags adds the flags of status to cmd.
func (o *Options) AddFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&o.allContexts, "all-contexts", false, "Report on every cluster of the kubeconfig, each once")
	f.StringVar(&o.requireFlag, "require", "",
		"Exit with 1 unless this holds: envelope (any key) or cmk (customer-managed key)")
	f.BoolVar(&o.apiServers, "api-servers", false,
		"Show which key each API server writes with, from its metrics; needs list on leases and get on /metrics")
	o.evidence.AddTo(cmd)
	f.BoolVar(&o.keyDetails, "key-details", false, "Show who uses the key and who may: its grants, its last use with the "+
		"CloudTrail event, its rotations, and what its policy means for the cluster's role; -o wide includes it")
	cmdutil.CompleteFlag(cmd, "require", encryption.Requirements()...)
}

// Execute validates the flags and runs the command.
func (o *Options) Execute(cmd *cobra.Command, _ []string) error {
	if err := o.Validate(cmd.Flags().Changed); err != nil {
		return err
	}
	return o.Run(cmd.Context())
}

// Validate refuses flags that contradict each other. changed reports whether a flag was set.
func (o *Options) Validate(changed func(flag string) bool) (err error) {
	if o.require, err = encryption.ParseRequirement(o.requireFlag); err != nil {
		return cmdutil.UsageErrorf("%w", err)
	}
	if err := o.evidence.Validate(); err != nil {
		return err
	}
	if !o.allContexts {
		return nil
	}
	if o.apiServers {
		return cmdutil.UsageErrorf("--all-contexts and --api-servers exclude each other")
	}
	if o.keyDetails {
		return cmdutil.UsageErrorf("--all-contexts and --key-details exclude each other")
	}
	for _, flag := range append(cmdutil.ConnectionFlags(), "cluster-name", "region") {
		if changed(flag) {
			return cmdutil.UsageErrorf("--all-contexts and --%s exclude each other", flag)
		}
	}
	return nil
}

// Run reports on the clusters.
func (o *Options) Run(ctx context.Context) error {
	if o.allContexts {
		return o.runAll(ctx)
	}
	addHealth := func(*v1alpha1.EncryptionReport) {}
	inspected, err := o.factory.Inspect(ctx, "", cmdutil.InspectOptions{
		Bound: func(b *binding.Binding) { addHealth = askHealth(ctx, b) },
	})
	if err != nil {
		return err
	}
	if err := o.evidence.Prepare(ctx, inspected.AWS); err != nil {
		return err
	}
	report, err := &inspected.Report, inspected.Err
	addHealth(report)
	if o.apiServers && err == nil && inspected.NotEKS == nil {
		if err := askServers(ctx, inspected.Binding, report); err != nil {
			o.factory.Warn(err)
		}
	}
	if (o.keyDetails || o.factory.Format.Wide()) && err == nil {
		addKeyDetails(ctx, &inspected)
	}
	switch {
	case cmdutil.Interrupted(err):
		return err
	case inspected.NotEKS != nil:
		err = inspected.NotEKS
	case err != nil && inspected.AWS == nil && inspected.Region == "" && !errors.As(err, new(*binding.UnnamedError)):
		return err // without a region there is no cluster to report on
	}
	o.date(report)
	text := func(w io.Writer, colour output.Colour, wide bool) error {
		return output.EncryptionText(w, report, colour, wide)
	}
	if err := o.print(report, []v1alpha1.EncryptionReport{*report}, text); err != nil {
		return err
	}
	if o.require != "" && err == nil && report.Cluster.Guard == v1alpha1.GuardUnverified {
		fmt.Fprintf(o.factory.ErrOut, "note: --require was checked for %s, but nothing proves that kubectl is connected "+
			"to it: %s\n", report.Cluster.Name, sanitize.Line(report.Cluster.GuardReason))
	}
	return o.withEvidence(ctx, report, verdictError(report, err, o.require))
}

// date sets the time of a report that becomes evidence.
func (o *Options) date(r *v1alpha1.EncryptionReport) {
	if o.evidence.File != "" {
		r.CreationTimestamp = metav1.NewTime(time.Now().UTC().Truncate(time.Second))
	}
}

// withEvidence writes the evidence of a printed report. The result of the command takes
// precedence over an error of the evidence.
func (o *Options) withEvidence(ctx context.Context, report runtime.Object, result error) error {
	err := o.evidence.Write(ctx, o.factory, report)
	if err != nil && result != nil {
		o.factory.Warn(err)
	}
	return cmp.Or(result, err)
}

// verdictError maps a printed report to the exit code.
func verdictError(r *v1alpha1.EncryptionReport, err error, require encryption.Requirement) error {
	if err != nil {
		return cmdutil.WithCode(cmdutil.ExitUnknown, err)
	}
	if require == "" {
		if r.Encryption.Verdict == v1alpha1.VerdictUnknown {
			return cmdutil.WithCode(cmdutil.ExitUnknown, errors.New(r.Encryption.Reason))
		}
		return nil
	}
	result, reason := require.Check(r)
	switch result {
	case v1alpha1.ResultPass:
		return nil
	case v1alpha1.ResultFail:
		return cmdutil.WithCode(cmdutil.ExitFinding,
			fmt.Errorf("--require %s does not hold for %s: %s", require, r.Cluster.Name, reason))
	}
	return cmdutil.WithCode(cmdutil.ExitUnknown,
		fmt.Errorf("could not determine whether --require %s holds for %s: %s", require, r.Cluster.Name, reason))
}
