package kms

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// PolicyDocument is an IAM policy or a key policy.
type PolicyDocument struct {
	Version   string      `json:"Version"`
	ID        string      `json:"Id,omitempty"`
	Statement []Statement `json:"Statement"`
}

// Statement is a statement of a PolicyDocument.
type Statement struct {
	Sid       string                         `json:"Sid,omitempty"`
	Effect    string                         `json:"Effect"`
	Principal Principals                     `json:"Principal,omitempty"`
	Action    []string                       `json:"Action"`
	Resource  []string                       `json:"Resource"`
	Condition map[string]map[string][]string `json:"Condition,omitempty"`
}

// Principals are the principals of a statement by kind, "AWS" or "Service".
type Principals map[string]string

// Everyone returns the principals of a statement that is for everyone. A resource control policy accepts no others.
func Everyone() Principals { return Principals{"*": "*"} }

// MarshalJSON returns the form of IAM: "*" for everyone, otherwise an object.
func (p Principals) MarshalJSON() ([]byte, error) {
	if p["*"] != "" {
		return []byte(`"*"`), nil
	}
	return json.Marshal(map[string]string(p))
}

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

// AssociateActions returns the actions on the key that the caller of AssociateEncryptionConfig needs (EKS user guide,
// "enable-kms"). The caller is the principal that runs the command, not the cluster's role. A policy must not require
// kms:GrantIsForAWSResource for CreateGrant: EKS doesn't meet it.
func AssociateActions() []string { return []string{"kms:CreateGrant", "kms:DescribeKey"} }

// KeyPolicy returns a policy for a cluster's key in the account. The account keeps full control through its IAM
// policies, which prevents a lockout. The principals may associate the key; they are ARNs of users or roles of any
// account.
func KeyPolicy(partition, account string, principals []string) PolicyDocument {
	d := PolicyDocument{Version: "2012-10-17", Statement: []Statement{{
		Sid: "AccountAdministersByIAM", Effect: "Allow",
		Principal: map[string]string{"AWS": fmt.Sprintf("arn:%s:iam::%s:root", partition, account)},
		Action:    []string{"kms:*"}, Resource: []string{"*"},
	}}}
	for i, p := range principals {
		sid := "AssociateWithEKS"
		if i > 0 {
			sid += fmt.Sprint(i + 1)
		}
		d.Statement = append(d.Statement, Statement{
			Sid: sid, Effect: "Allow", Principal: map[string]string{"AWS": p},
			Action: AssociateActions(), Resource: []string{"*"},
		})
	}
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
