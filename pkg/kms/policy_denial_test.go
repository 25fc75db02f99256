package kms

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestKeyPolicyError checks which denials only the key policy can end, with messages as users reported them.
func TestKeyPolicyError(t *testing.T) {
	const caller = "User: arn:aws:iam::" + awstest.Account + ":user/kube-administrator is not authorized to perform: "
	const on = " on resource: " + policyKey + " "
	for _, test := range []struct {
		name, code, message string
		sids                string // of the statements; "-" for another error
	}{
		{"no statement", "AccessDeniedException", caller + "kms:DescribeKey" + on +
			"because no resource-based policy allows the kms:DescribeKey action",
			"AccountAdministersByIAM,AssociateWithEKS"},
		{"a session of IAM Identity Center", "AccessDeniedException", "User: arn:aws:sts::" + awstest.Account +
			":assumed-role/AWSReservedSSO_Admin_0123456789abcdef/ann is not authorized to perform: kms:DescribeKey" + on +
			"because no resource-based policy allows the kms:DescribeKey action", "AccountAdministersByIAM"},
		{"IAM", "AccessDeniedException", caller + "kms:DescribeKey" + on +
			"because no identity-based policy allows the kms:DescribeKey action", "-"},
		{"a denial in the key policy", "AccessDeniedException", caller + "kms:DescribeKey" + on +
			"with an explicit deny in a resource-based policy", "-"},
		{"a denial of the organization", "AccessDeniedException", caller + "kms:DescribeKey" + on +
			"with an explicit deny in a service control policy", "-"},
		{"another code", "ThrottlingException", "no resource-based policy allows", "-"},
	} {
		err := explain(&smithy.GenericAPIError{Code: test.code, Message: test.message}, "DescribeKey", "alias/x")
		refused := new(KeyPolicyError)
		got := "-"
		if errors.As(err, &refused) {
			var sids []string
			for _, s := range refused.Statements {
				sids = append(sids, s.Sid)
			}
			got = strings.Join(sids, ",")
			if next := hint.Of(err); !strings.Contains(next, "no IAM policy") || !strings.Contains(next, `{"Sid":`) {
				t.Errorf("%s: hint = %q", test.name, next)
			}
		}
		if got != test.sids {
			t.Errorf("%s: statements %q, want %q", test.name, got, test.sids)
		}
	}
	if err := explain(nil, "DescribeKey", policyKey); err != nil {
		t.Errorf("explain(nil) = %v, want nil", err)
	}
}

// TestRoleError checks that the cause is the key policy only if it refuses the role.
func TestRoleError(t *testing.T) {
	refused := errors.New("Role with arn: " + clusterRole + ", could not be assumed because it does not exist")
	all := `"kms:*"`
	creator := allowed(`"`+roleARN+`"`, all)
	access := func(statements ...string) RoleAccess {
		return policyOf(t, statements...).roleAccess(policyKey, clusterRole)
	}
	for _, test := range []struct {
		name         string
		access       RoleAccess
		unread       string
		cause, first string // how the error and the hint begin
		statement    bool
	}{
		{"the policy refuses the role", access(creator), "", "the key policy does not allow the cluster's role",
			"add this statement to the policy of " + policyKey, true},
		{"a statement denies it", access(allowed(`"`+rootARN+`"`, all), statement("Deny", `"Action":"kms:ListGrants"`)), "",
			"the key policy refuses the cluster's role", denialRemedy, false},
		{"the policy allows the role", access(allowed(`"`+clusterRole+`"`, all)), "", "EKS could not assume the cluster's role",
			"check that the role exists", true},
		{"the policy is unknown", RoleAccess{Role: clusterRole}, "needs kms:GetKeyPolicy", "EKS could not assume",
			"check that the role exists", true},
		{"the role is unknown", RoleAccess{}, "", "EKS could not assume the cluster's role", "check the role's trust policy",
			false},
	} {
		err := RoleError(refused, policyKey, test.access, test.unread)
		next := hint.Of(err)
		if !strings.HasPrefix(err.Error(), test.cause) || !strings.HasPrefix(next, test.first) ||
			strings.Contains(next, `"Sid":"EKSClusterRole"`) != test.statement || !errors.Is(err, refused) {
			t.Errorf("%s: %v\n%s", test.name, err, next)
		}
		if test.unread != "" && !strings.Contains(err.Error(), test.unread) {
			t.Errorf("%s: %v, want the reason why the policy is unknown", test.name, err)
		}
	}
}
