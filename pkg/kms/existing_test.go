package kms

import (
	"context"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

func TestFindAlias(t *testing.T) {
	for _, test := range []struct {
		name   string
		alias  string
		policy []fakeaws.Statement
		found  bool
		err    string
	}{
		{"absent", "alias/absent", nil, false, ""},
		{"present", "alias/present", nil, true, ""},
		{"of another region", "alias/elsewhere", nil, false, ""},
		{"without a key", "alias/dangling", nil, false, "names no key"},
		{"absent, not listable", "alias/absent", []fakeaws.Statement{fakeaws.Allow("kms:DescribeKey")}, false, ""},
		{"present, not listable", "alias/present", []fakeaws.Statement{fakeaws.Allow("kms:DescribeKey")}, true, ""},
		{"neither listable nor describable", "alias/present", []fakeaws.Statement{fakeaws.Allow("kms:CreateKey")},
			false, "could not determine whether alias/present exists"},
		{"not describable", "alias/present", []fakeaws.Statement{fakeaws.Allow("kms:ListAliases")}, false,
			"its key is unknown"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t, test.policy...)
			key := a.key(t, fakeaws.Key{RotationDays: 365})
			a.alias(t, "alias/present", key)
			for _, alias := range []fakeaws.Alias{
				{Name: "alias/dangling", Region: awstest.Region, Account: awstest.Account},
				{Name: "alias/elsewhere", Region: "us-east-1", Account: awstest.Account, Target: "x"},
			} {
				_, err := a.AddAlias(alias)
				awstest.Must(t, err)
			}
			k, err := FindAlias(context.Background(), a.kms(), test.alias)
			if (err != nil) != (test.err != "") || !strings.Contains(errText(err), test.err) {
				t.Fatalf("error = %q, want %q", errText(err), test.err)
			}
			if (k != nil) != test.found || k != nil && k.ARN != key {
				t.Errorf("FindAlias = %+v, want a key: %v", k, test.found)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	off, yearly := &v1alpha1.Rotation{}, &v1alpha1.Rotation{Enabled: true, PeriodDays: 365}
	for _, test := range []struct {
		name     string
		creation Creation
		rotation *v1alpha1.Rotation
		multi    bool
		want     string
	}{
		{"none", Creation{Rotate: true}, yearly, false, ""},
		{"rotation unknown", Creation{Rotate: true}, nil, false, ""},
		{"rotation off", Creation{Rotate: true}, off, false, "aws kms enable-key-rotation --key-id k --region r --profile p"},
		{"period", Creation{Rotate: true, RotationDays: 90}, yearly, false, "--rotation-period-in-days 90"},
		{"rotation on", Creation{}, yearly, false, "--rotate=false does not change it"},
		{"multi-Region", Creation{MultiRegion: true}, nil, false, "a key of a single region"},
		{"single region", Creation{}, nil, true, "a multi-Region key"},
	} {
		k := Candidate{Key: v1alpha1.Key{ARN: "k", Rotation: test.rotation, MultiRegion: test.multi}}
		got := strings.Join(test.creation.Differences(k, awsclient.CLI{Region: "r", Profile: "p"}), "; ")
		if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
			t.Errorf("%s: Differences = %q, want %q", test.name, got, test.want)
		}
	}
}

func TestIneligibleError(t *testing.T) {
	c := Creation{Alias: "alias/a"}
	k := Candidate{Key: v1alpha1.Key{ARN: "arn:k", State: "Enabled", Manager: "CUSTOMER", Spec: "SYMMETRIC_DEFAULT",
		Usage: "ENCRYPT_DECRYPT"}}
	if err := c.IneligibleError(k, here); err != nil {
		t.Errorf("error of an eligible key = %v, want nil", err)
	}
	k.State = "Disabled"
	if err := c.IneligibleError(k, here); !strings.Contains(errText(err), "alias/a exists already") ||
		!strings.Contains(errText(err), "it is disabled") || !strings.Contains(errText(err), "another --alias") {
		t.Errorf("error of a disabled key = %q", errText(err))
	}
}
