package cmdutil

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// TestExplain checks that an error names the account of the cluster only if a flag or the kubeconfig names it.
func TestExplain(t *testing.T) {
	const cluster, role = "the cluster is in account", "the role that kubectl uses is in account"
	for _, test := range []struct {
		name, claim, role string
		kind              awsclient.Kind
		want              string // "" means that the error stays as it is
	}{
		{"the kubeconfig names the account", "222222222222", "", awsclient.KindNotFound, cluster + " 222222222222"},
		{"a role of another account", "", "222222222222", awsclient.KindNotFound, role + " 222222222222"},
		{"both", "222222222222", "333333333333", awsclient.KindAccessDenied, cluster + " 222222222222"},
		{"a role of the caller's account", "", "111111111111", awsclient.KindNotFound, ""},
		{"the account of the caller", "111111111111", "", awsclient.KindNotFound, ""},
		{"another error", "222222222222", "", awsclient.KindThrottled, ""},
	} {
		target := binding.Target{Name: "prod", Claims: []binding.Claim{{Account: test.claim}}}
		if test.role != "" {
			target.Credentials.ExecRoleARN = "arn:aws:iam::" + test.role + ":role/dev"
		}
		err := Explain(binding.New(target, nil, nil),
			&v1alpha1.Caller{ARN: "arn:aws:iam::111111111111:user/ann", Account: "111111111111"},
			&awsclient.Error{Kind: test.kind})
		got := strings.Contains(err.Error(), " is in account")
		if got != (test.want != "") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error = %v, want %q in it", test.name, err, test.want)
		}
	}
}

// TestMismatchRemedy checks that the command that writes the context again names region and profile.
func TestMismatchRemedy(t *testing.T) {
	target := binding.Target{Name: "prod", Region: "eu-central-1", Credentials: binding.Credentials{Profile: "my prod"}}
	const want = "aws eks update-kubeconfig --name prod --region eu-central-1 --profile 'my prod'"
	if got := MismatchRemedy(binding.New(target, nil, nil), nil); !strings.Contains(got, want) {
		t.Errorf("remedy = %q, want %q in it", got, want)
	}
}
