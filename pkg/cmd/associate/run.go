package associate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/rewrite"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// recordTimeout limits the time to record the association in the cluster.
const recordTimeout = 30 * time.Second

const nothingChanged = "nothing was sent, nothing was changed"

// runner carries out an association whose plan exists.
type runner struct {
	*options
	target   binding.Target
	clients  *awsclient.Clients
	facts    association.Facts
	decision association.Decision
}

func (r *runner) run(ctx context.Context, plan *v1alpha1.AssociationPlan) error {
	engine := &association.Engine{
		EKS: eks.New(r.clients.EKS()), Cluster: r.facts.Live, KeyARN: r.facts.Key.ARN, Updates: r.facts.Updates,
		Timeout: r.timeout, Refresh: r.clients.Refresh,
	}
	updateID := ""
	switch r.decision {
	case association.Refuse:
		return &association.RefusedError{Failed: association.Failures(plan)}
	case association.Done:
		r.logf("Nothing to do: the cluster already uses this key.")
		r.record(ctx, r.lastUpdate()) // the run that began it may have been interrupted
		return r.printStatus(ctx)
	case association.Adopt:
		updateID = r.facts.Adoptable().ID
		r.logf("Waiting for update %s, which is already associating this key.", updateID)
	case association.Associate:
		if err := r.confirm(ctx); err != nil {
			return err
		}
		save := r.noteBefore(ctx)
		begun, err := engine.Begin(ctx)
		if err != nil {
			return err
		}
		updateID = begun.UpdateID
		switch {
		case updateID == "":
			r.logf("Another client associated this key in the meantime.")
		case begun.Adopted:
			r.logf("Waiting for update %s, which is already associating this key.", updateID)
		default:
			r.logf("EKS accepted the request: update %s", updateID)
			save(updateID)
		}
	}
	if r.noWait || !r.wait {
		r.logf("Not waiting. Wait with: %s", r.waitCommand())
		if r.factory.Format.ForPeople() && updateID != "" {
			fmt.Fprintln(r.factory.Out, updateID)
			return nil
		}
		return r.printStatus(ctx)
	}
	if err := r.await(ctx, engine, updateID); err != nil {
		return err
	}
	r.record(ctx, updateID)
	if err := r.printStatus(ctx); err != nil {
		return err
	}
	return r.offerRewrite(ctx)
}

func (r *runner) logf(format string, args ...any) {
	fmt.Fprintf(r.factory.ErrOut, format+"\n", args...)
}

// lastUpdate returns the id of the update that associated the key, or "" if EKS no
// longer lists it.
func (r *runner) lastUpdate() string {
	for _, u := range slices.Backward(r.facts.Updates) {
		if u.IsAssociation() && u.KeyARN == r.facts.Key.ARN && !u.Running() {
			return u.ID
		}
	}
	return ""
}

func (r *runner) confirm(ctx context.Context) error {
	if r.yes {
		return nil
	}
	notConfirmed := func(format string, args ...any) error {
		return fmt.Errorf("not confirmed, "+format+": "+nothingChanged, args...)
	}
	answer, err := r.factory.Prompt(ctx, output.Wrap("This cannot be undone, and the key cannot be changed later. "+
		"The key must outlive the cluster: without it the cluster is lost.", "", 80)+
		"\nType the cluster's name to continue: ")
	switch {
	case ctx.Err() != nil:
		return cmdutil.WithCode(cmdutil.ExitInterrupted, errors.New("interrupted: "+nothingChanged))
	case err != nil:
		return notConfirmed("%w", err)
	case answer != r.facts.Cluster.Name:
		return notConfirmed("%q is not the cluster's name", answer)
	}
	return nil
}

