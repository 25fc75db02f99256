package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// associating is an association whose plan is made.
type associating struct {
	*associateOptions
	target   binding.Target
	clients  *awsclient.Clients
	facts    association.Facts
	decision association.Decision
}

func (a *associating) run(ctx context.Context, plan *v1alpha1.AssociationPlan) error {
	engine := &association.Engine{
		EKS: eks.New(a.clients.EKS()), Cluster: a.facts.Live, KeyARN: a.facts.Key.ARN, Updates: a.facts.Updates,
		Timeout: a.timeout, Refresh: a.clients.Refresh,
	}
	updateID := ""
	switch a.decision {
	case association.Refuse:
		return &association.RefusedError{Failed: association.Failures(plan)}
	case association.Done:
		fmt.Fprintln(a.ErrOut, "Nothing to do: the cluster has this key already.")
		a.note(ctx, a.lastUpdate()) // the run that began it may have been interrupted
		return a.result(ctx)
	case association.Adopt:
		updateID = a.facts.Adoptable().ID
		fmt.Fprintf(a.ErrOut, "Taking up update %s, which associates this key already.\n", updateID)
	case association.Associate:
		if err := a.confirm(ctx); err != nil {
			return err
		}
		begun, err := engine.Begin(ctx)
		if err != nil {
			return err
		}
		updateID = begun.UpdateID
		switch {
		case updateID == "":
			fmt.Fprintln(a.ErrOut, "The cluster has been given this key by somebody else meanwhile.")
		case begun.Adopted:
			fmt.Fprintf(a.ErrOut, "Taking up update %s, which associates this key already.\n", updateID)
		default:
			fmt.Fprintf(a.ErrOut, "EKS has taken it on: update %s\n", updateID)
		}
	}
	if a.noWait || !a.wait {
		fmt.Fprintf(a.ErrOut, "Not waiting. Wait with: %s\n", a.again())
		if a.format.ForPeople() && updateID != "" {
			fmt.Fprintln(a.Out, updateID)
			return nil
		}
		return a.result(ctx)
	}
	if err := a.await(ctx, engine, updateID); err != nil {
		return err
	}
	a.note(ctx, updateID)
	if err := a.result(ctx); err != nil {
		return err
	}
	return a.offer(ctx)
}

// lastUpdate is the id of the update that gave the cluster its key, if EKS still
// lists it.
func (a *associating) lastUpdate() string {
	for _, u := range slices.Backward(a.facts.Updates) {
		if u.IsAssociation() && u.KeyARN == a.facts.Key.ARN && !u.Running() {
			return u.ID
		}
	}
	return ""
}

func (a *associating) confirm(ctx context.Context) error {
	if a.yes {
		return nil
	}
	name := a.facts.Cluster.Name
	notConfirmed := func(format string, args ...any) error {
		return fmt.Errorf("not confirmed, "+format+": "+nothingSent, args...)
	}
	answer, err := a.ask(ctx, output.Wrap("This can't be undone, and the key can't be changed later. The key must outlive the cluster: without it the cluster is lost.", "", 80)+
		"\nType the cluster's name to go on: ")
	switch {
	case ctx.Err() != nil:
		return exit(exitInterrupted, errors.New("interrupted: "+nothingSent))
	case err != nil:
		return notConfirmed("%w", err)
	case answer != name:
		return notConfirmed("%q is not the cluster's name", answer)
	}
	return nil
}

// await waits with progress, and turns the end of the wait into what to do next.
func (a *associating) await(ctx context.Context, engine *association.Engine, updateID string) error {
	progress := output.NewProgress(a.ErrOut)
	engine.Progress = func(p association.Progress) {
		at := time.Now()
		progress.Live(func() string { return waitLine(p, time.Since(at)) })
	}
	_, err := engine.Wait(ctx, updateID)
	progress.End()
	var pending *association.PendingError
	switch {
	case errors.As(err, &pending) && pending.TimedOut:
		return exit(exitTimeout, hinted(err, "wait on with: %s", a.again()))
	case errors.As(err, &pending):
		if ctx.Err() != nil {
			err = fmt.Errorf("the association with cluster %s goes on in EKS (update %s): only the wait was interrupted", a.facts.Cluster.Name, updateID)
		}
		return hinted(err, "wait on with: %s", a.again())
	}
	return err
}

