package guardrails

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// ssoPath is the path of the roles of IAM Identity Center. IAM lets no user create a role there, and the names end in
// a random suffix, so that only these roles may be named by a pattern.
const ssoPath = "role/aws-reserved/sso.amazonaws.com/"

// principalARN is stricter than IAM, which allows nearly every character in a path: in a condition, ${ begins a
// variable, and * and ? match other characters.
var principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(root|(user|role)/[0-9A-Za-z_+=,.@/-]+)$`)

// checkBreakGlass refuses principals that the condition on aws:PrincipalArn would not match, and patterns that
// another role could match.
func (g guard) checkBreakGlass() error {
	for _, text := range g.BreakGlass {
		if err := g.checkPrincipal(text); err != nil {
			return fmt.Errorf("break-glass principal: %w", err)
		}
	}
	return nil
}

func (g guard) checkPrincipal(text string) error {
	plain := text
	if path, found := strings.CutPrefix(resource(text), ssoPath); found {
		if name := path[strings.LastIndexByte(path, '/')+1:]; !strings.HasPrefix(name, "AWSReservedSSO_") ||
			strings.Trim(strings.TrimPrefix(name, "AWSReservedSSO_"), "*") == "" {
			return fmt.Errorf("%q must contain the name of one permission set", text)
		}
		plain = strings.ReplaceAll(text, "*", "x")
	}
	parsed, _ := arn.Parse(text)
	switch {
	case parsed.Service == "sts" && kms.CheckPrincipal(text) == nil:
		return fmt.Errorf("%q is the ARN of a session: use that of its role, with its path, for all its sessions", text)
	case !principalARN.MatchString(plain):
		return fmt.Errorf("%q is not the ARN of a user or role; only roles below %s may contain *", text, ssoPath)
	case parsed.Partition != g.key.Partition:
		return fmt.Errorf("%q is not in partition %s", text, g.key.Partition)
	}
	return nil
}

func resource(text string) string {
	parsed, err := arn.Parse(text)
	if err != nil {
		return ""
	}
	return parsed.Resource
}

// breakGlassNotes names break-glass principals that could not use the key.
func (g guard) breakGlassNotes(selected []Document) (notes []string) {
	if !slices.ContainsFunc(selected, Document.isPolicy) {
		return nil
	}
	isHome := func(text string) bool {
		parsed, _ := arn.Parse(text)
		return parsed.AccountID == g.key.AccountID
	}
	if !slices.ContainsFunc(g.BreakGlass, isHome) {
		notes = append(notes, "KMS lets only principals of account "+g.key.AccountID+
			" disable or delete the key: none of the break-glass principals is one")
	}
	return notes
}
