package kms

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Place is where a cluster stands, and so where its key must be.
type Place struct {
	Partition, Region string
	// Account is the caller's; empty where it is unknown.
	Account string
}

// Ref is how people name a key: by ARN, id, alias or alias ARN.
type Ref struct {
	// Text is what the KeyId parameter of KMS takes.
	Text string
	// Partition, Region and Account come from an ARN; empty otherwise.
	Partition, Region, Account string
	// Alias is the alias' name, "alias/…", if the key was named by one.
	Alias string
}

var (
	keyID      = regexp.MustCompile(`^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)
	aliasChars = regexp.MustCompile(`^alias/[a-zA-Z0-9/_-]+$`)
)

// isAlias leaves the length out of the expression, which would weigh 250 KB.
func isAlias(s string) bool { return len(s) <= len("alias/")+250 && aliasChars.MatchString(s) }

// RefError says that a text can't name a key, and what was perhaps meant.
type RefError struct{ Text, Why, Next string }

func (e *RefError) Error() string { return fmt.Sprintf("%q names no KMS key: %s", e.Text, e.Why) }

// Hint says what to write instead.
func (e *RefError) Hint() string { return e.Next }

// ParseRef reads a key's name without asking anybody. The error is a *RefError.
func ParseRef(text string) (Ref, error) {
	const forms = "use arn:aws:kms:REGION:ACCOUNT:key/ID, a key id, or alias/NAME; 'kubectl eks-encrypt keys' lists them"
	switch {
	case keyID.MatchString(text):
		return Ref{Text: text}, nil
	case isAlias(text):
		return Ref{Text: text, Alias: text}, nil
	case isAlias("alias/" + text):
		return Ref{}, &RefError{text, "it is no ARN, key id or alias", fmt.Sprintf("did you mean alias/%s?", text)}
	case !arn.IsARN(text):
		return Ref{}, &RefError{text, "it is no ARN, key id or alias", forms}
	}
	a, err := arn.Parse(text)
	if err != nil {
		return Ref{}, &RefError{text, "the ARN is malformed", forms}
	}
	r := Ref{Text: text, Partition: a.Partition, Region: a.Region, Account: a.AccountID}
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	switch {
	case a.Service != "kms":
		return Ref{}, &RefError{text, fmt.Sprintf("it is an ARN of %q, not of kms", a.Service), forms}
	case a.Region == "" || a.AccountID == "":
		return Ref{}, &RefError{text, "the ARN lacks its region or account", forms}
	case isKey && keyID.MatchString(id):
		return r, nil
	case isAlias(a.Resource):
		r.Alias = a.Resource
		return r, nil
	}
	return Ref{}, &RefError{text, "an ARN of KMS ends in :key/ID or :alias/NAME", forms}
}

// Misplaced says why a key of that ARN can't serve a cluster there; empty if its
// place is right. An ARN alone tells, so that no other region need be asked.
func (r Ref) Misplaced(where Place) string {
	switch {
	case r.Partition != "" && where.Partition != "" && r.Partition != where.Partition:
		return fmt.Sprintf("it is in the partition %s, the cluster in %s: nothing crosses partitions", r.Partition, where.Partition)
	case r.Region != "" && where.Region != "" && r.Region != where.Region:
		why := fmt.Sprintf("it is in %s, the cluster in %s: EKS takes keys of its own region only", r.Region, where.Region)
		if strings.Contains(r.Text, ":key/mrk-") {
			why += "; make a replica of this multi-Region key there and name that"
		}
		return why
	}
	return ""
}
