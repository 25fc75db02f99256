package association

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Plan checks the facts and says what is to do. An ineligible key ends it before
// EKS is asked anything; a key the cluster has, or an association of it that runs,
// leaves out what matters to a new one alone.
func Plan(f Facts) (*v1alpha1.AssociationPlan, Decision) {
	p := &v1alpha1.AssociationPlan{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindAssociationPlan),
		ObjectMeta: metav1.ObjectMeta{Name: f.Cluster.Name},
		Cluster:    f.Cluster, Key: f.Key, Drift: f.Drift,
		Checks: []v1alpha1.Check{keyCheck(f)},
	}
	if f.Live == nil {
		return p, Refuse
	}
	wanted := f.wanted()
	p.Checks = append(p.Checks, guardCheck(f), kindCheck(f), keyedCheck(f))
	switch wanted {
	case Adopt:
		p.Checks = append(p.Checks, activeCheck(f), idleCheck(f))
	case Associate:
		p.Checks = append(p.Checks, activeCheck(f), idleCheck(f), versionCheck(f))
		if f.Grant != nil {
			p.Checks = append(p.Checks, *f.Grant)
		}
		p.Checks = append(p.Checks, policyCheck(f), callerCheck(f), accountCheck(f), sharedCheck(f), driftCheck(f))
	}
	if len(Failures(p)) > 0 {
		return p, Refuse
	}
	p.Steps = steps(f, wanted)
	return p, wanted
}

// Failures are the checks of the plan that failed.
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
	settle := []string{
		"note the moment in ConfigMap kube-system/eks-encrypt, for verify",
		"offer to rewrite what was stored before: kubectl eks-encrypt rewrite",
	}
	switch d {
	case Associate:
		return append([]string{
			fmt.Sprintf("send eks:AssociateEncryptionConfig for %s with %s; it can't be undone", f.Cluster.Name, f.Key.ARN),
			"wait until EKS calls the update Successful and names the key: up to an hour or more",
		}, settle...)
	case Adopt:
		return append([]string{fmt.Sprintf("wait for update %s, which associates this key already; nothing is sent", f.Adoptable().ID)}, settle...)
	}
	return nil
}

// RefusedError says which checks stand in the way.
type RefusedError struct{ Failed []v1alpha1.Check }

func (e *RefusedError) Error() string {
	parts := make([]string, len(e.Failed))
	for i, c := range e.Failed {
		parts[i] = c.Name + ": " + c.Message
	}
	return "nothing was changed: " + strings.Join(parts, "; ")
}

// Hint is the remedy of the first check that has one.
func (e *RefusedError) Hint() string {
	for _, c := range e.Failed {
		if c.Remedy != "" {
			return c.Remedy
		}
	}
	return ""
}