// waitLine says how long it has waited and what the last poll told. The time comes
// first, so that a narrow terminal doesn't cut it off.
func waitLine(p association.Progress, since time.Duration) string {
	line := (p.Elapsed + since).Round(time.Second).String() + "  " + p.Status
	if p.Err != nil {
		line = (p.Elapsed + since).Round(time.Second).String() + "  no news: " + p.Err.Error()
	}
	if p.UpdateID != "" {
		line += ", update " + p.UpdateID
	}
	return line
}

// again is the command that takes up the same association. It asks again before
// it began a new one, unless this run was told not to ask.
func (a *associating) again() string {
	line := "kubectl eks-encrypt associate " + a.facts.Key.ARN + a.flags()
	if a.managedBy != "" {
		line += " --managed-by " + a.managedBy
	}
	if a.acceptDrift {
		line += " --accept-drift"
	}
	if a.yes {
		line += " --yes"
	}
	return line
}

// flags are what a further command needs to mean the same cluster and principal.
func (a *associating) flags() string {
	words := ""
	if c := a.target.Context; c != "" {
		words += " --context " + shellWord(c)
	}
	for _, f := range [][2]string{
		{"--kubeconfig", value(a.kube.KubeConfig)},
		{"--cluster-name", a.aws.clusterName}, {"--region", a.aws.region}, {"--profile", a.aws.profile}, {"--role-arn", a.aws.roleARN},
		{"--endpoint-url", a.aws.endpointURL},
	} {
		if f[1] != "" {
			words += " " + f[0] + " " + shellWord(f[1])
		}
	}
	return words
}

func shellWord(s string) string {
	if strings.ContainsAny(s, " \t\n'\"\\$`&|;<>()*?[]{}#!~") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

// note leaves the moment for verify; an API server out of reach is a warning.
func (a *associating) note(ctx context.Context, updateID string) {
	if a.noRecord || a.facts.Cluster.Guard != v1alpha1.GuardMatch {
		return
	}
	config, err := a.rest()
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, noteTimeout)
		defer cancel()
		err = rewriter.RecordAssociation(ctx, config, rewriter.Record{
			ClusterARN: a.facts.Cluster.ARN, KeyARN: a.facts.Key.ARN, UpdateID: updateID, ToolVersion: a.version,
		}, time.Now())
	}
	if err != nil {
		fmt.Fprintf(a.ErrOut, "warning: the moment was not noted for verify: %v\n", err)
	}
}

const noteTimeout = 30 * time.Second

// result prints what EKS says of the cluster now.
func (a *associating) result(ctx context.Context) error {
	now, _ := a.inspect(ctx, a.target)
	if now.Err != nil {
		return now.Err
	}
	if a.format.ForPeople() {
		return output.EncryptionText(a.Out, &now.Report, a.colour(), a.format.Wide())
	}
	return a.format.Print(a.Out, &now.Report)
}

// offer goes on to the rewrite, or names it.
func (a *associating) offer(ctx context.Context) error {
	if a.yes || !a.interactive() || a.facts.Cluster.Guard != v1alpha1.GuardMatch {
		fmt.Fprintln(a.ErrOut, "\nWhat was stored before is still under the old key. Next: kubectl eks-encrypt rewrite"+a.flags())
		return nil
	}
	answer, err := a.ask(ctx, "\nWhat was stored before is still under the old key.\nRewrite all Secrets now? [y/N] ")
	if err != nil {
		return err
	}
	if !strings.EqualFold(answer, "y") && !strings.EqualFold(answer, "yes") {
		fmt.Fprintln(a.ErrOut, "Do it later with: kubectl eks-encrypt rewrite"+a.flags())
		return nil
	}
	cmd := newRewrite(a.globals)
	cmd.SetContext(ctx)
	return cmd.RunE(cmd, nil)
}
