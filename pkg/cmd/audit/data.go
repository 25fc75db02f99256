package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// dataOptions select whether and how the existing data is verified.
type dataOptions struct {
	verify bool
	sample int
}

const (
	verifyClusters    = 4  // clusters whose data is verified at the same time
	verifyConcurrency = 16 // concurrent requests to each
)

func (d *dataOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&d.verify, "verify-data", false,
		"Also check ENC-5 (existing data), read-only, through each cluster's kube context")
	f.IntVar(&d.sample, "sample", 0,
		"With --verify-data: prove by no-op writes to this many random Secrets of each cluster")
}

// verifyData verifies the existing data of each cluster with a customer-managed key, unless an earlier audit has. What
// is missing when ctx ends stays unknown, and makes the place of the cluster incomplete.
func (o *options) verifyData(ctx context.Context, answers *fleet.Answers) {
	if o.sample > 0 {
		fmt.Fprintln(o.factory.ErrOut,
			"This writes: each sampled object gets a no-op write, which re-encrypts a stale object.")
	}
	var contexts map[string]string // by cluster ARN; nil if each report has its binding
	if o.allClusters {
		contexts = o.contextsByARN()
	}
	progress := output.NewProgress(o.factory.ErrOut)
	defer progress.End()
	data, cut := make([]fleet.Data, len(answers.Items)), make([]bool, len(answers.Items))
	var all errgroup.Group
	all.SetLimit(verifyClusters)
	for i := range answers.Items {
		r := &answers.Items[i]
		if r.Encryption.Verdict != v1alpha1.VerdictCustomerManagedKey {
			continue
		}
		if data[i].Coverage = o.coverage(r); data[i].Coverage != nil {
			continue
		}
		all.Go(func() error {
			if ctx.Err() == nil {
				progress.Show("verifying the data of " + r.Cluster.Name)
				data[i].Coverage, data[i].Err = o.verifyCluster(ctx, answers.Items, i, contexts)
			}
			if cut[i] = ctx.Err() != nil && !decided(data[i].Coverage); cut[i] {
				data[i] = fleet.Data{Err: errors.New(fleet.StopReason(ctx))}
			}
			return nil
		})
	}
	_ = all.Wait()
	answers.Data = map[string]fleet.Data{}
	var notVerified []location
	for i := range data {
		id := answers.Items[i].Cluster.ARN
		if data[i].Coverage != nil || data[i].Err != nil && answers.Data[id].Coverage == nil { // of several contexts
			answers.Data[id] = data[i]
		}
		if cut[i] {
			notVerified = append(notVerified, o.locationOf(&answers.Items[i].Cluster))
		}
	}
	addNotVerified(answers, notVerified, fleet.StopReason(ctx))
}

// decided reports whether a verification has a result that more time would not change.
func decided(c *v1alpha1.CoverageReport) bool {
	return c != nil && slices.Contains([]v1alpha1.CoverageVerdict{
		v1alpha1.CoverageProven, v1alpha1.CoverageStale, v1alpha1.CoverageContradicted,
	}, c.Verdict)
}

// contextsByARN returns the kube context of each cluster of the kubeconfig by its ARN.
func (o *options) contextsByARN() map[string]string {
	names := map[string]string{}
	for _, name := range o.factory.Contexts() {
		if b, err := o.factory.Bind(name); err == nil && b.ARN != "" {
			names[b.ARN] = name
		}
	}
	return names
}

// verifyCluster verifies the data of one cluster. It replaces a report that was made
// without a kube context by one whose guard has compared the context with EKS: objects
// of another cluster prove nothing about this one.
func (o *options) verifyCluster(ctx context.Context, items []v1alpha1.EncryptionReport, i int,
	contexts map[string]string) (*v1alpha1.CoverageReport, error) {
	r := &items[i]
	var bound *cmdutil.Inspected
	if contexts == nil {
		bound = o.bindings[i]
	} else {
		name := contexts[r.Cluster.ARN]
		if name == "" {
			return nil, errors.New("no kube context leads to the cluster")
		}
		inspected := o.inspect(ctx, name)
		bound = &inspected
		found := inspected.Report
		switch {
		case ctx.Err() != nil: // what is known of the cluster is more than what was read until then
			return nil, ctx.Err()
		case inspected.Err != nil:
			return nil, inspected.Err
		case found.Cluster.ARN != r.Cluster.ARN || found.Encryption.KeyARN != r.Encryption.KeyARN:
			return nil, fmt.Errorf("kube context %q leads to another cluster, or the cluster has changed since", name)
		}
		*r = found
	}
	method := v1alpha1.MethodReadOnly
	if o.sample > 0 {
		method = v1alpha1.MethodSample
	}
	if r.Cluster.Guard != v1alpha1.GuardMatch {
		return nil, fmt.Errorf("it is not verified that kube context %q leads to the cluster: %s", r.Cluster.Context,
			r.Cluster.GuardReason)
	}
	if err := (rewriter.Preconditions{Report: r}).Check(method); err != nil {
		return nil, err
	}
	config, err := bound.REST()
	if err != nil {
		return nil, err
	}
	notes := slices.Clone(r.Notes)
	record, err := rewriter.LoadRecord(ctx, config)
	if err != nil {
		notes = append(notes, "the record of the association could not be read: "+err.Error())
	}
	result, err := rewriter.Run(ctx, rewriter.Options{
		Config: config, Method: method, SampleSize: o.sample, Record: record,
		Cluster: r.Cluster, KeyARN: r.Encryption.KeyARN, MaxConcurrency: verifyConcurrency,
	})
	if result != nil && method == v1alpha1.MethodSample { // a run that writes takes back a record that it refutes
		if err := result.UpdateRecord(ctx, config, record, "", o.factory.Version); err != nil {
			notes = append(notes, "the record of the association could not be taken back: "+err.Error())
		}
	}
	return coverageOf(result, err, notes, r.Provenance)
}

// coverageOf returns the report of a run. A run that ended with an error may have found that the API servers do not
// write with the current key, or stale objects: this is a finding.
func coverageOf(
	result *rewriter.Result, err error, notes []string, provenance v1alpha1.Provenance,
) (*v1alpha1.CoverageReport, error) {
	if result == nil {
		return nil, err
	}
	v := result.Report.Verdict
	if err != nil && v != v1alpha1.CoverageStale && v != v1alpha1.CoverageContradicted {
		return nil, err
	}
	if err != nil {
		notes = append(notes, "the run ended early: "+err.Error())
	}
	result.Report.Notes = append(result.Report.Notes, notes...)
	result.Report.Provenance = provenance
	return result.Report, nil
}
