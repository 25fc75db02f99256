package rewrite

import (
	"context"
	"errors"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// askAdmission asks whether webhooks and policies may change the objects, on a terminal.
// Otherwise it demands the flag.
func (o *sharedOptions) askAdmission(ctx context.Context, j *job) error {
	if o.allowAdmission {
		return nil
	}
	err := o.checkAdmission(ctx, j)
	var admission *rewriter.AdmissionError
	if !errors.As(err, &admission) {
		return err
	}
	if o.factory.Interactive() {
		fmt.Fprintln(o.factory.ErrOut, admission.Error())
		yes, err := o.factory.Confirm(ctx, "Write all the same?")
		if err != nil {
			return err
		}
		if yes {
			j.options.AllowAdmissionChanges = true
			return nil
		}
	}
	return cmdutil.WithCode(cmdutil.ExitUsage, hint.Wrap(admission, "--allow-admission-changes permits it"))
}

func (o *sharedOptions) checkAdmission(ctx context.Context, j *job) error {
	resources := j.options.Resources
	if len(resources) == 0 {
		resources = []rewriter.Resource{rewriter.Secrets()}
	}
	return rewriter.CheckAdmission(ctx, j.options.Config, resources)
}

// exitCode returns the exit code of a run that ended with an error.
func (o *sharedOptions) exitCode(err error) int {
	if rewriter.IsUnsafe(err) {
		return cmdutil.ExitUnknown
	}
	return o.unknownExit
}
