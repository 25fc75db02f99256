package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/attest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// coverageOptions are the flags that verify and rewrite share.
type coverageOptions struct {
	*globals
	selector       string
	allResources   bool
	resources      []string
	maxConcurrency int
	qps            float64
	evidence       string
	noRecord       bool
	// untold is the exit code when EKS can't be asked: 3 of a check, 1 of an action.
	untold int
}

func (o *coverageOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.selector, "selector", "l", "", "Only objects with these labels, for instance app=web,tier!=cache")
	f.BoolVar(&o.allResources, "all-resources", false, "All stored API data, not Secrets alone (Kubernetes 1.28 and later); events and leases only by --resources")
	f.StringSliceVar(&o.resources, "resources", nil, "These resources instead, named as kubectl does: secrets,widgets.example.com")
	f.IntVar(&o.maxConcurrency, "max-concurrency", rewriter.DefaultMaxConcurrency, "Most requests in flight; the pacing stays below where the server has no use for so many")
	f.Float64Var(&o.qps, "qps", 0, "Most writes a second; 0 for no bound")
	f.StringVar(&o.evidence, "evidence", "", "Write a record for auditors to this file: counts, times, versions, a sha256; no values")
	f.BoolVar(&o.noRecord, "no-record", false, "Neither read nor write ConfigMap kube-system/eks-encrypt")
	cmd.MarkFlagsMutuallyExclusive("all-resources", "resources")
}

// job is a run that is ready to start.
type job struct {
	report  v1alpha1.EncryptionReport
	options rewriter.Options
	record  *rewriter.Record
	notes   []string
}

// prepare finds the cluster, its key and the resources. Nothing is written.
func (o *coverageOptions) prepare(cmd *cobra.Command, method v1alpha1.CoverageMethod) (*job, error) {
	ctx := cmd.Context()
	if o.maxConcurrency < 1 || o.qps < 0 {
		return nil, usage(cmd, "--max-concurrency must be 1 or more, and --qps no less than 0")
	}
	if dir := filepath.Dir(o.evidence); o.evidence != "" {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, usage(cmd, "--evidence: %s is no folder", dir)
		}
	}
	t, err := o.target("")
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return nil, exit(o.untold, err)
	}
	if err != nil {
		return nil, err
	}
	result, clients := o.inspect(ctx, t)
	if result.Err != nil {
		return nil, exit(o.untold, result.Err)
	}
	j := &job{report: result.Report, notes: provenance(t, clients)}
	if err := o.mayRun(j, t, method); err != nil {
		return nil, err
	}
	config, err := o.rest()
	if err != nil {
		return nil, err
	}
	j.options = rewriter.Options{
		Config: config, Method: method, Selector: o.selector, Cluster: j.report.Cluster, KeyARN: j.report.Encryption.KeyARN,
		MaxConcurrency: o.maxConcurrency, QPS: o.qps,
	}
	if cmd.Flags().Changed("namespace") {
		j.options.Namespace = value(o.kube.Namespace)
	}
	if err := o.choose(ctx, cmd, j); err != nil {
		return nil, err
	}
	if !o.noRecord {
		if j.record, err = rewriter.LoadRecord(ctx, config); err != nil {
			j.notes = append(j.notes, "without the record of the association: "+err.Error())
		}
	}
	j.options.Record = j.record
	return j, nil
}

// mayRun says why the cluster's data can't be judged, or must not be written, now.
func (o *coverageOptions) mayRun(j *job, t binding.Target, method v1alpha1.CoverageMethod) error {
	if method != v1alpha1.MethodReadOnly {
		if err := rewriter.Preconditions(&j.report, t.NameByFlag); err != nil {
			return exit(o.refusal(&j.report), err)
		}
		return nil
	}
	c := j.report.Cluster
	update := j.report.Encryption.Update
	switch {
	case update != nil && strings.EqualFold(update.Status, "InProgress"):
		// The write key may have changed already, and EKS does not name it yet.
		return exit(o.untold, hinted(fmt.Errorf("update %s of cluster %q is still associating a key: what is proven before it has ended is proven of neither key", update.ID, c.Name),
			"kubectl eks-encrypt associate waits for it"))
	case c.Guard == v1alpha1.GuardMismatch:
		return exit(o.untold, fmt.Errorf("kube context %q does not lead to EKS cluster %q: %s", c.Context, c.Name, c.GuardReason))
	case j.report.Encryption.Verdict == v1alpha1.VerdictNotEncrypted:
		return exit(exitFinding, fmt.Errorf("cluster %q is not envelope-encrypted, so nothing of it is", c.Name))
	case j.report.Encryption.Verdict == v1alpha1.VerdictUnknown || j.report.Encryption.Verdict == v1alpha1.VerdictNotApplicable:
		return exit(o.untold, errors.New(j.report.Encryption.Reason))
	case c.Guard == v1alpha1.GuardUnverified:
		j.notes = append(j.notes, fmt.Sprintf("it is not verified that the objects are those of EKS cluster %s: %s", c.Name, c.GuardReason))
	}
	return nil
}

