package associate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmd/rewrite"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// recordTimeout limits the time to record the association in the cluster. The API servers that EKS has just replaced
// count as ended only after a wait.
const recordTimeout = 45 * time.Second

const nothingChanged = "nothing was sent, nothing was changed"

// runner carries out an association whose plan exists.
type runner struct {
	*options
	binding  *binding.Binding
	facts    association.Facts
	decision association.Decision
}

func (r *runner) engine() *association.Engine {
	return &association.Engine{
		EKS: eks.New(r.binding.AWS.EKS()), Cluster: r.facts.Live, KeyARN: r.facts.Key.ARN, Updates: r.facts.Updates,
		Policy: r.facts.PolicyIssues, PolicyUnread: r.facts.PolicyUnread(),
		Timeout: r.timeout, Refresh: r.binding.AWS.Refresh,
		Resolve: func(ctx context.Context, arn string) string {
			return kms.KeyARN(ctx, r.binding.AWS.KMS(r.binding.Region), arn)
		},
	}
}

func (r *runner) run(ctx context.Context) error {
	engine, updateID := r.engine(), ""
	switch r.decision {
	case association.Done:
		r.logf("Nothing to do: the cluster already uses this key.")
		r.recordDone(ctx)
		return r.printStatus(ctx)
	case association.Adopt:
		updateID = r.facts.Adoptable().ID
		r.logf("Waiting for update %s, which is already associating this key.", updateID)
	case association.Associate:
		if err := r.confirm(ctx); err != nil {
			return err
		}
		var err error
		if updateID, err = r.begin(ctx, engine); err != nil {
			return err
		}
	}
	if r.noWait || !r.wait {
		r.logf("Not waiting. Wait with: %s", r.waitCommand(updateID))
		if r.factory.Format.ForPeople() && updateID != "" {
			fmt.Fprintln(r.factory.Out, sanitize.Line(updateID))
			return nil
		}
		return r.printStatus(ctx)
	}
	if err := r.await(ctx, engine, updateID); err != nil {
		return err
	}
	return r.finish(ctx, updateID)
}

// begin sends the request. It returns the id of the update, or "" if the cluster has the key.
func (r *runner) begin(ctx context.Context, engine *association.Engine) (updateID string, err error) {
	save := r.noteBefore(ctx)
	begun, err := engine.Begin(ctx)
	switch {
	case errors.As(err, new(*association.UncertainError)):
		return "", hint.Wrap(err, "wait a few minutes, then look for the association with: %s; the same command waits for "+
			"it if it runs, and never begins a second one", r.waitCommand(""))
	case errors.As(err, new(*association.InterruptedError)):
		return "", cmdutil.WithCode(cmdutil.ExitInterrupted, err)
	case err != nil:
		return "", err
	case begun.UpdateID == "":
		r.logf("The cluster has this key now.") // from another client, or from a request whose answer was lost
	case begun.Adopted:
		r.logf("Waiting for update %s, which associates this key.", begun.UpdateID)
	default:
		r.logf("EKS accepted the request: update %s", begun.UpdateID)
	}
	if begun.Fresh { // otherwise the note was taken too late, and may replace one that was not
		save(begun.UpdateID)
	}
	return begun.UpdateID, nil
}

