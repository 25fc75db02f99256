package fakeaws

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
)

// TestControls checks the policies of the organization over the wire.
func TestControls(t *testing.T) {
	deny := Deny("kms:DescribeKey")
	limited := deny
	limited.Condition = map[string]map[string]StringSet{"ArnNotLike": {"aws:PrincipalArn": {admin.ARN}}}
	for name, test := range map[string]struct {
		controls   Controls
		management bool
		want       string
	}{
		"none":                      {},
		"service control":           {controls: Controls{Service: []Statement{deny}}, want: "a service control policy"},
		"resource control":          {controls: Controls{Resource: []Statement{deny}}, want: "a resource control policy"},
		"except for this principal": {controls: Controls{Service: []Statement{limited}, Resource: []Statement{limited}}},
		"in the management account": {controls: Controls{Service: []Statement{deny}}, management: true},
	} {
		s, url := start(t, Options{})
		key := Key{ID: "11111111-0000-0000-0000-000000000001", Region: home, Account: account}
		must(t, s.Update(func(w *State) {
			w.AddKey(key)
			w.Controls = map[string]Controls{account: test.controls}
			w.Organization = []OrganizationAccount{{ID: account, Management: test.management}}
		}))
		_, err := kmsOf(admin, url).DescribeKey(t.Context(), &kms.DescribeKeyInput{KeyId: &key.ID})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error = %v, want %q", name, err, test.want)
		}
	}
}

func TestArnLike(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/a/b"
	for pattern, want := range map[string]bool{
		role: true, "arn:aws:iam::*:role/*": true, "arn:aws:iam::111122223333:role/?/b": true, "arn:*:*:*:*:*": true,
		"*": false, "arn:aws:iam::111122223333:role/b": false, "arn:aws*:role/a/b": false,
	} {
		if got := arnLike(pattern, role); got != want {
			t.Errorf("arnLike(%q) = %t, want %t", pattern, got, want)
		}
	}
}
