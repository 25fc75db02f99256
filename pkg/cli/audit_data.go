package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// auditData is whether and how the existing data is looked at.
type auditData struct {
	verify bool
	sample int
}

const (
	examinedAtOnce     = 4  // clusters
	examineConcurrency = 16 // requests to each
)

func (d *auditData) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&d.verify, "verify-data", false, "Answer ENC-5, too: look at the Secrets of each cluster through its kube context, by reading alone")
	f.IntVar(&d.sample, "sample", 0, "With --verify-data: prove by no-op writes on this many Secrets of each cluster, drawn at random")
}

// examine looks at the existing data of each cluster that has a customer key.
func (o *auditOptions) examine(ctx context.Context, answers *fleet.Answers) error {
	if o.sample > 0 {
		fmt.Fprintln(o.ErrOut, "This writes: each object drawn gets a write that changes nothing; a stale one is re-encrypted by it.")
	}
	var byARN map[string]string
	if o.allClusters {
		byARN = o.contextsByARN()
	}
	progress := output.NewProgress(o.ErrOut)
	defer progress.End()
	data := make([]fleet.Data, len(answers.Items))
	var all errgroup.Group
	all.SetLimit(examinedAtOnce)
	for i := range answers.Items {
		r := &answers.Items[i]
		if r.Encryption.Verdict != v1alpha1.VerdictCustomerManagedKey {
			continue
		}
		all.Go(func() error {
			progress.Show("looking at the data of " + r.Cluster.Name)
			coverage, err := o.examineOne(ctx, r, byARN)
			data[i].Coverage = coverage
			if err != nil {
				data[i].Unasked = err
			}
			return nil
		})
	}
	_ = all.Wait()
	answers.Data = map[string]fleet.Data{}
	for i := range data {
		if data[i].Coverage != nil || data[i].Unasked != nil {
			answers.Data[answers.Items[i].Cluster.ARN] = data[i]
		}
	}
	return ctx.Err()
}

// contextsByARN finds the kube contexts of clusters that AWS has listed.
func (o *auditOptions) contextsByARN() map[string]string {
	names := map[string]string{}
	for _, name := range o.contexts() {
		if t, err := o.target(name); err == nil && t.ARN != "" {
			names[t.ARN] = name
		}
	}
	return names
}

// examineOne looks at one cluster. Its report is replaced by one that has been held
// against the kube context: objects of another cluster tell nothing of this one.
func (o *auditOptions) examineOne(ctx context.Context, r *v1alpha1.EncryptionReport, byARN map[string]string) (*v1alpha1.CoverageReport, error) {
	if byARN != nil {
		name := byARN[r.Cluster.ARN]
		if name == "" {
			return nil, errors.New("no kube context leads to the cluster")
		}
		result := o.context(ctx, o.globals, name)
		switch {
		case result.Err != nil:
			return nil, result.Err
		case result.Report.Cluster.ARN != r.Cluster.ARN || result.Report.Encryption.KeyARN != r.Encryption.KeyARN:
			return nil, fmt.Errorf("kube context %q leads elsewhere, or the cluster has changed meanwhile", name)
		}
		*r = result.Report
	}
	method := v1alpha1.MethodReadOnly
	if o.sample > 0 {
		method = v1alpha1.MethodSample
		if err := rewriter.Preconditions(r, false); err != nil {
			return nil, err
		}
	}
	if r.Cluster.Guard != v1alpha1.GuardMatch {
		return nil, fmt.Errorf("it is not sure that kube context %q leads to the cluster: %s", r.Cluster.Context, r.Cluster.GuardReason)
	}
	config, err := o.restOf(r.Cluster.Context)
	if err != nil {
		return nil, err
	}
	var notes []string
	record, err := rewriter.LoadRecord(ctx, config)
	if err != nil {
		notes = append(notes, "without the record of the association: "+err.Error())
	}
	result, err := rewriter.Run(ctx, rewriter.Options{
		Config: config, Method: method, SampleSize: o.sample, Record: record,
		Cluster: r.Cluster, KeyARN: r.Encryption.KeyARN, MaxConcurrency: examineConcurrency,
	})
	if err != nil || result == nil {
		return nil, err
	}
	result.Report.Notes = append(result.Report.Notes, notes...)
	return result.Report, nil
}

// restOf leads to the API server of a context, as the user that --as names.
func (g *globals) restOf(kubeContext string) (*rest.Config, error) {
	flags := genericclioptions.NewConfigFlags(false)
	flags.Context, flags.KubeConfig, flags.Timeout = &kubeContext, g.kube.KubeConfig, g.kube.Timeout
	flags.Impersonate, flags.ImpersonateUID, flags.ImpersonateGroup = g.kube.Impersonate, g.kube.ImpersonateUID, g.kube.ImpersonateGroup
	config, err := flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("reading the kubeconfig: %w", err)
	}
	config.UserAgent = userAgent + "/" + g.version
	return config, nil
}
