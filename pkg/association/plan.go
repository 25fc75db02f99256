// Package association associates a customer-managed KMS key with an EKS cluster. Gather collects facts, Plan checks
// them and decides, Engine.Begin makes sure that at most one association begins, and Engine.Wait waits until EKS
// reports that the cluster has the key.
//
// The change cannot be undone: EKS has no operation that removes or replaces the key of a cluster.
package association

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Plan checks the facts and decides what to do. If the key is not eligible, the plan has no other check. Checks that
// only matter for a new association are left out if the cluster has the key or is already associating it.
func Plan(f Facts) (*v1alpha1.AssociationPlan, Decision) {
	p := &v1alpha1.AssociationPlan{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindAssociationPlan),
		ObjectMeta: metav1.ObjectMeta{Name: f.Cluster.Name},
		Cluster:    f.Cluster, Key: f.Key, Drift: f.Drift,
		Provenance: v1alpha1.Provenance{Caller: &f.Caller, EndpointOverrides: f.EndpointOverrides, Guard: f.Guard},
		Decision:   string(Refuse),
		Checks:     []v1alpha1.Check{keyCheck(f)},
	}
	if f.Live == nil {
		return p, Refuse
	}
	p.Verdict = encryption.Decide(encryption.Facts{
		Version: f.Live.Version, KeyARN: f.Live.KeyARN, Connected: f.Live.Connected, LocalOutpost: f.Live.LocalOutpost,
	}).Verdict
	if last := eks.LastAssociation(f.Updates); last != nil {
		p.Update = &last.Update
	}
	decision := f.decide()
	p.Checks = append(p.Checks, identityCheck(f), guardCheck(f), controlPlaneCheck(f), currentKeyCheck(f))
	switch decision {
	case Adopt:
		p.Checks = append(p.Checks, activeCheck(f), updatesCheck(f))
	case Associate:
		p.Checks = append(p.Checks, activeCheck(f), updatesCheck(f), versionCheck(f))
		if f.Grant != nil {
			p.Checks = append(p.Checks, *f.Grant)
		}
		p.Checks = append(p.Checks, keyPolicyChecks(f)...)
		p.Checks = append(p.Checks, callerCheck(), accountCheck(f), sharedKeyCheck(f), toolCheck(f), capabilityCheck(f))
	}
	if len(Failures(p)) > 0 {
		return p, Refuse
	}
	p.Steps, p.Decision = steps(f, decision), string(decision)
	return p, decision
}

// Failures returns the failed checks of the plan.
func Failures(p *v1alpha1.AssociationPlan) []v1alpha1.Check {
	var failed []v1alpha1.Check
	for _, c := range p.Checks {
		if c.Result == v1alpha1.ResultFail {
			failed = append(failed, c)
		}
	}
	return failed
}

func steps(f Facts, d Decision) []string {
	final := []string{
		"record the association in ConfigMap kube-system/eks-encrypt, for verify",
		"offer to re-encrypt existing data",
	}
	switch d {
	case Associate:
		return append([]string{
			fmt.Sprintf("send eks:AssociateEncryptionConfig for %s with %s; this cannot be undone",
				f.Cluster.Name, f.Key.ARN),
			"wait until EKS reports the update as Successful and returns the key: up to an hour or more",
		}, final...)
	case Adopt:
		const wait = "wait for update %s, which is already associating this key; nothing is sent"
		return append([]string{fmt.Sprintf(wait, f.Adoptable().ID)}, final...)
	}
	return nil
}

// RefusedError reports the failed checks of a plan.
type RefusedError struct{ Failed []v1alpha1.Check }

func (e *RefusedError) Error() string {
	parts := make([]string, len(e.Failed))
	for i, c := range e.Failed {
		parts[i] = c.Name + ": " + c.Message
	}
	return "nothing was changed: " + strings.Join(parts, "; ")
}

// Hint returns the remedy of the first check that has one.
func (e *RefusedError) Hint() string {
	for _, c := range e.Failed {
		if c.Remedy != "" {
			return c.Remedy
		}
	}
	return ""
}
