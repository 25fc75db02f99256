package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// contextTimeout bounds the time for one context, so that one without a response does not hold up the report.
const contextTimeout = time.Minute

// runAll reports on every cluster of the kubeconfig. A failure for one cluster does not
// hide the others.
func (o *Options) runAll(ctx context.Context) error {
	names := o.factory.Contexts()
	if len(names) == 0 {
		_, err := o.factory.Bind("") // the error names what is missing
		return err
	}
	if err := o.evidence.PrepareAlone(ctx, o.factory, ""); err != nil {
		return err
	}
	all := make([]*cmdutil.Inspected, len(names))
	progress := output.NewProgress(o.factory.ErrOut)
	var done atomic.Int64
	var g errgroup.Group
	g.SetLimit(cmdutil.MaxContexts)
	for i, name := range names {
		g.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, contextTimeout)
			defer cancel()
			inspected := o.factory.InspectAny(ctx, name, cmdutil.InspectOptions{})
			all[i] = &inspected
			progress.Hint(fmt.Sprintf("%d of %d contexts", done.Add(1), len(names)))
			return nil
		})
	}
	_ = g.Wait()
	progress.End()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	list := v1alpha1.EncryptionReportList{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindEncryptionReportList),
		Provenance: o.factory.Provenance(nil, nil, nil),
	}
	for _, inspected := range cmdutil.Distinct(all) {
		o.date(&inspected.Report)
		list.Items = append(list.Items, inspected.Report)
	}
	if err := o.print(&list, list.Items, func(w io.Writer, _ output.Colour, wide bool) error {
		return output.EncryptionTable(w, list.Items, wide)
	}); err != nil {
		return err
	}
	for i, inspected := range all {
		o.printReason(names[i], inspected)
	}
	return o.withEvidence(ctx, &list, listError(list.Items, o.require))
}

// printReason prints why nothing is known of a context, or what limits a requirement.
func (o *Options) printReason(name string, inspected *cmdutil.Inspected) {
	guard := inspected.Report.Guard
	reason := ""
	switch {
	case inspected.NotEKS != nil:
	case inspected.Err != nil:
		reason = inspected.Err.Error()
		if next := hint.Of(inspected.Err); next != "" {
			reason += " (" + next + ")"
		}
	case guard.Result == v1alpha1.GuardUnverified && o.require != "":
		reason = "note: nothing proves that kubectl is connected to the cluster: " + guard.Reason
	}
	if reason != "" {
		fmt.Fprintf(o.factory.ErrOut, "context %s: %s\n", sanitize.Line(name), sanitize.Line(reason))
	}
}

// listError maps the reports to one exit code: a failure outweighs an unknown result.
// Contexts without an EKS cluster do not count, unless there are no others.
func listError(items []v1alpha1.EncryptionReport, require encryption.Requirement) error {
	var failed, unknown []string
	clusters := 0
	for i := range items {
		r := &items[i]
		if r.Encryption.Verdict == v1alpha1.VerdictNotApplicable {
			continue
		}
		clusters++
		result := v1alpha1.ResultPass
		if require != "" {
			result, _ = require.Check(r)
		} else if r.Encryption.Verdict == v1alpha1.VerdictUnknown {
			result = v1alpha1.ResultUnknown
		}
		name := cmp.Or(r.Cluster.Name, r.Cluster.Context)
		if name != r.Cluster.Context {
			name += " (context " + r.Cluster.Context + ")"
		}
		switch result {
		case v1alpha1.ResultFail:
			failed = append(failed, name)
		case v1alpha1.ResultUnknown:
			unknown = append(unknown, name)
		}
	}
	switch {
	case len(failed) > 0:
		return cmdutil.WithCode(cmdutil.ExitFinding,
			fmt.Errorf("--require %s does not hold for %s", require, strings.Join(failed, ", ")))
	case len(unknown) > 0:
		return cmdutil.WithCode(cmdutil.ExitUnknown,
			fmt.Errorf("could not determine the result for %s", strings.Join(unknown, ", ")))
	case clusters == 0:
		return cmdutil.WithCode(cmdutil.ExitUnknown, errors.New("no context of the kubeconfig is an EKS cluster"))
	}
	return nil
}