// refusal is the exit code of a run that must not start.
func (o *coverageOptions) refusal(r *v1alpha1.EncryptionReport) int {
	if r.Encryption.Verdict == v1alpha1.VerdictNotEncrypted {
		return exitFinding
	}
	return o.untold
}

// choose finds the resources to examine.
func (o *coverageOptions) choose(ctx context.Context, cmd *cobra.Command, j *job) error {
	if !o.allResources && len(o.resources) == 0 {
		return nil
	}
	if j.report.Encryption.Scope == v1alpha1.ScopeSecrets {
		return usage(cmd, "below Kubernetes 1.28 EKS encrypts Secrets alone: leave out --all-resources and --resources")
	}
	found, notes, err := rewriter.Discover(ctx, j.options.Config, o.resources)
	if err != nil {
		return exit(o.untold, err)
	}
	j.options.Resources = found
	j.notes = append(j.notes, notes...)
	return nil
}

// leanGC keeps the heap near what is live, in percent beyond it: the inventory of
// a million objects is, for the whole run, and need not be paid for twice.
const leanGC = 25

// carry runs the job with progress, and prints its report, also one that ended
// early. The error is why it did.
func (o *coverageOptions) carry(ctx context.Context, j *job, engine func(context.Context, rewriter.Options) (*rewriter.Result, error)) (*rewriter.Result, error) {
	progress := output.NewProgress(o.ErrOut)
	j.options.Progress = func(p rewriter.Progress) {
		if p.Phase != rewriter.PhaseDone {
			progress.Show(progressLine(p))
		}
	}
	debug.SetGCPercent(leanGC)
	result, err := engine(ctx, j.options)
	progress.End()
	if result == nil {
		return nil, err
	}
	result.Report.Notes = append(result.Report.Notes, j.notes...)
	if o.format.ForPeople() {
		if perr := output.CoverageText(o.Out, result.Report, o.colour(), o.format.Wide()); perr != nil {
			return result, errors.Join(err, perr)
		}
	} else if perr := o.format.Print(o.Out, result.Report); perr != nil {
		return result, errors.Join(err, perr)
	}
	if o.evidence != "" {
		if werr := attest.Write(o.evidence, result.Report, result.Versions, o.version); werr != nil {
			return result, errors.Join(err, werr)
		}
		fmt.Fprintf(o.ErrOut, "evidence written to %s\n", o.evidence)
	}
	return result, err
}

func progressLine(p rewriter.Progress) string {
	if p.Phase == rewriter.PhaseListing || p.Phase == rewriter.PhaseMigrating {
		return fmt.Sprintf("%s: %s, %d listed", p.Resource, p.Phase, p.Listed)
	}
	line := fmt.Sprintf("%s: %s %d/%d, %.0f/s", p.Resource, p.Phase, p.Done(), p.Total, p.Rate)
	if p.ETA > 0 {
		line += ", " + p.ETA.Round(time.Second).String() + " left"
	}
	return line + fmt.Sprintf(", %d at once; %d rewritten, %d current, %d failed", p.Concurrency, p.Rewritten, p.Current, p.Failed)
}

// note keeps what the run proved for a later verify; a failure is a warning.
func (o *coverageOptions) note(ctx context.Context, j *job, result *rewriter.Result) {
	if o.noRecord {
		return
	}
	updateID := ""
	if u := j.report.Encryption.Update; u != nil && u.KeyARN == j.options.KeyARN {
		updateID = u.ID
	}
	record := result.Recorded(j.record, updateID, o.version)
	if record == nil {
		return
	}
	if err := rewriter.SaveRecord(ctx, j.options.Config, *record); err != nil {
		fmt.Fprintf(o.ErrOut, "warning: %v\n", err)
	}
}
