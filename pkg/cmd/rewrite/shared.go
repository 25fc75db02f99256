package rewrite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// sharedOptions are the flags of both verify and rewrite.
type sharedOptions struct {
	factory        *cmdutil.Factory
	selector       string
	allResources   bool
	resources      []string
	maxConcurrency int
	qps            float64
	evidence       cmdutil.EvidenceFlags
	noRecord       bool
	trustEndpoint  bool
	allowAdmission bool
	maxBytes       string
	etcdQuota      string
	// namespace is the value of -n if the flag was set; the namespace of the kube
	// context does not limit a run.
	namespace string
	// unknownExit is the exit code if EKS cannot be queried: 3 for verify, 1 for rewrite.
	unknownExit int
	// binding is the cluster of a command that continues with this one; nil binds the flags.
	binding *binding.Binding
}

func (o *sharedOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.selector, "selector", "l", "", "Only objects with these labels, for instance app=web,tier!=cache")
	f.BoolVar(&o.allResources, "all-resources", false,
		"All stored API data, not only Secrets (Kubernetes 1.28 and later); events and leases only with --resources; "+
			"with -n, only what is in a namespace")
	f.StringSliceVar(&o.resources, "resources", nil,
		"Only these resources, named as in kubectl: secrets,widgets.example.com")
	f.IntVar(&o.maxConcurrency, "max-concurrency", rewriter.DefaultMaxConcurrency,
		"Maximum number of concurrent requests; fewer are sent if other users would wait for them. "+
			"A number above 64 lets other users wait longer")
	f.Float64Var(&o.qps, "qps", 0, "Maximum writes per second (0: unlimited)")
	o.evidence.AddTo(cmd)
	f.BoolVar(&o.noRecord, "no-record", false, "Neither read nor write ConfigMap kube-system/eks-encrypt")
	cmdutil.AddTrustEndpointFlag(cmd, &o.trustEndpoint)
	f.BoolVar(&o.allowAdmission, "allow-admission-changes", false,
		"Write although admission webhooks or policies may change the objects at each write")
	f.StringVar(&o.maxBytes, "max-bytes", defaultMaxBytes,
		"Maximum bytes per second that the storage writes, such as 500Ki or 20Mi")
	f.StringVar(&o.etcdQuota, "etcd-quota", defaultEtcdQuota,
		"Size limit of the cluster's database; a run stops at 80 % of it")
	cmd.MarkFlagsMutuallyExclusive("all-resources", "resources")
}

// Defaults of the flags, as text.
const (
	defaultMaxBytes  = "10Mi"
	defaultEtcdQuota = "8Gi"
)

// complete reads what the flags do not hold themselves.
func (o *sharedOptions) complete(cmd *cobra.Command) {
	if flag := cmd.Flags().Lookup("namespace"); flag != nil && flag.Changed {
		o.namespace = flag.Value.String()
	}
}

func (o *sharedOptions) validate() error {
	if o.maxConcurrency < 1 || o.qps < 0 {
		return cmdutil.UsageErrorf("--max-concurrency must be at least 1, and --qps at least 0")
	}
	for flag, text := range map[string]string{"--max-bytes": o.maxBytes, "--etcd-quota": o.etcdQuota} {
		if n, err := resource.ParseQuantity(text); err != nil || n.Value() < 1 {
			return cmdutil.UsageErrorf("%s %q is not a valid size: write it as 500Ki, 20Mi or 8Gi", flag, text)
		}
	}
	return o.evidence.Validate()
}

// job is a run that is ready to start.
type job struct {
	report  v1alpha1.EncryptionReport
	options rewriter.Options
	record  *rewriter.Record
	notes   []string
}

