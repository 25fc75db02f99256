package kms

import (
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const clusterRole = "arn:aws:iam::" + awstest.Account + ":role/eks/lab"

func allowed(principal, actions string) string {
	return statement("Allow", `"Principal":{"AWS":`+principal+`},"Action":[`+actions+`]`)
}

func policyOf(t *testing.T, statements ...string) readPolicy {
	t.Helper()
	policy, err := parsePolicy(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
	awstest.Must(t, err)
	return policy
}

// TestRoleAccess checks what a policy means for the cluster's role, and that the statement of a warning ends it.
func TestRoleAccess(t *testing.T) {
	all, root, role := `"kms:*"`, `"`+rootARN+`"`, `"`+clusterRole+`"`
	creator := allowed(`"arn:aws:iam::`+awstest.Account+`:role/terraform"`, all)
	for _, test := range []struct {
		name       string
		statements []string
		want       v1alpha1.Result
		message    string
		fixable    bool
	}{
		{"the account", []string{allowed(root, all)}, v1alpha1.ResultPass, "leaves the cluster's role", false},
		{"the account's id", []string{allowed(`"`+awstest.Account+`"`, all)}, v1alpha1.ResultPass, "leaves", false},
		{"the role", []string{allowed(role, `"kms:Encrypt","kms:Decrypt","kms:ListGrants","kms:DescribeKey"`)},
			v1alpha1.ResultPass, "it allows the cluster's role", false},
		{"the role and the account", []string{allowed(root, all), allowed(role, `"kms:List*","kms:Describe*"`)},
			v1alpha1.ResultPass, "it allows the cluster's role", false},
		{"everybody", []string{allowed(`"*"`, all)}, v1alpha1.ResultPass, "it allows", false},
		{"only its creator", []string{creator}, v1alpha1.ResultWarn,
			"kms:CreateGrant, kms:DescribeKey, kms:ListGrants", true},
		{"the role, without ListGrants", []string{creator, allowed(role, `"kms:DescribeKey","kms:CreateGrant"`)},
			v1alpha1.ResultWarn, clusterRole + " kms:ListGrants;", true},
		{"the account, for other actions", []string{allowed(root, `"kms:PutKeyPolicy"`)}, v1alpha1.ResultWarn,
			"kms:ListGrants", true},
		{"a role of the same name with another path",
			[]string{allowed(`"arn:aws:iam::`+awstest.Account+`:role/lab"`, all)}, v1alpha1.ResultWarn, "ListGrants", true},
		{"another account", []string{allowed(`"`+awstest.OtherAccount+`"`, all)}, v1alpha1.ResultWarn, "ListGrants", true},
		{"a denial", []string{allowed(root, all), statement("Deny", `"Principal":{"AWS":`+role+`},"Action":"kms:List*"`)},
			v1alpha1.ResultWarn, `"S" denies kms:ListGrants`, false},
		{"a network", []string{allowed(root, all), statement("Deny", `"Action":"kms:*",`+
			condition("StringNotEquals", "aws:SourceVpce", `"vpce-1"`))}, v1alpha1.ResultUnknown, "aws:SourceVpce", false},
		{"through EKS", []string{statement("Allow", `"Action":"kms:*",`+condition("StringEquals", "kms:ViaService",
			`"eks.eu-central-1.amazonaws.com"`))}, v1alpha1.ResultUnknown, "kms:ViaService", false},
		{"other principals", []string{statement("Allow", `"Action":"kms:*",`+condition("ArnLike", "aws:PrincipalArn",
			`"arn:aws:iam::*:role/admin"`))}, v1alpha1.ResultWarn, "ListGrants", true},
		{"this principal", []string{statement("Allow", `"Action":"kms:*",`+condition("ArnLike", "aws:PrincipalArn",
			`"arn:aws:iam::*:role/eks/*"`))}, v1alpha1.ResultPass, "it allows", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := policyOf(t, test.statements...).roleAccess(policyKey, clusterRole).Check("")
			if c.Result != test.want || !strings.Contains(c.Message, test.message) || test.fixable != (len(c.Statements) > 0) {
				t.Errorf("check = %+v, want %s with %q", c, test.want, test.message)
			}
			if (c.Result == v1alpha1.ResultWarn) != (c.Remedy != "") {
				t.Errorf("remedy = %q for %s", c.Remedy, c.Result)
			}
			if test.fixable {
				fixed := policyOf(t, append(slices.Clone(test.statements), StatementText(c.Statements))...)
				if c := fixed.roleAccess(policyKey, clusterRole).Check(""); c.Result != v1alpha1.ResultPass {
					t.Errorf("with the statement: %+v, want Pass", c)
				}
			}
		})
	}
	foreign := policyOf(t, allowed(`"*"`, all)).roleAccess(policyKey, "arn:aws:iam::"+awstest.OtherAccount+":role/r")
	if got := foreign.Decisions[listGrants]; got != LeftToIAM {
		t.Errorf("a role of another account: decision = %d, want LeftToIAM: its own account must allow it too", got)
	}
	for _, c := range []v1alpha1.Check{(RoleAccess{}).Check(""), (RoleAccess{Role: clusterRole}).Check("denied")} {
		if c.Result != v1alpha1.ResultUnknown || c.Message == "" {
			t.Errorf("check = %+v, want Unknown with a reason", c)
		}
	}
}

// TestAdministration checks who can change a policy, and that the statement of a warning ends a lockout.
func TestAdministration(t *testing.T) {
	root, admin := `"`+rootARN+`"`, `"`+roleARN+`"`
	for _, test := range []struct {
		name       string
		statements []string
		want       v1alpha1.Result
		message    string
	}{
		{"the account", []string{allowed(root, `"kms:*"`)}, v1alpha1.ResultPass, "always"},
		{"the account, by name of the action", []string{allowed(root, `"kms:Put*"`)}, v1alpha1.ResultPass, "always"},
		{"everybody", []string{allowed(`"*"`, `"kms:*"`)}, v1alpha1.ResultPass, "always"},
		{"one role", []string{allowed(admin, `"kms:*"`)}, v1alpha1.ResultWarn, roleARN},
		{"the account reads, one role writes", []string{allowed(root, `"kms:Get*"`), allowed(admin, `"kms:PutKeyPolicy"`)},
			v1alpha1.ResultWarn, "only these can change its policy, and once they are deleted, only AWS Support can: " +
				roleARN},
		{"one role and a deleted one", []string{allowed(`["AROAEXAMPLE12345678",`+admin+`]`, `"kms:*"`)},
			v1alpha1.ResultWarn, "deleted: AROAEXAMPLE12345678"},
		{"a deleted principal", []string{allowed(`"AIDAEXAMPLE12345678"`, `"kms:*"`)}, v1alpha1.ResultWarn,
			"no existing principal may change its policy; it names principals that were deleted: AIDAEXAMPLE12345678"},
		{"only use", []string{allowed(admin, `"kms:Decrypt"`)}, v1alpha1.ResultWarn, "no existing principal"},
		{"another account", []string{allowed(`"`+awstest.OtherAccount+`"`, `"kms:*"`)}, v1alpha1.ResultWarn,
			"no existing principal"},
		{"the account, if a condition holds", []string{statement("Allow", `"Principal":{"AWS":`+root+
			`},"Action":"kms:*",`+condition("Bool", "aws:MultiFactorAuthPresent", "true"))}, v1alpha1.ResultUnknown,
			"MultiFactorAuthPresent"},
		{"everybody but one", []string{allowed(root, `"kms:*"`), statement("Deny", `"Action":"kms:PutKeyPolicy",`+
			condition("ArnNotLike", "aws:PrincipalArn", admin))}, v1alpha1.ResultUnknown, "aws:PrincipalArn"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := policyOf(t, test.statements...).administration(policyKey).Check("")
			if c.Result != test.want || !strings.Contains(c.Message, test.message) {
				t.Errorf("check = %+v, want %s with %q", c, test.want, test.message)
			}
			if c.Result != v1alpha1.ResultWarn {
				return
			}
			fixed := policyOf(t, append(slices.Clone(test.statements), StatementText(c.Statements))...)
			if c := fixed.administration(policyKey).Check(""); c.Result != v1alpha1.ResultPass {
				t.Errorf("with the statement: %+v, want Pass", c)
			}
		})
	}
	if c := (Administration{}).Check("denied"); c.Result != v1alpha1.ResultUnknown {
		t.Errorf("unread policy: %+v, want Unknown", c)
	}
}
