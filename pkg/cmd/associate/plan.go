package associate

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
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
	b, err := o.factory.Bind("")
	if err != nil {
		return err
	}
	if err := o.factory.Connect(ctx, b); err != nil {
		return err
	}
	caller, err := cmdutil.Caller(ctx, b)
	if err != nil {
		return err
	}
	r := &runner{options: o, binding: b}
	if o.resume != "" {
		return r.resumeUpdate(ctx, caller)
	}
	key, err := o.chooseKey(ctx, b, caller.Account, saved)
	if err != nil {
		return err
	}
	plan, err := r.plan(ctx, association.Request{
		Cluster: cluster(b), TrustEndpoint: o.trustEndpoint, MismatchRemedy: cmdutil.MismatchRemedy(b, &caller),
		Key: key, Caller: caller,
		EndpointOverrides: cmdutil.EndpointOverrides(b.AWS), ExpectAccount: o.expectAccount,
		AcceptDrift: o.acceptDrift, SkipGrantCheck: o.skipGrantCheck, CLI: b.AWS.CLI(b.Region),
	})
	if err != nil {
		return cmdutil.Explain(b, &caller, err)
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

func cluster(b *binding.Binding) v1alpha1.Cluster {
	return v1alpha1.Cluster{
		ARN: b.ARN, Name: b.Name, Region: b.Region, Account: b.Account, Partition: b.Partition, Context: b.Context,
	}
}

// plan gathers the facts and decides.
func (r *runner) plan(ctx context.Context, request association.Request) (*v1alpha1.AssociationPlan, error) {
	progress := output.NewProgress(r.factory.ErrOut)
	progress.Hint("Checking the key, the cluster and the tool that manages it …")
	facts, err := association.Gather(ctx, cmdutil.AssociationSources(r.binding, r.managedBy), request)
	progress.End()
	if err != nil {
		return nil, err
	}
	plan, decision := association.Plan(facts)
	r.factory.QualifyPlan(plan)
	plan.Provenance = r.factory.Provenance(r.binding.AWS, &request.Caller, facts.Guard)
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
func (o *options) chooseKey(ctx context.Context, b *binding.Binding, account string,
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
			err = config.Matches(b.Name, b.Region)
		}
		if err != nil {
			return "", cmdutil.UsageErrorf("%s: %w", o.filename, err)
		}
		return config.KeyARN, nil
	}
	place := kms.Place{Partition: b.Partition, Region: b.Region, Account: account}
	list, err := o.factory.ListKeys(ctx, b.AWS, kms.ListOptions{Where: place})
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