// prepare finds the cluster, its key and the resources. It writes nothing.
func (o *sharedOptions) prepare(ctx context.Context, method v1alpha1.CoverageMethod) (*job, error) {
	inspected, err := o.inspect(ctx)
	switch {
	case err != nil:
		return nil, err
	case inspected.NotEKS != nil:
		return nil, cmdutil.WithCode(o.unknownExit, inspected.NotEKS)
	case inspected.Err != nil:
		return nil, cmdutil.WithCode(o.unknownExit, inspected.Err)
	}
	j := &job{report: inspected.Report, notes: inspected.Report.Notes}
	if err := o.checkCluster(j, method); err != nil {
		return nil, err
	}
	if err := o.evidence.Prepare(ctx, inspected.AWS); err != nil {
		return nil, err
	}
	config, err := inspected.REST()
	if err != nil {
		return nil, err
	}
	var namespace errgroup.Group // checked at the same time as the rest is read
	if o.namespace != "" {
		namespace.Go(func() error { return rewriter.CheckNamespace(ctx, config, o.namespace) })
	}
	j.options = rewriter.Options{
		Config: config, Method: method, Namespace: o.namespace, Selector: o.selector,
		Cluster: j.report.Cluster, KeyARN: j.report.Encryption.KeyARN,
		MaxConcurrency: o.maxConcurrency, QPS: o.qps, AllowAdmissionChanges: o.allowAdmission,
		MaxBytes: size(o.maxBytes), EtcdQuota: size(o.etcdQuota),
	}
	if err := o.findResources(ctx, j); err != nil {
		return nil, err
	}
	if !o.noRecord && j.matches() {
		if j.record, err = rewriter.LoadRecord(ctx, config); err != nil {
			j.notes = append(j.notes, "the record of the association could not be read: "+err.Error())
		}
	}
	j.options.Record = j.record
	if err := namespace.Wait(); err != nil {
		return nil, cmdutil.WithCode(cmdutil.ExitUsage, err)
	}
	return j, nil
}

// inspect inspects the cluster of the command that this one continues, or of the flags.
func (o *sharedOptions) inspect(ctx context.Context) (cmdutil.Inspected, error) {
	if o.binding != nil {
		return o.factory.InspectBinding(ctx, o.binding, cmdutil.InspectOptions{}), nil
	}
	return o.factory.Inspect(ctx, "", cmdutil.InspectOptions{})
}

// checkCluster returns the reason why the cluster's data cannot be verified, or must not
// be written, at present.
func (o *sharedOptions) checkCluster(j *job, method v1alpha1.CoverageMethod) error {
	p := rewriter.Preconditions{Report: &j.report, TrustEndpoint: o.trustEndpoint}
	err := p.Check(method)
	switch {
	case rewriter.NotEncrypted(err):
		return cmdutil.WithCode(cmdutil.ExitFinding, err)
	case err != nil:
		return cmdutil.WithCode(o.unknownExit, err)
	case !j.matches() && o.evidence.File != "":
		return cmdutil.UsageErrorf("--evidence needs proof that kubectl is connected to cluster %s: %s",
			j.report.Cluster.Name, j.report.Cluster.GuardReason)
	}
	return nil
}

// matches reports whether kubectl is proven to be connected to the cluster of the report.
func (j *job) matches() bool { return j.report.Cluster.Guard == v1alpha1.GuardMatch }

// limit takes back what a run cannot prove if nothing shows that its objects belong to the cluster.
func (j *job) limit(r *v1alpha1.CoverageReport) {
	if j.matches() {
		return
	}
	reason := fmt.Sprintf("it is not verified that the objects belong to EKS cluster %s: %s", r.Cluster.Name,
		r.Cluster.GuardReason)
	if r.Verdict != v1alpha1.CoverageStale && r.Verdict != v1alpha1.CoverageIncomplete {
		r.Verdict = v1alpha1.CoverageNotProven
		r.Statement = "Nothing is proven about the cluster, because " + reason + "."
		return
	}
	r.Notes = append(r.Notes, reason)
}

// findResources discovers the resources of --all-resources or --resources.
func (o *sharedOptions) findResources(ctx context.Context, j *job) error {
	if !o.allResources && len(o.resources) == 0 {
		return nil
	}
	if j.report.Encryption.Scope == v1alpha1.ScopeSecrets {
		return cmdutil.UsageErrorf("EKS encrypts only Secrets below Kubernetes 1.28: omit --all-resources and --resources")
	}
	found, err := rewriter.Discover(ctx, j.options.Config, o.resources)
	if err != nil {
		return cmdutil.WithCode(o.unknownExit, err)
	}
	if j.options.Resources, err = o.inNamespace(found.Resources); err != nil {
		return err
	}
	j.options.Partial = found.Partial
	j.notes = append(j.notes, found.Notes...)
	return nil
}

