package kms

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

const (
	sessionARN = "arn:aws:sts::" + awstest.Account + ":assumed-role/deployer/ci"
	roleARN    = "arn:aws:iam::" + awstest.Account + ":role/ops/deployer"
	rootARN    = "arn:aws:iam::" + awstest.Account + ":root"
	policyKey  = "arn:aws:kms:eu-central-1:" + awstest.Account + ":key/1234abcd-12ab-34cd-56ef-1234567890ab"
)

// statement returns a statement about kms:CreateGrant. rest replaces or adds elements, as JSON without braces.
func statement(effect, rest string) string {
	s := `{"Sid":"S","Effect":"` + effect + `"`
	for _, element := range [][2]string{
		{`"Principal"`, `{"AWS":"*"}`}, {`"Action"`, `"kms:CreateGrant"`}, {`"Resource"`, `"*"`},
	} {
		not := strings.Replace(element[0], `"`, `"Not`, 1)
		if !strings.Contains(rest, element[0]) && !strings.Contains(rest, not) {
			s += "," + element[0] + ":" + element[1]
		}
	}
	if rest != "" {
		s += "," + rest
	}
	return s + "}"
}

func condition(operator, key, value string) string {
	return fmt.Sprintf(`"Condition":{%q:{%q:%s}}`, operator, key, value)
}

