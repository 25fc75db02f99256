package encryption

import (
	"fmt"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// kmsIssues are EKS's health codes of a broken key, without case and underscores:
// the API says KmsKeyDisabled, the user guide KMS_KEY_DISABLED.
var kmsIssues = map[string]string{
	"kmskeydisabled":          "the key is disabled",
	"kmskeynotfound":          "the key was not found",
	"kmskeymarkedfordeletion": "the key is scheduled for deletion",
	"kmsgrantrevoked":         "the grant of EKS on the key was revoked",
}

// KeyIssue finds the health issue that concerns the key, if there is one. An issue
// that lists other resources only is about another key.
func KeyIssue(issues []v1alpha1.HealthIssue, keyARN string) (v1alpha1.HealthIssue, string, bool) {
	for _, issue := range issues {
		meaning, isKMS := kmsIssues[normal(issue.Code)]
		if !isKMS {
			continue
		}
		id := keyARN[strings.LastIndexByte(keyARN, '/')+1:]
		names := func(resource string) bool {
			return resource == keyARN || resource == id || strings.HasSuffix(resource, "/"+id)
		}
		if len(issue.ResourceIDs) == 0 || !slices.ContainsFunc(issue.ResourceIDs, isKeyARN) || slices.ContainsFunc(issue.ResourceIDs, names) {
			return issue, meaning, true
		}
	}
	return v1alpha1.HealthIssue{}, "", false
}

func isKeyARN(s string) bool { return strings.Contains(s, ":kms:") && strings.Contains(s, ":key/") }

func normal(code string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(code))
}

// Usable says whether EKS can use the key now, and why (not). state is KMS's word,
// empty where KMS could not be asked; unasked says why it could not.
func Usable(state, unasked, keyARN string, issues []v1alpha1.HealthIssue) (v1alpha1.Usable, string) {
	if issue, meaning, found := KeyIssue(issues, keyARN); found {
		reason := fmt.Sprintf("EKS reports %s: %s", issue.Code, meaning)
		if state == "Enabled" {
			reason += "; KMS says Enabled now, and EKS may take hours to notice"
		}
		return v1alpha1.UsableNo, reason
	}
	switch state {
	case "":
		return v1alpha1.UsableUnknown, unasked
	case "Enabled":
		return v1alpha1.UsableYes, ""
	case "Disabled":
		return v1alpha1.UsableNo, "KMS says Disabled: the API server goes on with what it has cached, and does not survive its next restart"
	case "PendingDeletion", "PendingReplicaDeletion":
		return v1alpha1.UsableNo, "KMS says " + state + ": once the key is gone, so is the cluster's data"
	}
	return v1alpha1.UsableNo, "KMS says " + state
}
