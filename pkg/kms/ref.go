package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Place is the location of a cluster. Its key must be in the same partition and region.
type Place struct {
	Partition, Region string
	// Account is the caller's account, or "" if it is unknown.
	Account string
}

// Ref is a reference to a key: an ARN, a key ID, an alias or an alias ARN.
type Ref struct {
	// Text is the reference as the KeyId parameter of KMS.
	Text string
	// Partition, Region and Account come from an ARN; "" otherwise.
	Partition, Region, Account string
	// Alias is the name of the alias, "alias/…", or "".
	Alias string
}

var (
	keyID     = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)
	aliasName = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]+$`)
)

// maxAlias is the maximum length of an alias with its prefix. The expression does not
// contain it, because expressions with large counts slow down the start of the program.
const maxAlias = len("alias/") + 250

// isAlias reports whether s is a valid alias name with its prefix.
func isAlias(s string) bool { return len(s) <= maxAlias && aliasName.MatchString(s) }

// ParseRef parses a key reference without calling KMS.
func ParseRef(text string) (Ref, error) {
	invalid := func(problem, hintText string) (Ref, error) {
		if hintText == "" {
			hintText = "use arn:aws:kms:REGION:ACCOUNT:key/ID, a key ID, or alias/NAME;" +
				" 'kubectl eks-encrypt keys' lists them"
		}
		return Ref{}, hint.New(fmt.Sprintf("%q is not a valid KMS key reference: %s", text, problem), hintText)
	}
	switch {
	case keyID.MatchString(text):
		return Ref{Text: text}, nil
	case isAlias(text):
		return Ref{Text: text, Alias: text}, nil
	case isAlias("alias/" + text):
		return invalid("not an ARN, key ID or alias", fmt.Sprintf("did you mean alias/%s?", text))
	case !arn.IsARN(text):
		return invalid("not an ARN, key ID or alias", "")
	}
	a, err := arn.Parse(text)
	if err != nil {
		return invalid("the ARN is malformed", "")
	}
	r := Ref{Text: text, Partition: a.Partition, Region: a.Region, Account: a.AccountID}
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	switch {
	case a.Service != "kms":
		return invalid(fmt.Sprintf("it is an ARN of %q, not of kms", a.Service), "")
	case a.Region == "" || a.AccountID == "":
		return invalid("the ARN has no region or no account", "")
	case isKey && keyID.MatchString(id):
		return r, nil
	case isAlias(a.Resource):
		r.Alias = a.Resource
		return r, nil
	}
	return invalid("a KMS ARN ends in :key/ID or :alias/NAME", "")
}

// RegionError returns why a cluster cannot use a key with this ARN, or nil if the partition and the region match or
// are unknown. It calls no other region.
func (r Ref) RegionError(cluster Place) error {
	switch {
	case r.Partition != "" && cluster.Partition != "" && r.Partition != cluster.Partition:
		return fmt.Errorf("it is in partition %s, but the cluster is in %s: EKS supports only keys of its partition",
			r.Partition, cluster.Partition)
	case r.Region != "" && cluster.Region != "" && r.Region != cluster.Region:
		replicate := ""
		if strings.Contains(r.Text, ":key/mrk-") {
			replicate = "; make a replica of this multi-Region key there and use its ARN"
		}
		return fmt.Errorf("it is in %s, but the cluster is in %s: EKS supports only keys of its own region%s",
			r.Region, cluster.Region, replicate)
	}
	return nil
}

const listHint = "'kubectl eks-encrypt keys' lists the keys that the cluster can use"

// Resolve returns the key behind a reference, with its key ARN: EKS would store the key behind an alias, so that a
// comparison with the alias would always fail. It checks only what the reference itself reveals: region, partition,
// and AWS-managed aliases. Use Judge for the rest.
func Resolve(ctx context.Context, api Describer, named string, cluster Place) (Candidate, error) {
	ref, err := ParseRef(named)
	if err != nil {
		return Candidate{}, err
	}
	if err := ref.RegionError(cluster); err != nil {
		return Candidate{}, hint.Wrap(unusable(named, err), listHint)
	}
	if strings.HasPrefix(ref.Alias, "alias/aws/") {
		// DescribeKey of such an alias may create its key, so it is not called.
		reason := managerReason(Candidate{Key: v1alpha1.Key{Manager: "AWS"}})
		return Candidate{}, hint.Wrap(unusable(named, errors.New(reason)), listHint)
	}
	c, err := describe(ctx, api, named)
	switch {
	case ctx.Err() != nil && err != nil:
		return Candidate{}, context.Cause(ctx)
	case err != nil:
		return Candidate{}, resolveError(err, ref, cluster)
	case ref.Alias != "":
		c.Aliases = []string{ref.Alias}
	}
	return c, nil
}

func unusable(named string, reason error) error {
	return fmt.Errorf("key %s can't be used: %w", named, reason)
}

// resolveError explains an error of DescribeKey.
func resolveError(err error, ref Ref, cluster Place) error {
	foreign := ref.Account != "" && cluster.Account != "" && ref.Account != cluster.Account
	next := listHint
	switch {
	case code(err) == "NotFoundException" && ref.Alias != "":
		err = fmt.Errorf("the alias does not refer to a key in %s", cluster.Region)
	case code(err) == "NotFoundException":
		err = fmt.Errorf("it doesn't exist in %s", cluster.Region)
	case denied(err) && foreign:
		err = fmt.Errorf("it belongs to account %s, and account %s may not use it (%s)",
			ref.Account, cluster.Account, message(err))
		next = "allow this account in the key's policy, and kms:DescribeKey and kms:CreateGrant in your IAM policy;" +
			" see 'kubectl eks-encrypt generate key-policy'"
	default:
		err = explain(err, "DescribeKey", ref.Text)
		next = cmp.Or(hint.Of(err), listHint)
	}
	return hint.Wrap(unusable(ref.Text, err), "%s", next)
}