func issuesOf(t *testing.T, r Requester, statements ...string) PolicyIssues {
	t.Helper()
	policy, err := parsePolicy(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`)
	awstest.Must(t, err)
	return policy.issues(policyKey, r)
}

func TestPolicyIssues(t *testing.T) {
	allow := func(rest string) string { return statement("Allow", rest) }
	deny := func(rest string) string { return statement("Deny", rest) }
	const pass = ""
	principal := func(kind, arn string) string { return fmt.Sprintf(`"Principal":{%q:%q}`, kind, arn) }
	all := allow("")
	for _, test := range []struct {
		name       string
		statements []string
		blocking   string // a substring, or none
		unknown    string
		onlyViaEKS bool
	}{
		{"unconditional", []string{all}, pass, "", false},
		{"the account", []string{allow(principal("AWS", rootARN))}, pass, "", false},
		{"the account's id", []string{allow(principal("AWS", awstest.Account))}, pass, "", false},
		{"the role with its path", []string{allow(principal("AWS", roleARN))}, pass, "", false},
		{"the session", []string{allow(principal("AWS", sessionARN))}, pass, "", false},
		{"any action of KMS", []string{allow(`"Action":["KMS:create*"]`)}, pass, "", false},
		{"all actions except others", []string{allow(`"NotAction":["kms:Delete*"]`)}, pass, "", false},
		{"this key", []string{allow(`"Resource":"` + policyKey + `"`)}, pass, "", false},

		{"calls that make the key unusable are denied", []string{all, deny(`"Action":["kms:DisableKey","kms:RevokeGrant"],` +
			condition("ArnNotLike", "aws:PrincipalArn", `["arn:aws:iam::`+awstest.Account+`:role/break-glass"]`))},
			pass, "", false},

		{"another role", []string{allow(principal("AWS", "arn:aws:iam::"+awstest.Account+":role/other"))},
			"no statement allows", "", false},
		{"another account", []string{allow(principal("AWS", awstest.OtherAccount))}, "no statement allows", "", false},
		{"another principal's statement does not count",
			[]string{allow(principal("AWS", "arn:aws:iam::"+awstest.Account+":user/jane")),
				allow(condition("Bool", "kms:GrantIsForAWSResource", "true"))}, "GrantIsForAWSResource", "", false},
		{"a service", []string{allow(principal("Service", "ec2.amazonaws.com"))}, "no statement allows", "", false},
		{"other actions", []string{allow(`"Action":"kms:Encrypt"`)}, "no statement allows", "", false},
		{"all actions except this", []string{allow(`"NotAction":"kms:*Grant"`)}, "no statement allows", "", false},
		{"another key", []string{allow(`"Resource":"` + policyKey + `0"`)}, "no statement allows", "", false},
		{"only for AWS resources", []string{allow(condition("Bool", "kms:GrantIsForAWSResource", "true"))},
			"GrantIsForAWSResource", "", false},
		{"only for AWS resources, as a text", []string{allow(condition("Bool", "kms:GrantIsForAWSResource", `"true"`))},
			"GrantIsForAWSResource", "", false},
		{"only for AWS resources, if the key exists",
			[]string{allow(condition("BoolIfExists", "kms:GrantIsForAWSResource", "true"))}, "", "BoolIfExists", false},
		{"denied except for AWS resources, if the key exists",
			[]string{all, deny(condition("BoolIfExists", "kms:GrantIsForAWSResource", "false"))}, `"S" denies`, "", false},
		{"another statement without condition",
			[]string{allow(condition("Bool", "kms:GrantIsForAWSResource", "true")), all}, pass, "", false},
		{"through EC2", []string{allow(condition("StringEquals", "kms:ViaService", `"ec2.eu-central-1.amazonaws.com"`))},
			"ec2.eu-central-1", "", false},
		{"through EKS in another region",
			[]string{allow(condition("StringEquals", "KMS:viaservice", `"eks.us-east-1.amazonaws.com"`))},
			"eks.us-east-1", "", false},

		{"through EKS", []string{allow(condition("StringEquals", "kms:ViaService",
			`["ec2.eu-central-1.amazonaws.com","eks.eu-central-1.amazonaws.com"]`))}, pass, "", true},
		{"through anything but EC2", []string{allow(condition("StringNotEquals", "kms:ViaService",
			`"ec2.eu-central-1.amazonaws.com"`))}, pass, "", false},
		{"through anything but EKS", []string{allow(condition("StringNotEquals", "kms:ViaService",
			`"eks.eu-central-1.amazonaws.com"`))}, "eks.eu-central-1", "", false},
		{"denied except through EKS", []string{all, deny(condition("StringNotEquals", "kms:ViaService",
			`"eks.eu-central-1.amazonaws.com"`))}, pass, "", true},
		{"denied through EKS", []string{all, deny(condition("StringLike", "kms:ViaService", `"eks.*"`))},
			`"S" denies`, "", false},

		{"denied", []string{all, deny("")}, `"S" denies`, "", false},
		{"denied to another role", []string{all, deny(principal("AWS", "arn:aws:iam::"+awstest.Account+":role/x"))},
			pass, "", false},
		{"denied to the account", []string{all, deny(principal("AWS", rootARN))}, "denies", "", false},
		{"denied by NotAction", []string{all, deny(`"NotAction":["kms:Decrypt","kms:Encrypt"]`)}, "denies", "", false},
		{"denied to all but others", []string{all, deny(`"NotPrincipal":{"AWS":"arn:aws:iam::` + awstest.Account +
			`:role/admin"}`)}, "denies", "", false},
		{"denied to all but the caller", []string{all, deny(`"NotPrincipal":{"AWS":"` + roleARN + `"}`)}, "", "Principal",
			false},
		{"denied except for AWS resources",
			[]string{all, deny(condition("Bool", "kms:GrantIsForAWSResource", "false"))}, `"S" denies`, "", false},
		{"denied without TLS", []string{all, deny(condition("Bool", "aws:SecureTransport", "false"))}, pass, "", false},
		{"denied to other accounts",
			[]string{all, deny(condition("StringNotEquals", "kms:CallerAccount", `"`+awstest.Account+`"`))}, pass, "", false},

		{"denied outside of a VPC endpoint",
			[]string{all, deny(condition("StringNotEquals", "aws:SourceVpce", `"vpce-1"`))}, "", "aws:SourceVpce", false},
		{"denied outside of a network", []string{all, deny(condition("NotIpAddress", "aws:SourceIp", `"10.0.0.0/8"`))},
			"", "aws:SourceIp", false},
		{"only grants of a kind",
			[]string{allow(condition("StringEquals", "kms:GrantConstraintType", `"EncryptionContextSubset"`))},
			"", "kms:GrantConstraintType", false},
		{"only grants of decryption",
			[]string{allow(condition("ForAllValues:StringEquals", "kms:GrantOperations", `["Decrypt"]`))}, "",
			"kms:GrantOperations", false},
		{"a condition beside a known one", []string{all, deny(`"Condition":{"StringEquals":{"kms:ViaService":` +
			`"eks.eu-central-1.amazonaws.com","aws:SourceVpc":"vpc-1"}}`)}, "", "aws:SourceVpc", false},
		{"an operator that IAM does not have",
			[]string{all, deny(condition("StringSounds", "kms:ViaService", `"eks"`))}, "", "StringSounds", false},
		{"a variable", []string{all, deny(condition("StringNotEquals", "kms:CallerAccount", `"${aws:PrincipalTag/a}"`))},
			"", "kms:CallerAccount", false},
		{"the presence of a key that may be absent",
			[]string{all, deny(condition("Null", "kms:GrantIsForAWSResource", `"true"`))}, "",
			"GrantIsForAWSResource", false},
		{"a deleted principal", []string{allow(principal("AWS", "AROAEXAMPLEID"))}, "", "Principal", false},
		{"another effect", []string{all, statement("Perhaps", "")}, "", "Perhaps", false},
		{"no action", []string{all, `{"Effect":"Deny","Principal":"*","Resource":"*"}`}, "", "Action", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := issuesOf(t, Requester{ARN: sessionARN, Region: awstest.Region}, test.statements...)
			for _, list := range []struct {
				name string
				got  []string
				want string
			}{{"Blocking", got.Blocking, test.blocking}, {"Unknown", got.Unknown, test.unknown}} {
				text := strings.Join(list.got, "; ")
				if (text == "") != (list.want == "") || !strings.Contains(text, list.want) {
					t.Errorf("%s = %q, want %q", list.name, text, list.want)
				}
			}
			if got.OnlyViaEKS != test.onlyViaEKS {
				t.Errorf("OnlyViaEKS = %v, want %v", got.OnlyViaEKS, test.onlyViaEKS)
			}
		})
	}
}

