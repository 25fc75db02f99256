package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// runAll reports on every cluster of the kubeconfig. A failure for one cluster does not
// hide the others.
func (o *Options) runAll(ctx context.Context) error {
	names := o.factory.Contexts()
	if len(names) == 0 {
		_, err := o.factory.Target("") // the error names what is missing
		return err
	}
	reports := make([]v1alpha1.EncryptionReport, len(names))
	errs := make([]error, len(names))
	var g errgroup.Group
	g.SetLimit(cmdutil.MaxContexts)
	for i, name := range names {
		g.Go(func() error {
			inspected := o.factory.InspectAny(ctx, name, cmdutil.InspectOptions{})
			reports[i], errs[i] = inspected.Report, inspected.Err
			return nil
		})
	}
	_ = g.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	list := v1alpha1.EncryptionReportList{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReportList), Items: cmdutil.Distinct(reports),
	}
	if err := o.factory.Print(&list, func(w io.Writer, _ output.Colour, wide bool) error {
		err := output.EncryptionTable(w, list.Items, wide)
		for i := range errs {
			if err == nil && errs[i] != nil {
				fmt.Fprintln(o.factory.ErrOut, sanitize.Line(fmt.Sprintf("context %s: %v", names[i], errs[i])))
			}
		}
		return err
	}); err != nil {
		return err
	}
	return listError(list.Items, o.require)
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
