package associate

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

func (o *options) run(ctx context.Context) error {
	saved, err := o.readPlan()
	if err != nil {
		return err
	}
	t, err := o.factory.Target("")
	if err != nil {
		return err
	}
	clients, err := o.factory.Connect(ctx, &t)
	if err != nil {
		return err
	}
	caller, err := cmdutil.Caller(ctx, t, clients)
	if err != nil {
		return err
	}
	r := &runner{options: o, target: t, clients: clients}
	if o.resume != "" {
		return r.resumeUpdate(ctx, caller)
	}
	key, err := o.chooseKey(ctx, t, clients, caller.Account, saved)
	if err != nil {
		return err
	}
	plan, err := r.plan(ctx, association.Request{
		Cluster: cluster(t), NameByFlag: t.NameByFlag, Key: key, Caller: caller,
		EndpointOverrides: cmdutil.EndpointOverrides(clients), ExpectAccount: o.expectAccount,
		AcceptDrift: o.acceptDrift, SkipGrantCheck: o.skipGrantCheck,
	})
	if err != nil {
		return err
	}
	if o.dryRun {
		if err := o.printPlan(plan); err != nil {
			return err
		}
	} else if err := output.PlanText(o.factory.ErrOut, plan, o.factory.ErrColour()); err != nil {
		return err
	}
	if saved != nil {
		if err := association.CheckUnchanged(saved, plan); err != nil {
			return err
		}
	}
	if r.decision == association.Refuse {
		return &association.RefusedError{Failed: association.Failures(plan)}
	}
	if o.dryRun {
		return nil
	}
	fmt.Fprintln(o.factory.ErrOut)
	return r.run(ctx)
}

func cluster(t binding.Target) v1alpha1.Cluster {
	return v1alpha1.Cluster{
		ARN: t.ARN, Name: t.Name, Region: t.Region, Account: t.Account, Partition: t.Partition, Context: t.Context,
	}
}

// plan gathers the facts and decides.
func (r *runner) plan(ctx context.Context, request association.Request) (*v1alpha1.AssociationPlan, error) {
	progress := output.NewProgress(r.factory.ErrOut)
	progress.Hint("Checking the key, the cluster and the tool that manages it …")
	facts, err := association.Gather(ctx, r.factory.AssociationSources(r.target, r.clients, r.managedBy), request)
	progress.End()
	if err != nil {
		return nil, err
	}
	plan, decision := association.Plan(facts)
	r.facts, r.decision = facts, decision
	return plan, nil
}

// printPlan prints the plan as the output of a dry run.
func (o *options) printPlan(plan *v1alpha1.AssociationPlan) error {
	return o.factory.Print(plan, func(w io.Writer, colour output.Colour, _ bool) error {
		return output.PlanText(w, plan, colour)
	})
}

// chooseKey returns the key of the argument, of the saved plan, of the file, or of the
// user's choice.
func (o *options) chooseKey(ctx context.Context, t binding.Target, clients *awsclient.Clients, account string,
	saved *v1alpha1.AssociationPlan) (string, error) {
	switch {
	case o.key != "":
		return o.key, nil
	case saved != nil:
		return saved.Key.ARN, nil
	case o.filename != "":
		text, err := o.readFile(o.filename)
		if err != nil {
			return "", err
		}
		config, err := association.ParseClusterConfig(text)
		if err == nil {
			err = config.Matches(t.Name, t.Region)
		}
		if err != nil {
			return "", cmdutil.UsageErrorf("%s: %w", o.filename, err)
		}
		return config.KeyARN, nil
	}
	place := kms.Place{Partition: t.Partition, Region: t.Region, Account: account}
	list, err := o.factory.ListKeys(ctx, clients, kms.ListOptions{Where: place})
	if err != nil {
		return "", err
	}
	return pickKey(ctx, o.factory, list)
}

// readPlan reads the file of --plan; it returns nil without the flag.
func (o *options) readPlan() (*v1alpha1.AssociationPlan, error) {
	if o.planFile == "" {
		return nil, nil
	}
	text, err := o.readFile(o.planFile)
	if err != nil {
		return nil, err
	}
	plan, err := association.ParsePlan(text)
	switch {
	case err != nil:
		return nil, cmdutil.UsageErrorf("%s: %w", o.planFile, err)
	case plan.Decision == string(association.Refuse):
		return nil, hint.Wrap(fmt.Errorf("%s: the plan does not allow the association", o.planFile),
			"apply the remedies of its failed checks, then make a new plan")
	}
	return plan, nil
}

// maxFileSize limits a ClusterConfig or a plan, in bytes.
const maxFileSize = 1 << 20

func (o *options) readFile(name string) ([]byte, error) {
	r := o.factory.In
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, cmdutil.UsageErrorf("%w", err)
		}
		defer f.Close() //nolint:errcheck // the file is only read
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxFileSize+1))
	switch {
	case err != nil:
		return nil, cmdutil.UsageErrorf("%w", err)
	case len(text) > maxFileSize:
		return nil, cmdutil.UsageErrorf("%s is larger than %d bytes", name, maxFileSize)
	}
	return text, nil
}