// TestPolicyCallers checks callers of other kinds, and other partitions.
func TestPolicyCallers(t *testing.T) {
	userARN := "arn:aws:iam::" + awstest.Account + ":user/ops/jane"
	toUser := statement("Allow", `"Principal":{"AWS":"`+userARN+`"}`)
	exceptUser := statement("Deny", condition("ArnNotLike", "aws:PrincipalArn", `"arn:aws:iam::*:user/ops/*"`))
	for _, test := range []struct {
		name, caller, key string
		statements        []string
		pass              bool
	}{
		{"user", userARN, policyKey, []string{toUser, exceptUser}, true},
		{"session", sessionARN, policyKey, []string{statement("Allow", ""), exceptUser}, false},
		{"unknown caller", "", policyKey, []string{toUser}, false},
		{"unknown caller, everybody", "", policyKey, []string{statement("Allow", "")}, true},
		{"federated user", "arn:aws:sts::" + awstest.Account + ":federated-user/jane", policyKey, []string{toUser}, false},
		{"European Sovereign Cloud", "arn:aws-eusc:iam::" + awstest.Account + ":user/jane",
			"arn:aws-eusc:kms:eusc-de-east-1:" + awstest.Account + ":key/k",
			[]string{statement("Allow", condition("StringEquals", "kms:ViaService", `"eks.eusc-de-east-1.amazonaws.eu"`))},
			true},
		{"China", "arn:aws-cn:iam::" + awstest.Account + ":user/jane",
			"arn:aws-cn:kms:cn-north-1:" + awstest.Account + ":key/k",
			[]string{statement("Allow", condition("StringLike", "kms:ViaService", `"eks.cn-north-1.amazonaws.com*"`))}, true},
	} {
		policy, err := parsePolicy(`{"Statement":[` + strings.Join(test.statements, ",") + `]}`)
		awstest.Must(t, err)
		region := strings.Split(test.key, ":")[3]
		got := policy.issues(test.key, Requester{ARN: test.caller, Region: region})
		if pass := len(got.Blocking)+len(got.Unknown) == 0; pass != test.pass {
			t.Errorf("%s: %+v, want pass: %t", test.name, got, test.pass)
		}
	}
}

