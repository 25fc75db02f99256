package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/securityhub"
)

const importSecurityHub = "securityhub"

// importOptions select where the findings are imported.
type importOptions struct {
	importTo string
	gathered *fleet.Gathered // has the clients of each account and region
}

func (i *importOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&i.importTo, "import", "",
		"Import the results after the audit; only securityhub, with --all-clusters")
	cmdutil.CompleteFlag(cmd, "import", importSecurityHub)
}

func (i *importOptions) validate(allClusters bool) error {
	switch {
	case i.importTo == "":
		return nil
	case i.importTo != importSecurityHub:
		return cmdutil.UsageErrorf("--import %q is not valid: use %s", i.importTo, importSecurityHub)
	case !allClusters:
		return cmdutil.UsageErrorf("--import needs --all-clusters: without it, it is unknown which clusters no longer exist")
	}
	return nil
}

// prepareImport keeps the clients of the audit, and records the endpoint of the import.
func (o *options) prepareImport(clients *awsclient.Clients, gathered *fleet.Gathered) {
	if o.importTo == "" {
		return
	}
	o.gathered = gathered
	o.provenance.EndpointOverrides = cmdutil.EndpointOverrides(clients, awsclient.SecurityHubService)
}

// importPlace is what is imported in one account and region.
type importPlace struct {
	securityhub.Place
	coverage securityhub.Coverage
}

// importAll imports the results of the report.
func (o *options) importAll(ctx context.Context, r *v1alpha1.AuditReport) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("nothing was imported into Security Hub: %w", err)
	}
	findings := report.SecurityHub(r)
	places, left := importPlaces(r, o.gathered)
	n := 0
	for _, p := range places {
		n += findings.Count(p.Account, p.Region)
	}
	o.note("importing %s into Security Hub, in %s", output.Count(n, "result"), output.Count(len(places), "region"))
	if left > 0 {
		o.note("Security Hub keeps the earlier findings of %s that could not be queried",
			output.Count(left, "region or account"))
	}
	results := make([]securityhub.Result, len(places))
	gate := awsclient.NewGate(o.maxConcurrency)
	var all errgroup.Group
	all.SetLimit(o.maxConcurrency)
	for i, p := range places {
		all.Go(func() error {
			results[i] = o.importInto(ctx, p, findings, gate)
			return nil
		})
	}
	_ = all.Wait()
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("the import into Security Hub is not complete: %w", err)
	}
	return o.summarize(results)
}

// importInto imports the findings of one account and region.
func (o *options) importInto(
	ctx context.Context, p importPlace, findings *report.HubFindings, gate awsclient.Gate,
) securityhub.Result {
	clients, err := o.gathered.Clients(p.Account, p.Region)
	if err != nil {
		return securityhub.Result{Place: p.Place, Errs: []error{err}}
	}
	hub := securityhub.New(clients.WithGate(gate).SecurityHub(), p.Place)
	return hub.Sync(ctx, findings.Of(p.Account, p.Region), p.coverage, o.rules.Now)
}

// importPlaces returns the accounts and regions that have clusters or were listed completely. left counts the others:
// they could not be queried, and the import makes no calls there.
func importPlaces(r *v1alpha1.AuditReport, gathered *fleet.Gathered) (places []importPlace, left int) {
	filteredOut := map[string]bool{}
	for _, arn := range r.Scope.FilteredOut {
		filteredOut[arn] = true
	}
	var since time.Time // without it, no cluster is known to be gone
	if r.StartedAt != nil {
		since = r.StartedAt.Time
	}
	type key struct{ account, region string }
	index := map[key]int{}
	place := func(account, region string) *importPlace {
		k := key{account, region}
		if _, found := index[k]; !found {
			index[k] = len(places)
			places = append(places, importPlace{
				Place: securityhub.Place{Partition: binding.PartitionOf(region), Account: account, Region: region},
				coverage: securityhub.Coverage{Since: since, Resources: map[string]bool{}, FilteredOut: filteredOut,
					Recorded: gathered.Recorded(), RecordedList: gathered.ListRecorded(account, region)},
			})
		}
		return &places[index[k]]
	}
	for i := range r.Items {
		c := &r.Items[i].Cluster
		place(c.Account, c.Region).coverage.Resources[c.ARN] = true
	}
	for _, a := range r.Scope.Answered {
		for _, region := range a.Regions {
			place(a.Account, region).coverage.Complete = true
		}
	}
	for _, u := range r.Unreachable {
		if _, found := index[key{u.Account, u.Region}]; !found {
			left++
		}
	}
	slices.SortFunc(places, func(a, b importPlace) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	return places, left
}

// summarize prints what was written, and each failure with its account and region. The error counts the regions that
// failed.
func (o *options) summarize(results []securityhub.Result) error {
	var sum securityhub.Result
	failed := 0
	for _, r := range results {
		sum.Imported, sum.Archived = sum.Imported+r.Imported, sum.Archived+r.Archived
		sum.Suppressed, sum.Reopened = sum.Suppressed+r.Suppressed, sum.Reopened+r.Reopened
		sum.Unchanged, sum.Newer = sum.Unchanged+r.Unchanged, sum.Newer+r.Newer
		if len(r.Errs) > 0 {
			failed++
		}
		for _, err := range r.Errs {
			o.factory.Warn(fmt.Errorf("import into Security Hub of %s/%s: %w", r.Account, r.Region, err))
		}
	}
	o.note("Security Hub: %s imported, %d archived, %d suppressed by waivers, %d NEW again",
		output.Count(sum.Imported, "finding"), sum.Archived, sum.Suppressed, sum.Reopened)
	if sum.Unchanged > 0 {
		o.note("Security Hub already has %s as the audit found them", output.Count(sum.Unchanged, "result"))
	}
	if sum.Newer > 0 {
		o.note("Security Hub has a newer version of %s, which stays: another audit ended later than the clusters were "+
			"queried, or the clock of a computer is wrong", output.Count(sum.Newer, "finding"))
	}
	if failed > 0 {
		return fmt.Errorf("the import into Security Hub failed in %s", output.Count(failed, "region"))
	}
	return nil
}

func (o *options) note(format string, args ...any) {
	fmt.Fprintf(o.factory.ErrOut, format+"\n", args...)
}
