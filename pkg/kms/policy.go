package kms

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// PolicyDocument is an IAM policy or a key policy.
type PolicyDocument struct {
	Version   string      `json:"Version"`
	ID        string      `json:"Id,omitempty"`
	Statement []Statement `json:"Statement"`
}

// Statement is a statement of a PolicyDocument.
type Statement = v1alpha1.PolicyStatement

// Everyone returns the principals of a statement that is for everyone. A resource control policy accepts no others.
func Everyone() v1alpha1.Principals { return v1alpha1.Principals{"*": "*"} }

// String returns the document as indented JSON with a final newline.
func (d PolicyDocument) String() string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		panic(fmt.Sprintf("encode a policy: %v", err)) // strings always encode
	}
	return b.String()
}

// KeyPolicy returns a policy for a cluster's key in the account. The account keeps full control through its IAM
// policies, which prevents a lockout. The principals may associate the key; they are ARNs of users or roles of any
// account.
func KeyPolicy(partition, account string, principals []string) PolicyDocument {
	d := PolicyDocument{Version: "2012-10-17", Statement: []Statement{AccountStatement(partition, account)}}
	for i, p := range principals {
		s := CallerStatement(p)
		if i > 0 {
			s.Sid += fmt.Sprint(i + 1)
		}
		d.Statement = append(d.Statement, s)
	}
	return d
}

// WithClusterRole returns the policy with a statement for the role of a cluster.
func (d PolicyDocument) WithClusterRole(role string) PolicyDocument {
	d.Statement = append(slices.Clone(d.Statement), RoleStatement(role))
	return d
}

// PolicyPrincipal returns the principal that a policy can name for a caller's ARN from STS. ok is false if it is
// unknown: the ARN of a role session contains the role's name, but not its path, and roles of IAM Identity Center
// always have a path.
func PolicyPrincipal(caller string) (principal string, ok bool) {
	a, err := arn.Parse(caller)
	if err != nil {
		return "", false
	}
	kind, _, _ := strings.Cut(a.Resource, "/")
	if a.Service == "iam" && (kind == "user" || kind == "role" || a.Resource == "root") {
		return caller, true
	}
	rest, isSession := strings.CutPrefix(a.Resource, "assumed-role/")
	name, _, _ := strings.Cut(rest, "/")
	if a.Service != "sts" || !isSession || name == "" || strings.HasPrefix(name, "AWSReservedSSO_") {
		return "", false
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", a.Partition, a.AccountID, name), true
}
