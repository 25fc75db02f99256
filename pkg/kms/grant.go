package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// GrantCheckName is the name of the check that CheckGrant returns.
const GrantCheckName = "caller may grant the key"

// CheckGrant checks by a dry run of CreateGrant whether the caller may grant the use of the key to the cluster's role.
// The result is Pass only for DryRunOperationException. The request that EKS itself sends is not public and may differ,
// so the result is Unknown if the key policy allows CreateGrant only through EKS.
func CheckGrant(ctx context.Context, api Granter, keyARN, clusterRole string, traps PolicyIssues) v1alpha1.Check {
	return grantCheck(dryRunGrant(ctx, api, keyARN, clusterRole), keyARN, traps)
}

// grantCheck returns the check for the error of dryRunGrant.
func grantCheck(err error, keyARN string, traps PolicyIssues) v1alpha1.Check {
	c := v1alpha1.Check{Name: GrantCheckName, Result: v1alpha1.ResultUnknown}
	switch {
	case err == nil:
		c.Result = v1alpha1.ResultFail
		c.Message = "the endpoint ignored DryRun and accepted kms:CreateGrant: it cannot be KMS itself"
		c.Remedy = "find out which endpoint is used: AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_KMS, or the services section" +
			" of the profile; if it is the right one, pass --skip-grant-check"
	case code(err) == "DryRunOperationException":
		c.Result, c.Message = v1alpha1.ResultPass, "kms:CreateGrant would have been allowed (dry run)"
	case denied(err) && traps.OnlyViaEKS && !deniedByIAM(err):
		c.Message = "the key policy allows kms:CreateGrant only through EKS (kms:ViaService)," +
			" which a dry run cannot verify"
	case denied(err):
		c.Result = v1alpha1.ResultFail
		c.Message = fmt.Sprintf("kms:CreateGrant on %s is not permitted: %s", keyARN, message(err))
		c.Remedy, c.Statements = grantRemedy(err, keyARN)
	case code(err) == "DisabledException", code(err) == "KMSInvalidStateException", code(err) == "NotFoundException":
		c.Result, c.Message = v1alpha1.ResultFail, fmt.Sprintf("kms:CreateGrant fails: %s", message(err))
	default:
		c.Message = fmt.Sprintf("the dry run of kms:CreateGrant was inconclusive: %s", message(err))
	}
	return c
}

// grantRemedy returns how to allow the grant, and what to add to the key policy for it.
func grantRemedy(err error, keyARN string) (string, []v1alpha1.PolicyStatement) {
	const onlyViaEKS = "; if it is allowed only through EKS (kms:ViaService), pass --skip-grant-check"
	if strings.Contains(message(err), "explicit deny") {
		return denialRemedy + onlyViaEKS, nil
	}
	if refused := new(KeyPolicyError); errors.As(byKeyPolicy(err, err, keyARN), &refused) {
		return refused.Remedy() + onlyViaEKS, refused.Statements
	}
	remedy := fmt.Sprintf("allow the caller kms:CreateGrant on %s, in its IAM policy or the key policy", keyARN)
	caller := callerIn(err)
	return remedy + onlyViaEKS + pathNote(caller), callerStatements(keyARN, caller, false)
}
