package kms

import (
	"strings"
	"testing"
)

func TestFindTraps(t *testing.T) {
	const allow = `{"Sid":"S","Effect":"Allow","Principal":{"AWS":"*"},"Action":`
	for _, test := range []struct {
		name, policy string
		blocking     string
		viaEKS       bool
	}{
		{"default", KeyPolicy("aws", account, nil).String(), "", false},
		{"rendered", KeyPolicy("aws", account, []string{"arn:aws:iam::1:user/u"}).String(), "", false},
		{"one statement, no list", `{"Statement":` + allow + `"kms:*","Resource":"*"}}`, "", false},
		{"for AWS resources only", `{"Statement":[` + allow + `["kms:CreateGrant"],"Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}}]}`, "GrantIsForAWSResource", false},
		{"the same as a boolean", `{"Statement":[` + allow + `["kms:CreateGrant"],"Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}}]}`, "GrantIsForAWSResource", false},
		{"but another statement is free", `{"Statement":[` + allow + `"kms:CreateGrant","Condition":{"Bool":{"kms:GrantIsForAWSResource":true}}},` + allow + `"kms:*"}]}`, "", false},
		{"by way of EKS", `{"Statement":[` + allow + `"kms:Create*","Condition":{"StringEquals":{"kms:ViaService":["ec2.eu-central-1.amazonaws.com","eks.eu-central-1.amazonaws.com"]}}}]}`, "", true},
		{"by way of EKS in China", `{"Statement":[` + allow + `"kms:Create*","Condition":{"StringLike":{"kms:ViaService":"eks.*.amazonaws.com.cn"}}}]}`, "", true},
		{"by way of EC2", `{"Statement":[` + allow + `"kms:CreateGrant","Condition":{"StringEquals":{"kms:ViaService":"ec2.eu-central-1.amazonaws.com"}}}]}`, "by way of ec2", false},
		{"by way of EKS elsewhere", `{"Statement":[` + allow + `"kms:CreateGrant","Condition":{"StringEquals":{"KMS:viaservice":"eks.us-east-1.amazonaws.com"}}}]}`, "by way of eks.us-east-1", false},
		{"denied but for AWS resources", `{"Statement":[` + allow + `"kms:*"},{"Sid":"D","Effect":"Deny","Action":"kms:CreateGrant","Condition":{"Bool":{"kms:GrantIsForAWSResource":"false"}}}]}`, `"D" denies`, false},
		{"other actions don't matter", `{"Statement":[` + allow + `"kms:Encrypt","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}}]}`, "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := FindTraps(test.policy, home)
			if err != nil {
				t.Fatal(err)
			}
			text := strings.Join(got.Blocking, "; ")
			if (text == "") != (test.blocking == "") || !strings.Contains(text, test.blocking) || got.ViaEKS != test.viaEKS {
				t.Errorf("blocking %q, by EKS %v; want %q, %v", text, got.ViaEKS, test.blocking, test.viaEKS)
			}
		})
	}
	if _, err := FindTraps("{", home); err == nil {
		t.Error("broken JSON was taken for a policy")
	}
}

func FuzzFindTraps(f *testing.F) {
	f.Add(KeyPolicy("aws", account, nil).String())
	f.Add(`{"Statement":{"Action":["kms:CreateGrant"],"Condition":{"Bool":{"kms:GrantIsForAWSResource":[true]}}}}`)
	f.Fuzz(func(_ *testing.T, policy string) { _, _ = FindTraps(policy, home) })
}
