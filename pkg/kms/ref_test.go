package kms

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

func TestParseRef(t *testing.T) {
	const aliasARN = "arn:aws:kms:eu-central-1:111122223333:alias/payments"
	for _, test := range []struct {
		text string
		want Ref
		err  string // a substring of the error and its hint
	}{
		{keyARN, Ref{Text: keyARN, Partition: "aws", Region: awstest.Region, Account: awstest.Account}, ""},
		{mrkARN, Ref{Text: mrkARN, Partition: "aws", Region: awstest.Region, Account: awstest.Account}, ""},
		{aliasARN, Ref{
			Text: aliasARN, Partition: "aws", Region: awstest.Region, Account: awstest.Account, Alias: "alias/payments",
		}, ""},
		{"alias/aws/eks", Ref{Text: "alias/aws/eks", Alias: "alias/aws/eks"}, ""},
		{"1234abcd-12ab-34cd-56ef-1234567890ab", Ref{Text: "1234abcd-12ab-34cd-56ef-1234567890ab"}, ""},
		{"mrk-1234abcd12ab34cd56ef1234567890ab", Ref{Text: "mrk-1234abcd12ab34cd56ef1234567890ab"}, ""},
		{"payments", Ref{}, "did you mean alias/payments"},
		{"", Ref{}, "not an ARN, key ID or alias"},
		{"alias/", Ref{}, "not an ARN"},
		{"alias/a b", Ref{}, "not an ARN"},
		{"alias/a\x1b[2J", Ref{}, "not an ARN"},
		{"arn:aws:s3:::bucket", Ref{}, `ARN of "s3"`},
		{"arn:aws:kms", Ref{}, "not an ARN"},
		{"arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", Ref{}, "no region or no account"},
		{"arn:aws:kms:eu-central-1:111122223333:key/x", Ref{}, "ends in"},
		{"arn:aws:kms:eu-central-1:111122223333:key", Ref{}, "ends in"},
	} {
		got, err := ParseRef(test.text)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("ParseRef(%q) (-want +got):\n%s", test.text, diff)
		}
		if text := errText(err); !strings.Contains(text, test.err) || (err == nil) != (test.err == "") {
			t.Errorf("ParseRef(%q): error %q, want one with %q", test.text, text, test.err)
		}
	}
}

// errText returns the error and its hint, as the user sees them.
func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error() + "\n" + hint.Of(err)
}

func FuzzParseRef(f *testing.F) {
	f.Add(keyARN)
	f.Add("alias/x")
	f.Add("arn:aws:kms:::")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRef(text)
		if (err == nil) != (r.Text != "") {
			t.Errorf("ParseRef(%q) = %+v, %v, want either a Ref or an error", text, r, err)
		}
		if err == nil && r.Region == "" && strings.Contains(text, ":") {
			t.Errorf("ParseRef(%q) accepts an ARN without a region", text)
		}
	})
}
