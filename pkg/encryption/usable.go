package encryption

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// normalized returns an EKS health code without case, underscores and hyphens: the EKS API
// spells KmsKeyDisabled, the user guide KMS_KEY_DISABLED.
func normalized(code string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(code))
}

// kmsIssue returns the meaning of an EKS health code that reports a broken KMS key,
// or "" for any other code.
func kmsIssue(code string) string {
	switch normalized(code) {
	case "kmskeydisabled":
		return "the key is disabled"
	case "kmskeynotfound":
		return "the key was not found"
	case "kmskeymarkedfordeletion":
		return "the key is scheduled for deletion"
	case "kmsgrantrevoked":
		return "the grant of EKS on the key was revoked"
	}
	return ""
}

// KeyIssue returns the first health issue that concerns the key, and its meaning.
// It ignores issues that list only other keys. Which key an alias stands for is unknown
// here, so no issue counts as one of another key then.
func KeyIssue(issues []v1alpha1.HealthIssue, keyARN string) (issue v1alpha1.HealthIssue, meaning string, found bool) {
	id := keyARN[strings.LastIndexByte(keyARN, '/')+1:]
	names := func(resource string) bool {
		return !isKeyARN(keyARN) || resource == keyARN || resource == id || strings.HasSuffix(resource, "/"+id)
	}
	for _, issue := range issues {
		meaning := kmsIssue(issue.Code)
		if meaning != "" &&
			(!slices.ContainsFunc(issue.ResourceIDs, isKeyARN) || slices.ContainsFunc(issue.ResourceIDs, names)) {
			return issue, meaning, true
		}
	}
	return v1alpha1.HealthIssue{}, "", false
}

func isKeyARN(s string) bool { return strings.Contains(s, ":kms:") && strings.Contains(s, ":key/") }

// Usable returns whether EKS can use the key now, and the reason if it cannot or if
// this is unknown. state is the key state that KMS returned. It is empty if KMS
// could not be queried; then unknownReason explains why.
func Usable(state, unknownReason, keyARN string, issues []v1alpha1.HealthIssue) (v1alpha1.Usable, string) {
	if issue, meaning, found := KeyIssue(issues, keyARN); found {
		reason := fmt.Sprintf("EKS reports %s: %s", issue.Code, meaning)
		if state == "Enabled" {
			reason += "; KMS now reports Enabled, and EKS may take hours to notice"
		}
		return v1alpha1.UsableNo, reason
	}
	switch state {
	case "":
		return v1alpha1.UsableUnknown, unknownReason
	case "Enabled", "Updating": // a multi-Region key stays usable while KMS moves its primary
		return v1alpha1.UsableYes, ""
	case "Disabled":
		return v1alpha1.UsableNo,
			"KMS reports Disabled: the API server continues with cached keys but does not survive its next restart"
	case "PendingDeletion", "PendingReplicaDeletion":
		return v1alpha1.UsableNo, "KMS reports " + state + ": deleting the key makes the cluster's data unreadable"
	}
	return v1alpha1.UsableNo, "KMS reports " + state
}
