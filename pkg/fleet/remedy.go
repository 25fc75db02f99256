package fleet

import (
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// remedy returns the next step for a failed control. An association cannot be undone.
func remedy(control string, r *v1alpha1.EncryptionReport) string {
	key := r.Encryption.KeyARN
	region := ""
	if a, err := arn.Parse(key); err == nil {
		region = " --region " + a.Region
	}
	switch control {
	case controlEnvelope:
		return "upgrade to Kubernetes 1.28 or later, or associate a key: " + command(r, "associate")
	case controlCMK:
		return "run " + command(r, "associate --dry-run=client") + " and read the plan: an association cannot be undone"
	case controlUsable:
		return usableRemedy(r, key, region)
	case controlRotation:
		return "aws kms enable-key-rotation --key-id " + key + region
	case controlData:
		return command(r, "rewrite")
	case controlApproved:
		if key == "" {
			return "run " + command(r, "associate KEY --dry-run=client") + " with an approved key, and read the plan: an " +
				"association cannot be undone"
		}
		return "approve the key, or waive the finding: changing the key requires a new cluster"
	}
	return ""
}

// undecidedRemedy returns the next step for a control whose result is unknown.
func undecidedRemedy(control, reason string, r *v1alpha1.EncryptionReport) string {
	switch {
	case r.Cluster.Guard == v1alpha1.GuardMismatch:
		return "check which cluster the kube context leads to: " + command(r, "status")
	case control == controlData:
		return command(r, "verify")
	case denied(reason):
		return "allow the action that the reason names, and repeat the audit; for all actions, see kubectl eks-encrypt " +
			"generate iam-policy --for audit"
	}
	return "find out why: " + command(r, "status")
}

// denied reports whether a reason names a permission that is missing.
func denied(reason string) bool { return strings.Contains(reason, "access denied") }

// command returns a command line of this tool for the cluster of the report.
func command(r *v1alpha1.EncryptionReport, words string) string {
	line := "kubectl eks-encrypt " + words
	for _, flag := range [][2]string{{"context", r.Cluster.Context}, {"cluster-name", r.Cluster.ARN}} {
		if flag[1] != "" {
			line += " --" + flag[0] + " " + shellescape.Quote(flag[1])
		}
	}
	return line
}

func usableRemedy(r *v1alpha1.EncryptionReport, key, region string) string {
	issue, _, found := encryption.KeyIssue(r.Health.Issues, key)
	if found && strings.Contains(strings.ToLower(issue.Code), "grant") {
		return "contact AWS Support: only EKS can create its grant on the key again"
	}
	state := ""
	if r.Key != nil {
		state = r.Key.State
	}
	enable := "aws kms enable-key --key-id " + key + region
	switch state {
	case "PendingDeletion":
		return "immediately: aws kms cancel-key-deletion --key-id " + key + region + "; then " + enable
	case "Disabled":
		return enable
	case "Enabled":
		return "check again in a few hours: EKS reports key health with a delay"
	}
	return "check the key in KMS: aws kms describe-key --key-id " + key + region
}