// finish records the association, prints the status and offers to rewrite.
func (r *runner) finish(ctx context.Context, updateID string) error {
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
	warning := output.Wrap("This cannot be undone, and the key cannot be changed later. "+
		"The key must outlive the cluster: without it the cluster is lost.", "", output.Width(r.factory.ErrOut))
	answer, err := r.factory.Prompt(ctx, warning+"\n\n"+r.identities()+"Type the cluster's name to continue: ")
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

// identities returns the four lines above the prompt: what changes, and who changes it.
func (r *runner) identities() string {
	var text strings.Builder
	for _, line := range [][2]string{
		{"Cluster", r.facts.Cluster.ARN}, {"Account", r.facts.Cluster.Account}, {"Key", r.facts.Key.ARN},
		{"Caller", r.facts.Caller.ARN},
	} {
		fmt.Fprintf(&text, "%-9s%s\n", line[0]+":", sanitize.Line(line[1]))
	}
	return text.String()
}

// record saves the time of the association for verify. A failure is only a warning.
func (r *runner) record(ctx context.Context, updateID string) {
	r.warnUnrecorded(r.withRecord(ctx, func(ctx context.Context, config *rest.Config, record rewriter.Record) error {
		record.UpdateID = updateID
		return rewriter.RecordAssociation(ctx, config, record, time.Now())
	}))
}

// recordDone records an association that an earlier run may not have recorded, because it was interrupted.
func (r *runner) recordDone(ctx context.Context) {
	if why := r.facts.Unsettled(); why != "" {
		r.warnUnrecorded(errors.New(why))
		return
	}
	r.record(ctx, r.lastUpdate())
}

// noteBefore returns a function that saves which objects were written before the
// association, and with which key. rewrite needs it to check that the API servers recognize
// old data, and that they no longer write with that key. Call
// noteBefore before the association begins, and the function only if it began after that.
func (r *runner) noteBefore(ctx context.Context) (save func(updateID string)) {
	var noted rewriter.Record
	err := r.withRecord(ctx, func(ctx context.Context, config *rest.Config, record rewriter.Record) (err error) {
		noted, err = record.Before(ctx, config, time.Now())
		return err
	})
	if ctx.Err() == nil { // otherwise nothing begins, and there is nothing to record
		r.warnUnrecorded(err)
	}
	return func(updateID string) {
		if noted.ResourceVersionBefore == "" {
			return
		}
		ctx := context.WithoutCancel(ctx) // the association goes on after Ctrl-C, and the note can never be taken again
		r.warnUnrecorded(r.withRecord(ctx, func(ctx context.Context, config *rest.Config, _ rewriter.Record) error {
			noted.UpdateID = updateID
			return rewriter.RecordBefore(ctx, config, noted)
		}))
	}
}

func (r *runner) warnUnrecorded(err error) {
	if err != nil {
		r.factory.Warn(fmt.Errorf("could not record the association for verify: %w", err))
	}
}

// withRecord lets save write the record of this association, unless it is not wanted.
func (r *runner) withRecord(
	ctx context.Context, save func(context.Context, *rest.Config, rewriter.Record) error,
) error {
	if r.noRecord || r.facts.Cluster.Guard != v1alpha1.GuardMatch {
		return nil
	}
	config, err := r.binding.REST()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	return save(ctx, config, rewriter.Record{
		ClusterARN: r.facts.Cluster.ARN, KeyARN: r.facts.Key.ARN, ToolVersion: r.factory.Version,
	})
}

// printStatus prints the status of the cluster after the association.
func (r *runner) printStatus(ctx context.Context) error {
	now := r.factory.InspectBinding(ctx, r.binding, cmdutil.InspectOptions{})
	if now.Err != nil {
		return now.Err
	}
	return r.factory.Print(&now.Report, func(w io.Writer, colour output.Colour, wide bool) error {
		return output.EncryptionText(w, &now.Report, colour, wide)
	})
}

// offerRewrite rewrites the Secrets if the user agrees, or prints the command for it.
func (r *runner) offerRewrite(ctx context.Context) error {
	const before = "\nData that was written before the association keeps its earlier encryption, or none, until it is " +
		"written again."
	command := r.followUp("rewrite")
	if r.yes || !r.factory.Interactive() || r.facts.Cluster.Guard != v1alpha1.GuardMatch {
		r.logf("%s Next: %s", before, command)
		return nil
	}
	confirmed, err := r.factory.Confirm(ctx, before+"\nRewrite all Secrets now?")
	if err != nil {
		return err
	}
	if !confirmed {
		r.logf("Do it later with: %s", command)
		return nil
	}
	return rewrite.Secrets(ctx, r.factory, r.binding, r.noRecord)
}
