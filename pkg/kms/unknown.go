package kms

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// unknowns collects what could not be determined about a key. It can be used concurrently.
type unknowns struct {
	mu    sync.Mutex
	facts []v1alpha1.UnknownFact
}

// add records why a fact is unknown, unless err is nil.
func (u *unknowns) add(fact string, err error) {
	if err == nil {
		return
	}
	f := v1alpha1.UnknownFact{Fact: fact, Reason: err.Error()}
	if failed := new(awsclient.Error); errors.As(err, &failed) && failed.Kind == awsclient.KindAccessDenied {
		f.Action, f.Resource = failed.Operation.Action, cmp.Or(failed.Operation.Resource, "*")
		f.Reason = fmt.Sprintf("needs %s on %s", f.Action, f.Resource)
		if errors.As(err, new(*KeyPolicyError)) {
			f.Reason += ", in the key policy: it does not leave this to IAM"
		}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.facts = append(u.facts, f)
}

// sorted returns the facts by their names.
func (u *unknowns) sorted() []v1alpha1.UnknownFact {
	slices.SortStableFunc(u.facts, func(a, b v1alpha1.UnknownFact) int { return strings.Compare(a.Fact, b.Fact) })
	return u.facts
}
