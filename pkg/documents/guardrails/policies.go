package guardrails

import (
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// losingActions returns the actions that make a key unusable or take it from the cluster, and others that lead to them.
// Neither a key policy nor a resource control policy can deny kms:RetireGrant; policies of IAM and service control
// policies can.
func losingActions(others ...string) []string {
	actions := append([]string{
		"kms:DeleteImportedKeyMaterial", "kms:DisableKey", "kms:RevokeGrant", "kms:ScheduleKeyDeletion",
	}, others...)
	slices.Sort(actions)
	return actions
}

// policy returns the policy of a document.
func (g guard) policy(d Document) kms.PolicyDocument {
	result := kms.PolicyDocument{Version: "2012-10-17"}
	switch d {
	case KeyPolicy:
		result.Statement = []kms.Statement{g.keyPolicyStatement()}
	case SCP:
		result.Statement = []kms.Statement{{
			Sid: "KeepClusterKey", Effect: "Deny", Action: losingActions("kms:PutKeyPolicy", "kms:RetireGrant"),
			Resource: []string{g.KeyARN}, Condition: g.exceptBreakGlass(),
		}}
	case RCP:
		result.Statement = []kms.Statement{{
			Sid: "KeepClusterKey", Effect: "Deny", Principal: kms.Everyone(),
			Action: losingActions("kms:PutKeyPolicy"), Resource: []string{g.KeyARN},
			Condition: exceptServices(g.exceptBreakGlass()),
		}}
	case CreationSCP:
		result.Statement = g.creationStatements()
	}
	return result
}

// keyPolicyStatement does not deny kms:PutKeyPolicy: if the break-glass principal were deleted, the policy of the key
// could never be changed again. The organization can always detach its own policies, so that they may deny it.
func (g guard) keyPolicyStatement() kms.Statement {
	return kms.Statement{
		Sid: "KeepClusterKey", Effect: "Deny", Principal: kms.Everyone(), Action: losingActions(),
		Resource: []string{"*"}, Condition: exceptServices(g.exceptBreakGlass()),
	}
}

// creationStatements deny a cluster without a key, and one with a key that is not approved. The condition key is
// absent if the request names no key; ForAnyValue does not match then.
func (g guard) creationStatements() []kms.Statement {
	const keys = "eks:encryptionConfigProviderKeyArns"
	without, other := g.exceptBreakGlass(), g.exceptBreakGlass()
	without["Null"] = map[string][]string{keys: {"true"}}
	other["ForAnyValue:ArnNotLike"] = map[string][]string{keys: g.ApprovedKeys}
	return []kms.Statement{{
		Sid: "ClustersNeedKey", Effect: "Deny", Action: []string{"eks:CreateCluster"}, Resource: []string{"*"},
		Condition: without,
	}, {
		Sid: "ClustersNeedApprovedKey", Effect: "Deny",
		Action: []string{"eks:AssociateEncryptionConfig", "eks:CreateCluster"}, Resource: []string{"*"}, Condition: other,
	}}
}

// exceptBreakGlass is a condition that does not hold for the break-glass principals. For the session of a role,
// aws:PrincipalArn is the ARN of the role.
func (g guard) exceptBreakGlass() map[string]map[string][]string {
	return map[string]map[string][]string{"ArnNotLike": {"aws:PrincipalArn": g.BreakGlass}}
}

// exceptServices adds that the condition does not hold for AWS services: EKS must be able to manage its own grant.
func exceptServices(condition map[string]map[string][]string) map[string]map[string][]string {
	condition["Bool"] = map[string][]string{"aws:PrincipalIsAWSService": {"false"}}
	return condition
}
