package kms

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

func TestParsePolicy(t *testing.T) {
	statement := func(sid, effect, action, condition string) string {
		s := `{"Sid":"` + sid + `","Effect":"` + effect + `","Principal":{"AWS":"*"},"Action":` + action
		if condition != "" {
			s += `,"Condition":{` + condition + `}`
		}
		return s + `,"Resource":"*"}`
	}
	allow := func(action, condition string) string { return statement("S", "Allow", action, condition) }
	list := func(s ...string) string { return `{"Statement":[` + strings.Join(s, ",") + `]}` }
	const (
		forAWS = `"Bool":{"kms:GrantIsForAWSResource":`
		viaIs  = `"StringEquals":{"kms:ViaService":`
	)
	for _, test := range []struct {
		name, policy string
		blocking     string // a substring, or none
		onlyViaEKS   bool
	}{
		{"default", KeyPolicy("aws", awstest.Account, nil).String(), "", false},
		{"generated", KeyPolicy("aws", awstest.Account, []string{"arn:aws:iam::1:user/u"}).String(), "", false},
		{"one statement, no list", `{"Statement":` + allow(`"kms:*"`, "") + `}`, "", false},
		{"only for AWS resources", list(allow(`["kms:CreateGrant"]`, forAWS+`"true"}`)),
			"GrantIsForAWSResource", false},
		{"only for AWS resources, as a boolean", list(allow(`["kms:CreateGrant"]`, forAWS+`true}`)),
			"GrantIsForAWSResource", false},
		{"another statement without condition",
			list(allow(`"kms:CreateGrant"`, forAWS+`true}`), allow(`"kms:*"`, "")), "", false},
		{"through EKS", list(allow(`"kms:Create*"`,
			viaIs+`["ec2.eu-central-1.amazonaws.com","eks.eu-central-1.amazonaws.com"]}`)), "", true},
		{"through EKS in China",
			list(allow(`"kms:Create*"`, `"StringLike":{"kms:ViaService":"eks.*.amazonaws.com.cn"}`)), "", true},
		{"through EC2", list(allow(`"kms:CreateGrant"`, viaIs+`"ec2.eu-central-1.amazonaws.com"}`)),
			"through ec2", false},
		{"through EKS in another region",
			list(allow(`"kms:CreateGrant"`, `"StringEquals":{"KMS:viaservice":"eks.us-east-1.amazonaws.com"}`)),
			"through eks.us-east-1", false},
		{"denied except for AWS resources",
			list(allow(`"kms:*"`, ""), statement("D", "Deny", `"kms:CreateGrant"`, forAWS+`"false"}`)),
			`"D" denies`, false},
		{"other actions", list(allow(`"kms:Encrypt"`, forAWS+`"true"}`)), "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := parsePolicy(test.policy, awstest.Region)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(got.Blocking, "; ")
			if (text == "") != (test.blocking == "") || !strings.Contains(text, test.blocking) {
				t.Errorf("Blocking = %q, want %q", text, test.blocking)
			}
			if got.OnlyViaEKS != test.onlyViaEKS {
				t.Errorf("OnlyViaEKS = %v, want %v", got.OnlyViaEKS, test.onlyViaEKS)
			}
		})
	}
	if _, err := parsePolicy("{", awstest.Region); err == nil {
		t.Error("parsePolicy accepts broken JSON")
	}
}

func FuzzParsePolicy(f *testing.F) {
	f.Add(KeyPolicy("aws", awstest.Account, nil).String())
	f.Add(`{"Statement":{"Action":["kms:CreateGrant"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":[true]}}}}`)
	f.Fuzz(func(_ *testing.T, policy string) { _, _ = parsePolicy(policy, awstest.Region) })
}
