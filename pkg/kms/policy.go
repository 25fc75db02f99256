package kms

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// PolicyDocument is an IAM or key policy as AWS writes them.
type PolicyDocument struct {
	Version   string      `json:"Version"`
	ID        string      `json:"Id,omitempty"`
	Statement []Statement `json:"Statement"`
}

// Statement is one statement of a PolicyDocument.
type Statement struct {
	Sid       string                         `json:"Sid,omitempty"`
	Effect    string                         `json:"Effect"`
	Principal map[string]string              `json:"Principal,omitempty"`
	Action    []string                       `json:"Action"`
	Resource  []string                       `json:"Resource"`
	Condition map[string]map[string][]string `json:"Condition,omitempty"`
}

// String is the document as indented JSON, with a final newline.
func (d PolicyDocument) String() string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(d); err != nil {
		panic(fmt.Sprintf("encoding a policy: %v", err)) // strings alone can't fail
	}
	return b.String()
}

// AssociateActions are what the caller of AssociateEncryptionConfig needs on the
// key (EKS user guide, "enable-kms"): the principal that runs the command, not the
// role of the cluster. A policy must not make CreateGrant depend on
// kms:GrantIsForAWSResource, which EKS doesn't meet.
func AssociateActions() []string { return []string{"kms:CreateGrant", "kms:DescribeKey"} }

// KeyPolicy renders a key policy for a cluster's key in the account: the account
// keeps full control by its IAM policies, which is the statement that prevents a
// lockout, and the principals may associate the key. They may be users or roles,
// of other accounts, too.
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

// PolicyPrincipal turns the caller's ARN, as STS tells it, into the principal that
// a policy can name; ok is false where it can't be known. The session of a role
// tells the role's name but not its path, and the roles of IAM Identity Center
// always have one.
func PolicyPrincipal(caller string) (principal string, ok bool) {
	a, err := arn.Parse(caller)
	if err != nil {
		return "", false
	}
	if a.Service == "iam" && (strings.HasPrefix(a.Resource, "user/") || strings.HasPrefix(a.Resource, "role/") || a.Resource == "root") {
		return caller, true
	}
	rest, isSession := strings.CutPrefix(a.Resource, "assumed-role/")
	name, _, _ := strings.Cut(rest, "/")
	if a.Service != "sts" || !isSession || name == "" || strings.HasPrefix(name, "AWSReservedSSO_") {
		return "", false
	}
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", a.Partition, a.AccountID, name), true
}
