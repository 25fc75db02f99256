package associate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// resumeUpdate waits for the update of --resume. It sends nothing that changes the cluster.
func (r *runner) resumeUpdate(ctx context.Context, caller v1alpha1.Caller) error {
	live, err := eks.New(r.binding.AWS.EKS()).Cluster(ctx, eks.Ref{Name: r.binding.Name, ARN: r.binding.ARN})
	if err != nil {
		return err
	}
	r.facts = association.Facts{Cluster: cluster(r.binding), Live: &live}
	live.Fill(&r.facts.Cluster)
	guard := cmdutil.AssociationSources(r.binding, r.managedBy).Guard(ctx, live)
	r.facts.Guard = &guard
	r.facts.Cluster.Guard, r.facts.Cluster.GuardReason = guard.Result, guard.Reason
	for _, account := range []string{caller.Account, r.facts.Cluster.Account} {
		if r.expectAccount != "" && account != r.expectAccount {
			return fmt.Errorf("caller %s and cluster %s are not both in account %s", caller.ARN, live.ARN, r.expectAccount)
		}
	}
	if r.facts.Cluster.Guard == v1alpha1.GuardMismatch {
		return hint.Wrap(fmt.Errorf("kube context %q does not lead to EKS cluster %q: %s", r.binding.Context, live.Name,
			r.facts.Cluster.GuardReason), "use the context of the intended cluster")
	}
	engine := r.engine()
	if err := engine.Adopt(ctx, r.resume); err != nil {
		return err
	}
	r.logf("Waiting for update %s of cluster %s.", r.resume, live.Name)
	if err := r.await(ctx, engine, r.resume); err != nil {
		return err
	}
	r.facts.Key.ARN = engine.KeyARN
	return r.finish(ctx, r.resume)
}

// await waits with progress. If the wait ends early, the error names the command that
// resumes it.
func (r *runner) await(ctx context.Context, engine *association.Engine, updateID string) error {
	progress := output.NewProgress(r.factory.ErrOut)
	watching, stop := context.WithCancel(ctx)
	servers := r.watchServers(watching)
	engine.Progress = func(p association.Progress) {
		at := time.Now()
		progress.Live(func() string { return waitLine(p, time.Since(at)) + servers() })
	}
	_, err := engine.Wait(ctx, updateID)
	stop()
	progress.End()
	var pending *association.PendingError
	if !errors.As(err, &pending) {
		return err
	}
	next := "resume waiting with: " + r.waitCommand(updateID)
	if pending.TimedOut {
		return cmdutil.WithCode(cmdutil.ExitTimeout, hint.Wrap(err, "%s", next))
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("only the wait was interrupted: EKS continues to associate the key with cluster %s (update %s)",
			r.facts.Cluster.Name, updateID)
	}
	return hint.Wrap(err, "%s", next)
}

// waitLine shows the time waited and the last answer. The time comes first, so that a
// narrow terminal does not cut it off.
func waitLine(p association.Progress, since time.Duration) string {
	status := p.Status
	if p.Err != nil {
		status = "last query failed: " + p.Err.Error()
	}
	line := (p.Elapsed + since).Round(time.Second).String() + "  " + status
	if p.UpdateID != "" {
		line += ", update " + p.UpdateID
	}
	return line
}

// waitCommand is the command that waits for the update, or that shows the cluster if there
// is none. Neither can begin an association.
func (r *runner) waitCommand(updateID string) string {
	if updateID == "" { // EKS accepted the key, but no update is known
		return r.factory.Command(r.binding, "status") + r.factory.Secrets()
	}
	return r.followUp("associate", "--resume", updateID)
}

// followUp returns a command that continues this one, rewrite or associate, with the flags of this one that it also
// needs.
func (r *runner) followUp(words ...string) string {
	if r.noRecord {
		words = append(words, "--no-record")
	}
	if r.trustEndpoint {
		words = append(words, "--trust-endpoint")
	}
	return r.factory.Command(r.binding, words...) + r.factory.Secrets()
}