// inNamespace returns the resources that -n can limit to its namespace. It is an error to name another one.
func (o *sharedOptions) inNamespace(resources []rewriter.Resource) (kept []rewriter.Resource, err error) {
	for _, r := range resources {
		switch {
		case o.namespace == "" || r.Namespaced:
			kept = append(kept, r)
		case len(o.resources) > 0:
			return nil, cmdutil.UsageErrorf("%s are not in a namespace: omit -n", r)
		}
	}
	return kept, nil
}

// size returns the value of a flag that validate has checked.
func size(text string) float64 {
	n, err := resource.ParseQuantity(text)
	if err != nil {
		return 0
	}
	return n.AsApproximateFloat64()
}

// Values of GOGC. An inventory lives for the whole run. A low value avoids doubling the memory
// of a large one, but costs a fifth more processor time.
const (
	gcPercent      = 100
	gcPercentLarge = 25
	largeInventory = 100_000 // objects
)

// engine is rewriter.Run or rewriter.Migrate.
type engine func(context.Context, rewriter.Options) (*rewriter.Result, error)

// execute runs the job with progress and prints its report, also if the run ended
// early. The error is the reason for the early end.
func (o *sharedOptions) execute(ctx context.Context, j *job, run engine) (*rewriter.Result, error) {
	progress := output.NewProgress(o.factory.ErrOut)
	debug.SetGCPercent(gcPercent)
	saveMemory := sync.OnceFunc(func() { debug.SetGCPercent(gcPercentLarge) })
	j.options.Progress = func(p rewriter.Progress) {
		if p.Listed > largeInventory {
			saveMemory()
		}
		if p.Phase != rewriter.PhaseDone {
			progress.Show(progressLine(p))
		}
	}
	result, err := run(ctx, j.options)
	progress.End()
	if result == nil {
		return nil, err
	}
	result.Report.Notes = append(result.Report.Notes, j.notes...)
	result.Report.Provenance = j.report.Provenance
	addVersions(result)
	j.limit(result.Report)
	printErr := o.factory.Print(result.Report, func(w io.Writer, colour output.Colour, wide bool) error {
		return output.CoverageText(w, result.Report, colour, wide)
	})
	if printErr == nil {
		printErr = o.evidence.Write(ctx, o.factory, result.Report)
	}
	if printErr != nil && cmdutil.Interrupted(err) {
		o.factory.Warn(printErr) // the error of an interrupted run is short
		return result, err
	}
	return result, errors.Join(err, printErr)
}

// addVersions adds the resourceVersions of the lists to the report.
func addVersions(result *rewriter.Result) {
	for i := range result.Report.Resources {
		r := &result.Report.Resources[i]
		versions := result.Versions[schema.GroupResource{Group: r.Group, Resource: r.Resource}.String()]
		if versions != [2]string{} {
			r.ResourceVersions = &v1alpha1.ResourceVersions{Before: versions[0], After: versions[1]}
		}
	}
}

func progressLine(p rewriter.Progress) string {
	line := countsLine(p)
	if p.Waiting != "" {
		line += "; " + p.Waiting
	}
	return line
}

func countsLine(p rewriter.Progress) string {
	if p.Phase == rewriter.PhaseListing || p.Phase == rewriter.PhaseMigrating {
		return fmt.Sprintf("%s: %s, %d listed", p.Resource, p.Phase, p.Listed)
	}
	line := fmt.Sprintf("%s: %s %d/%d, %.0f/s", p.Resource, p.Phase, p.Done(), p.Total, p.Rate)
	if p.ETA > 0 {
		line += ", " + p.ETA.Round(time.Second).String() + " left"
	}
	return line + fmt.Sprintf(", %d concurrent; %d rewritten, %d current, %d failed",
		p.Concurrency, p.Rewritten, p.Current, p.Failed)
}

// saveRecord keeps what the run proved for a later verify, or takes back what it refuted, also
// if the run ended early. A failure is only a warning.
func (o *sharedOptions) saveRecord(ctx context.Context, j *job, result *rewriter.Result) {
	if result == nil || o.noRecord || !j.matches() {
		return
	}
	updateID := ""
	if u := j.report.Encryption.Update; u != nil && u.KeyARN == j.options.KeyARN {
		updateID = u.ID
	}
	if err := result.UpdateRecord(ctx, j.options.Config, j.record, updateID, o.factory.Version); err != nil {
		o.factory.Warn(err)
	}
}
