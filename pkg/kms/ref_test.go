package kms

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRef(t *testing.T) {
	const aliasARN = "arn:aws:kms:eu-central-1:111122223333:alias/payments"
	for _, test := range []struct {
		text string
		want Ref
		err  string // a part of the error and its hint
	}{
		{keyARN, Ref{Text: keyARN, Partition: "aws", Region: home, Account: account}, ""},
		{mrkARN, Ref{Text: mrkARN, Partition: "aws", Region: home, Account: account}, ""},
		{aliasARN, Ref{Text: aliasARN, Partition: "aws", Region: home, Account: account, Alias: "alias/payments"}, ""},
		{"alias/aws/eks", Ref{Text: "alias/aws/eks", Alias: "alias/aws/eks"}, ""},
		{"1234abcd-12ab-34cd-56ef-1234567890ab", Ref{Text: "1234abcd-12ab-34cd-56ef-1234567890ab"}, ""},
		{"mrk-1234abcd12ab34cd56ef1234567890ab", Ref{Text: "mrk-1234abcd12ab34cd56ef1234567890ab"}, ""},
		{"payments", Ref{}, "did you mean alias/payments"},
		{"", Ref{}, "no ARN, key id or alias"},
		{"alias/", Ref{}, "no ARN"},
		{"alias/a b", Ref{}, "no ARN"},
		{"alias/a\x1b[2J", Ref{}, "no ARN"},
		{"arn:aws:s3:::bucket", Ref{}, `ARN of "s3"`},
		{"arn:aws:kms", Ref{}, "no ARN"},
		{"arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", Ref{}, "lacks its region"},
		{"arn:aws:kms:eu-central-1:111122223333:key/x", Ref{}, "ends in"},
		{"arn:aws:kms:eu-central-1:111122223333:key", Ref{}, "ends in"},
	} {
		got, err := ParseRef(test.text)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
		if text := errText(err); !strings.Contains(text, test.err) || (err == nil) != (test.err == "") {
			t.Errorf("%q: error %q, want a part %q", test.text, text, test.err)
		}
	}
}

// errText is what people see: the error and its hint.
func errText(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	if h, ok := err.(interface{ Hint() string }); ok {
		text += "\n" + h.Hint()
	}
	return text
}

func FuzzParseRef(f *testing.F) {
	f.Add(keyARN)
	f.Add("alias/x")
	f.Add("arn:aws:kms:::")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRef(text)
		if (err == nil) != (r.Text != "") {
			t.Errorf("%q: %+v with error %v", text, r, err)
		}
		if err == nil && r.Region == "" && strings.Contains(text, ":") {
			t.Errorf("%q passed as an ARN without region", text)
		}
	})
}
