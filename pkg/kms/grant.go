package kms

import (
	"context"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// GrantCheckName is the name of the check that CheckGrant makes.
const GrantCheckName = "caller may grant the key"

// CheckGrant asks KMS, by a dry run that can't leave anything behind, whether the
// caller could grant the cluster's role the use of the key. EKS's own request is
// not public and may differ, so a refusal that EKS might not meet is Unknown, and
// only DryRunOperationException is a Pass: a dry run always fails, and an answer
// without an error means that the endpoint doesn't know dry runs.
func CheckGrant(ctx context.Context, api Granter, keyARN, clusterRole string, traps Traps) v1alpha1.Check {
	granted, err := tryGrant(ctx, api, keyARN, clusterRole)
	return judgeGrant(granted, err, keyARN, traps)
}

func judgeGrant(granted bool, err error, keyARN string, traps Traps) v1alpha1.Check {
	c := v1alpha1.Check{Name: GrantCheckName, Result: v1alpha1.ResultUnknown}
	switch {
	case granted:
		c.Result = v1alpha1.ResultFail
		c.Message = "the endpoint ignored DryRun and answered kms:CreateGrant as if it had granted: this can't be KMS itself"
		c.Remedy = "find out which endpoint answers: AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_KMS, or the profile's services; if that is meant, pass --skip-grant-check"
	case code(err) == "DryRunOperationException":
		c.Result, c.Message = v1alpha1.ResultPass, "kms:CreateGrant would have been allowed (dry run)"
	case denied(err) && traps.ViaEKS && !explicitDeny(err):
		c.Message = "the key policy allows kms:CreateGrant by way of EKS alone (kms:ViaService), which a dry run can't show"
	case denied(err):
		c.Result = v1alpha1.ResultFail
		c.Message = fmt.Sprintf("kms:CreateGrant on %s is not permitted: %s", keyARN, message(err))
		c.Remedy = fmt.Sprintf("allow the caller kms:CreateGrant on %s, in its IAM policy or the key's; where it is allowed by way of EKS alone (kms:ViaService), pass --skip-grant-check", keyARN)
	case code(err) == "DisabledException", code(err) == "KMSInvalidStateException", code(err) == "NotFoundException":
		c.Result, c.Message = v1alpha1.ResultFail, fmt.Sprintf("kms:CreateGrant can't work: %s", message(err))
	default:
		c.Message = fmt.Sprintf("the dry run of kms:CreateGrant told nothing: %s", message(err))
	}
	return c
}

func explicitDeny(err error) bool { return strings.Contains(message(err), "explicit deny") }

// ReadTraps reads the key's policy. Most callers may not, and nobody may from
// another account: then unread says why.
func ReadTraps(ctx context.Context, api PolicyReader, keyARN, region string) (traps Traps, unread string) {
	policy, err := keyPolicy(ctx, api, keyARN)
	if err == nil {
		traps, err = FindTraps(policy, region)
	}
	if err != nil {
		return Traps{}, message(err)
	}
	return traps, ""
}
