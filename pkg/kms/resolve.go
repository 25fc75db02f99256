package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// IneligibleError says why a key can't serve the cluster.
type IneligibleError struct {
	// Named is how the user named the key.
	Named   string
	Reasons []string
	// Next is what to do about it.
	Next string
	// Err is what KMS answered, if it was asked in vain.
	Err error
}

func (e *IneligibleError) Error() string {
	if len(e.Reasons) == 1 {
		return fmt.Sprintf("key %s can't be used: %s", e.Named, e.Reasons[0])
	}
	s := fmt.Sprintf("key %s can't be used:", e.Named)
	for i, r := range e.Reasons {
		if i > 0 {
			s += ";"
		}
		s += " " + r
	}
	return s
}

// Unwrap is what KMS answered, if it was asked in vain.
func (e *IneligibleError) Unwrap() error { return e.Err }

// Hint says what to do about it.
func (e *IneligibleError) Hint() string { return e.Next }

const listHint = "'kubectl eks-encrypt keys' lists what the cluster can take"

// Resolve finds out which key is meant, so that nothing but its key ARN is handled
// from then on: EKS would store the key behind an alias, and a comparison with the
// alias would fail ever after. It doesn't judge the key but by what
// its name alone tells: its place, and that it is one of AWS; see Judge. Errors are a *RefError, or an *IneligibleError.
func Resolve(ctx context.Context, api Describer, named string, where Place) (Candidate, error) {
	ref, err := ParseRef(named)
	if err != nil {
		return Candidate{}, err
	}
	if why := ref.Misplaced(where); why != "" {
		return Candidate{}, &IneligibleError{Named: named, Reasons: []string{why}, Next: listHint}
	}
	if strings.HasPrefix(ref.Alias, "alias/aws/") {
		// Never asked for: DescribeKey of such an alias may make the key behind it.
		return Candidate{}, &IneligibleError{Named: named, Reasons: []string{managerReason(Candidate{Key: v1alpha1.Key{Manager: "AWS"}})}, Next: listHint}
	}
	c, err := describe(ctx, api, named)
	if err == nil {
		if ref.Alias != "" {
			c.Aliases = []string{ref.Alias}
		}
		return c, nil
	}
	if ctx.Err() != nil {
		return Candidate{}, context.Cause(ctx)
	}
	return Candidate{}, unresolved(err, ref, where)
}

func unresolved(err error, ref Ref, where Place) error {
	e := &IneligibleError{Named: ref.Text, Next: listHint, Err: err}
	foreign := ref.Account != "" && where.Account != "" && ref.Account != where.Account
	switch {
	case code(err) == "NotFoundException" && ref.Alias != "":
		e.Reasons = []string{fmt.Sprintf("no key stands behind that alias in %s", where.Region)}
	case code(err) == "NotFoundException":
		e.Reasons = []string{fmt.Sprintf("it doesn't exist in %s", where.Region)}
	case denied(err) && foreign:
		e.Reasons = []string{fmt.Sprintf("it belongs to account %s, and account %s may not use it (%s)", ref.Account, where.Account, message(err))}
		e.Next = "both halves are needed: the key's policy must allow this account, and your IAM policy kms:DescribeKey and kms:CreateGrant on it; see 'kubectl eks-encrypt generate key-policy'"
	default:
		explained := explain(err, "DescribeKey", ref.Text)
		e.Reasons, e.Err = []string{explained.Error()}, explained
		var h interface{ Hint() string }
		if errors.As(explained, &h) {
			e.Next = h.Hint()
		}
	}
	return e
}
