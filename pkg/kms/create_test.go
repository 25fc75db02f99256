package kms

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

func TestCreationValidate(t *testing.T) {
	for _, test := range []struct {
		name string
		c    Creation
		err  string
	}{
		{"zero value", Creation{}, ""},
		{"all fields", Creation{Alias: "alias/a", Rotate: true, RotationDays: 90, Tags: []Tag{{"a", "b"}}}, ""},
		{"alias without prefix", Creation{Alias: "a"}, "alias/NAME"},
		{"reserved alias", Creation{Alias: "alias/aws/x"}, "reserved"},
		{"period too short", Creation{Rotate: true, RotationDays: 89}, "90 to 2560"},
		{"period too long", Creation{Rotate: true, RotationDays: 2561}, "90 to 2560"},
		{"period without rotation", Creation{RotationDays: 90}, "rotation is off"},
		{"empty tag", Creation{Tags: []Tag{{"", "x"}}}, "tag"},
		{"reserved tag", Creation{Tags: []Tag{{"AWS:x", "x"}}}, "reserved"},
		{"tag twice", Creation{Tags: []Tag{{"a", "1"}, {"a", "2"}}}, "twice"},
		{"description too long", Creation{Description: strings.Repeat("x", 8193)}, "8192"},
		{"longest description", Creation{Description: strings.Repeat("ü", 8192)}, ""},
		{"longest tag", Creation{Tags: []Tag{{strings.Repeat("ü", 128), strings.Repeat("世", 256)}}}, ""},
		{"tag key too long", Creation{Tags: []Tag{{strings.Repeat("ü", 129), ""}}}, "128"},
		{"tag value too long", Creation{Tags: []Tag{{"a", strings.Repeat("ü", 257)}}}, "256"},
		{"description with a control character", Creation{Description: "a\x1b[2J"}, "control characters"},
		{"tag with a line break", Creation{Tags: []Tag{{"a", "b\nc"}}}, "control characters"},
	} {
		err := test.c.Validate()
		if (err == nil) != (test.err == "") || !strings.Contains(errText(err), test.err) {
			t.Errorf("%s: Validate = %v, want %q", test.name, err, test.err)
		}
	}
}

func TestCreationCommands(t *testing.T) {
	c := Creation{
		Alias: "alias/a", Description: "it's ours", MultiRegion: true, Rotate: true, RotationDays: 180,
		Tags: []Tag{{"team", "a b"}, {"x", "1"}},
	}
	want := []string{
		"aws kms create-key --key-spec SYMMETRIC_DEFAULT --key-usage ENCRYPT_DECRYPT" +
			` --policy file://policy.json --description 'it'"'"'s ours' --multi-region` +
			" --tags 'TagKey=team,TagValue=a b' TagKey=x,TagValue=1 --region eu-central-1 --profile 'my prod'",
		"aws kms create-alias --alias-name alias/a --target-key-id KEY_ARN --region eu-central-1 --profile 'my prod'",
		"aws kms enable-key-rotation --key-id KEY_ARN --rotation-period-in-days 180 --region eu-central-1" +
			" --profile 'my prod'",
	}
	if diff := cmp.Diff(want, c.Commands(awsclient.CLI{Region: awstest.Region, Profile: "my prod"})); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyPrincipal(t *testing.T) {
	const iam = "arn:aws:iam::111122223333:"
	for _, test := range []struct{ caller, want string }{
		{iam + "user/dev/ann", iam + "user/dev/ann"},
		{"arn:aws-cn:sts::111122223333:assumed-role/admin/session", "arn:aws-cn:iam::111122223333:role/admin"},
		{iam + "role/path/admin", iam + "role/path/admin"},
		{iam + "root", iam + "root"},
		{"arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789/x@y.z", ""},
		{"arn:aws:sts::111122223333:federated-user/bob", ""},
		{"", ""},
	} {
		got, ok := PolicyPrincipal(test.caller)
		if got != test.want || ok != (test.want != "") {
			t.Errorf("PolicyPrincipal(%q) = %q, %v, want %q", test.caller, got, ok, test.want)
		}
	}
}
