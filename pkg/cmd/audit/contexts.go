package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// gatherFromContexts audits the clusters behind the kube contexts.
func (o *options) gatherFromContexts(ctx context.Context,
	progress *output.Progress) (*fleet.Answers, v1alpha1.AuditScope, error) {
	scope := v1alpha1.AuditScope{Filters: o.filter.Conditions()}
	names, err := o.contexts()
	if err != nil {
		return nil, scope, err
	}
	scope.Contexts = slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "" }) // of a pod
	var (
		mu            sync.Mutex
		answers       fleet.Answers
		done, skipped int
	)
	results := make([]*cmdutil.Inspected, len(names))
	work, cancel := fleet.Draining(ctx, 0)
	defer cancel()
	var all errgroup.Group
	all.SetLimit(min(cmdutil.MaxContexts, o.maxConcurrency))
	for i, name := range names {
		all.Go(func() error {
			var inspected cmdutil.Inspected
			if ctx.Err() == nil {
				inspected = o.inspect(work, name)
			}
			r := inspected.Report
			mu.Lock()
			defer mu.Unlock()
			done++
			switch {
			case r.Kind == "" || work.Err() != nil || errors.Is(inspected.Err, context.Canceled):
				answers.Stopped = true
				answers.Unreachable = append(answers.Unreachable, v1alpha1.Unreachable{
					Context: name, Cause: v1alpha1.CauseInterrupted, Reason: "not queried: " + fleet.StopReason(ctx)})
			case r.Cluster.Name == "" && inspected.Err != nil:
				answers.Unreachable = append(answers.Unreachable,
					v1alpha1.Unreachable{Context: name, Reason: inspected.Err.Error()})
			case !o.filter.MatchesName(r.Cluster.Name), inspected.Err == nil && !o.filter.MatchesTags(inspected.Tags):
				skipped++
			default:
				results[i] = &inspected
			}
			if len(names) > 1 {
				progress.Show(fmt.Sprintf("%d of %d contexts", done, len(names)))
			}
			return nil
		})
	}
	_ = all.Wait()
	results = slices.DeleteFunc(results, func(r *cmdutil.Inspected) bool { return r == nil })
	o.bindings = cmdutil.Distinct(results)
	for _, inspected := range o.bindings {
		answers.Items = append(answers.Items, inspected.Report)
	}
	if skipped > 0 {
		answers.Notes = append(answers.Notes, fmt.Sprintf("%d contexts were left out by --cluster-name or --tag", skipped))
	}
	slices.SortStableFunc(answers.Unreachable, func(a, b v1alpha1.Unreachable) int {
		return cmp.Compare(slices.Index(names, a.Context), slices.Index(names, b.Context))
	})
	return &answers, scope, nil
}

// contexts returns the kube contexts to audit: all, or the current one.
func (o *options) contexts() ([]string, error) {
	if names := o.factory.Contexts(); o.allContexts && len(names) > 0 {
		return names, nil
	}
	b, err := o.factory.Bind("")
	unnamed, notEKS := new(binding.UnnamedError), new(binding.NotEKSError)
	if errors.As(err, &unnamed) || errors.As(err, &notEKS) {
		err = nil // the report says so
	}
	return []string{b.Context}, hint.Wrap(err, "audit --all-clusters needs no kubeconfig")
}

// inspect inspects the cluster behind one context. Updates in progress matter only for
// the existing data.
func (o *options) inspect(ctx context.Context, kubeContext string) cmdutil.Inspected {
	return o.factory.WithGate(o.gate).InspectAny(ctx, kubeContext, cmdutil.InspectOptions{
		WithoutUpdates: !o.verify, Patient: true, Keys: &o.keys,
	})
}
