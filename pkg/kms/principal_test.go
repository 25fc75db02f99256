package kms

import (
	"context"
	"errors"
	"strings"
	"testing"
)

type roles map[string]string

func (r roles) RoleARN(_ context.Context, name string) (string, error) {
	if r[name] == "" {
		return "", errors.New("access denied: iam:GetRole")
	}
	return r[name], nil
}

func TestPrincipal(t *testing.T) {
	const (
		iam = "arn:aws:iam::111122223333:"
		sts = "arn:aws:sts::111122223333:assumed-role/"
		sso = "AWSReservedSSO_admin_0123456789abcdef"
	)
	known := roles{
		"deployer": iam + "role/ci/deployer",
		sso:        iam + "role/aws-reserved/sso.amazonaws.com/eu-central-1/" + sso,
	}
	for _, test := range []struct {
		name, caller          string
		roles                 roles
		want, note, err, hint string
	}{
		{"a user", iam + "user/dev/ann", nil, iam + "user/dev/ann", "", "", ""},
		{"a role", iam + "role/x/y", nil, iam + "role/x/y", "", "", ""},
		{"a session with a path", sts + "deployer/s", known, iam + "role/ci/deployer", "", "", ""},
		{"a session without iam:GetRole", sts + "deployer/s", nil, iam + "role/deployer",
			"aws iam get-role --role-name deployer --query Role.Arn --output text", "", ""},
		{"a session of Identity Center", sts + sso + "/ann@example.com", known, known[sso], "", "", ""},
		{"Identity Center without iam:GetRole", sts + sso + "/ann@example.com", nil, "", "", "which has a path",
			"aws iam get-role --role-name " + sso + " --query Role.Arn --output text"},
		{"a federated user", "arn:aws:sts::111122223333:federated-user/bob", nil, "", "", "could not determine",
			"--principal"},
		{"nonsense", "x", nil, "", "", "could not determine", "--principal"},
	} {
		got, note, err := Principal(context.Background(), test.roles, test.caller)
		if got != test.want || !strings.Contains(note, test.note) || (note == "") != (test.note == "") {
			t.Errorf("%s: Principal = %q, note %q, want %q", test.name, got, note, test.want)
		}
		if (err == nil) != (test.err == "") || !strings.Contains(errText(err), test.err) ||
			!strings.Contains(errText(err), test.hint) {
			t.Errorf("%s: error = %q, want %q with the hint %q", test.name, errText(err), test.err, test.hint)
		}
	}
}

func TestCheckPrincipal(t *testing.T) {
	for text, valid := range map[string]bool{
		"arn:aws:iam::111122223333:root":                           true,
		"arn:aws:iam::111122223333:user/dev/ann@example.com":       true,
		"arn:aws-us-gov:iam::111122223333:role/aws-reserved/sso/x": true,
		"arn:aws:sts::111122223333:assumed-role/x/session":         true,
		"arn:aws:iam::111122223333:user/a+b=c,d.e_f-g":             true,
		"arn:aws:sts::111122223333:federated-user/bob":             true,
		"arn:aws:iam::111122223333:user/${aws:username}":           false,
		"arn:aws:iam::111122223333:role/a$b":                       false,
		"arn:aws:iam::111122223333:role/a\\b":                      false,
		"arn:aws:iam::111122223333:role/a'b":                       false,
		"arn:aws:iam::111122223333:role/a/":                        false,
		"arn:aws:iam::111122223333:role/ü":                         false,
		"arn:aws:iam::111122223333:role/a\n":                       false,
		"arn:aws:iam::111122223333:assumed-role/x/session":         false,
		"arn:aws:sts::111122223333:role/x":                         false,
		"arn:aws:sts::111122223333:root":                           false,
		"arn:aws:sts::111122223333:assumed-role/x":                 false,
		"arn:aws:sts::111122223333:assumed-role/x/y/z":             false,
		"arn:aws:iam::${aws:PrincipalAccount}:root":                false,
		"eks.amazonaws.com":                                        false,
		"111122223333":                                             false,
		"*":                                                        false,
		"arn:aws:iam::*:root":                                      false,
		"arn:aws:iam::111122223333:role/*":                         false,
		"arn:aws:iam::111122223333:role/":                          false,
		"arn:aws:iam::111122223333:role/a b":                       false,
		"arn:aws:iam::111122223333:role/a\"b":                      false,
		"arn:aws:iam::111122223333:role/a\x1bb":                    false,
		"arn:aws:iam::111122223333:policy/x":                       false,
		"arn:aws:eks:eu-west-1:111122223333:x":                     false,
		"":                                                         false,
	} {
		if err := CheckPrincipal(text); (err == nil) != valid {
			t.Errorf("CheckPrincipal(%q) = %v, want valid: %v", text, err, valid)
		}
	}
}