// await waits with progress. If the wait ends early, the error names the command that
// resumes it.
func (r *runner) await(ctx context.Context, engine *association.Engine, updateID string) error {
	progress := output.NewProgress(r.factory.ErrOut)
	engine.Progress = func(p association.Progress) {
		at := time.Now()
		progress.Live(func() string { return waitLine(p, time.Since(at)) })
	}
	_, err := engine.Wait(ctx, updateID)
	progress.End()
	var pending *association.PendingError
	if !errors.As(err, &pending) {
		return err
	}
	if pending.TimedOut {
		return cmdutil.WithCode(cmdutil.ExitTimeout, hint.Wrap(err, "resume waiting with: %s", r.waitCommand()))
	}
	if ctx.Err() != nil {
		err = fmt.Errorf("only the wait was interrupted: EKS continues to associate the key with cluster %s (update %s)",
			r.facts.Cluster.Name, updateID)
	}
	return hint.Wrap(err, "resume waiting with: %s", r.waitCommand())
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

// waitCommand is the command that waits for the same association. It prompts before it
// would begin a new one, unless this run had --yes.
func (r *runner) waitCommand() string {
	line := "kubectl eks-encrypt associate " + r.facts.Key.ARN + r.factory.RepeatFlags(r.target)
	if r.managedBy.Tool != "" {
		line += " --managed-by " + r.managedBy.Tool
	}
	if r.acceptDrift {
		line += " --accept-drift"
	}
	if r.yes {
		line += " --yes"
	}
	return line
}

// record saves the time of the association for verify. A failure is only a warning.
func (r *runner) record(ctx context.Context, updateID string) {
	r.withRecord(ctx, func(ctx context.Context, config *rest.Config, record rewriter.Record) error {
		record.UpdateID = updateID
		return rewriter.RecordAssociation(ctx, config, record, time.Now())
	})
}

// noteBefore returns a function that saves which objects were written before the
// association. rewrite needs it to check that the API servers recognize old data. Call
// noteBefore before the association begins, and the function only if this run began it.
func (r *runner) noteBefore(ctx context.Context) (save func(updateID string)) {
	var noted rewriter.Record
	r.withRecord(ctx, func(ctx context.Context, config *rest.Config, record rewriter.Record) (err error) {
		record.ResourceVersionBefore, record.Time, err = rewriter.CurrentVersion(ctx, config, time.Now())
		noted = record
		return err
	})
	return func(updateID string) {
		if noted.ResourceVersionBefore == "" {
			return
		}
		r.withRecord(ctx, func(ctx context.Context, config *rest.Config, _ rewriter.Record) error {
			noted.UpdateID = updateID
			return rewriter.RecordBefore(ctx, config, noted)
		})
	}
}

// withRecord lets save write the record of this association, unless it is not wanted.
func (r *runner) withRecord(
	ctx context.Context, save func(context.Context, *rest.Config, rewriter.Record) error,
) {
	if r.noRecord || r.facts.Cluster.Guard != v1alpha1.GuardMatch {
		return
	}
	config, err := r.factory.REST()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, recordTimeout)
		defer cancel()
		err = save(ctx, config, rewriter.Record{
			ClusterARN: r.facts.Cluster.ARN, KeyARN: r.facts.Key.ARN, ToolVersion: r.factory.Version,
		})
	}
	if err != nil {
		r.factory.Warn(fmt.Errorf("could not record the association for verify: %w", err))
	}
}

// printStatus prints the status of the cluster after the association.
func (r *runner) printStatus(ctx context.Context) error {
	now := r.factory.InspectTarget(ctx, r.target, cmdutil.InspectOptions{})
	if now.Err != nil {
		return now.Err
	}
	return r.factory.Print(&now.Report, func(w io.Writer, colour output.Colour, wide bool) error {
		return output.EncryptionText(w, &now.Report, colour, wide)
	})
}

// offerRewrite rewrites the Secrets if the user agrees, or prints the command for it.
func (r *runner) offerRewrite(ctx context.Context) error {
	const oldKey = "\nExisting data is still encrypted with the old key."
	command := "kubectl eks-encrypt rewrite" + r.factory.RepeatFlags(r.target)
	if r.yes || !r.factory.Interactive() || r.facts.Cluster.Guard != v1alpha1.GuardMatch {
		r.logf("%s Next: %s", oldKey, command)
		return nil
	}
	confirmed, err := r.factory.Confirm(ctx, oldKey+"\nRewrite all Secrets now?")
	if err != nil {
		return err
	}
	if !confirmed {
		r.logf("Do it later with: %s", command)
		return nil
	}
	return rewrite.Secrets(ctx, r.factory)
}