// TestPolicyOverclaim checks that a condition that is not understood never leads to a pass, whether it is added to a
// statement that denies, or to the only one that allows.
func TestPolicyOverclaim(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(from ...string) string { return from[random.IntN(len(from))] }
	for range 2000 {
		operator := pick("", "ForAllValues:", "ForAnyValue:") +
			pick("StringEquals", "StringNotEquals", "StringLike", "ArnNotLike", "IpAddress", "NotIpAddress", "Bool",
				"DateGreaterThan", "NumericLessThan", "Null", "Invented") + pick("", "IfExists")
		key := pick("aws:SourceVpce", "aws:SourceIp", "kms:GrantConstraintType", "kms:GranteePrincipal",
			"kms:GrantOperations", "kms:EncryptionContext:aws:eks:cluster", "aws:PrincipalTag/team", "invented:Key")
		unknown := condition(operator, key, pick(`"x"`, `["x","*"]`, `true`, `"false"`, `1`))
		who := pick("", `"Principal":{"AWS":"`+roleARN+`"},`, `"Principal":{"AWS":"`+rootARN+`"},`)
		what := pick("", `"Action":"kms:*",`, `"NotAction":"kms:Decrypt",`)
		for _, statements := range [][]string{
			{statement("Allow", ""), statement("Deny", who+what+unknown)},
			{statement("Allow", who+what+unknown)},
		} {
			got := issuesOf(t, Requester{ARN: sessionARN, Region: awstest.Region}, statements...)
			if len(got.Blocking)+len(got.Unknown) == 0 {
				t.Fatalf("%s: no issue, want one", statements)
			}
		}
	}
}

func TestParsePolicy(t *testing.T) {
	for _, policy := range []string{
		KeyPolicy("aws", awstest.Account, nil).String(),
		KeyPolicy("aws", awstest.Account, []string{"arn:aws:iam::1:user/u"}).String(),
		`{"Statement":` + statement("Allow", "") + `}`,
	} {
		p, err := parsePolicy(policy)
		awstest.Must(t, err)
		got := p.issues(policyKey, Requester{ARN: sessionARN, Region: awstest.Region})
		if len(got.Blocking)+len(got.Unknown) > 0 {
			t.Errorf("%s: %+v, want no issue", policy, got)
		}
	}
	for _, policy := range []string{"{", `{"Statement":[{"Effect":"Allow","Konditions":{}}]}`, `{"Statement":1}`} {
		if p, err := parsePolicy(policy); err == nil {
			t.Errorf("parsePolicy(%s) = %+v, want an error", policy, p)
		}
	}
}

func TestMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a*c", "abbc", true}, {"a*c", "ab", false},
		{"*b*", "abc", true}, {"?", "ü", true}, {"a?", "a", false}, {"[a]", "a", false}, {"**", "x", true},
		{"arn:*:key/*", "arn:aws:kms:r:1:key/a/b", true},
	} {
		if got := matches(test.pattern, test.s); got != test.want {
			t.Errorf("matches(%q, %q) = %t, want %t", test.pattern, test.s, got, test.want)
		}
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(KeyPolicy("aws", awstest.Account, nil).String())
	f.Add(`{"Statement":{"Action":["kms:CreateGrant"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":[true]}}}}`)
	f.Fuzz(func(_ *testing.T, policy string) {
		if p, err := parsePolicy(policy); err == nil {
			p.issues(policyKey, Requester{ARN: sessionARN, Region: awstest.Region})
		}
	})
}
