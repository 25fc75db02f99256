package fleet

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

var keyARNPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)

// ParseKeyARN parses the ARN of a KMS key. It refuses aliases, because an alias can be
// moved to a key that is not approved.
func ParseKeyARN(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case keyARNPattern.MatchString(s):
		return s, nil
	case strings.HasPrefix(s, "alias/") || strings.Contains(s, ":alias/"):
		return "", hint.Wrap(fmt.Errorf("%q is an alias, and aliases can be moved to another key", s),
			"aws kms describe-key --key-id ALIAS --query KeyMetadata.Arn prints the ARN of the key")
	}
	return "", fmt.Errorf("%q is not a valid key ARN: must look like arn:aws:kms:REGION:ACCOUNT:key/ID", s)
}

// ReadKeyARNs reads key ARNs, one on each line, and returns them sorted without
// duplicates. # starts a comment.
func ReadKeyARNs(r io.Reader) ([]string, error) {
	var arns []string
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := ParseKeyARN(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		arns = append(arns, key)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	slices.Sort(arns)
	return slices.Compact(arns), nil
}

// approved evaluates ENC-6. A cluster without a customer key has no approved key.
func (r *Rules) approved(report *v1alpha1.EncryptionReport) (v1alpha1.Result, string) {
	switch report.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey:
		switch key := report.Encryption.KeyARN; {
		case slices.Contains(r.Approved, key):
			return v1alpha1.ResultPass, "the key is on the list of approved keys"
		case strings.Contains(key, ":alias/"): // the key replaces it in the report once it is known
			return v1alpha1.ResultUnknown, unreadAlias(report)
		}
		return v1alpha1.ResultFail, "the key is not on the list of approved keys: " + report.Encryption.KeyARN
	case v1alpha1.VerdictAWSOwnedKey:
		return v1alpha1.ResultFail, "the key is not on the list of approved keys: AWS owns it"
	case v1alpha1.VerdictNotEncrypted:
		return v1alpha1.ResultFail, "no approved key is associated: the data is not envelope-encrypted"
	case v1alpha1.VerdictUnknown:
		return v1alpha1.ResultUnknown, report.Encryption.Reason
	}
	return v1alpha1.ResultNotApplicable, report.Encryption.Reason
}

// unreadAlias states that the key of the cluster is not known, and why.
func unreadAlias(report *v1alpha1.EncryptionReport) string {
	text := "which key the alias " + report.Encryption.KeyARN + " refers to could not be read"
	if report.Key != nil && report.Key.Reason != "" {
		text += ": " + report.Key.Reason
	}
	return text
}
