package kms

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// AssociateActions returns the actions on the key that the caller of AssociateEncryptionConfig needs (EKS user guide,
// "enable-kms"). The caller is the principal that runs the command, not the cluster's role. A policy must not require
// kms:GrantIsForAWSResource for CreateGrant: EKS doesn't meet it.
func AssociateActions() []string { return []string{createGrant, "kms:DescribeKey"} }

// RoleActions returns the actions on the key that EKS uses, or may use, as the cluster's role. Users report ListGrants,
// every hour in a session with the name health-check-session; the EKS user guide lists DescribeKey for the role. AWS
// does not document whether EKS ever creates its grant as the role instead of the caller. Therefore CreateGrant is in
// the statement, but its absence alone is not a finding.
func RoleActions() []string { return []string{createGrant, "kms:DescribeKey", listGrants} }

const (
	// createGrant is the action that an association needs.
	createGrant = "kms:CreateGrant"
	// listGrants is the action of the hourly health check of EKS.
	listGrants = "kms:ListGrants"
	// putKeyPolicy is the action that decides who administers a key: with it, all others can be added.
	putKeyPolicy = "kms:PutKeyPolicy"
)

// AccountStatement leaves the key to the IAM policies of its account. Without such a statement, the account is locked
// out once the principals that the policy names are deleted.
func AccountStatement(partition, account string) Statement {
	return allowStatement("AccountAdministersByIAM", fmt.Sprintf("arn:%s:iam::%s:root", partition, account), "kms:*")
}

// CallerStatement lets a user or a role associate the key.
func CallerStatement(principal string) Statement {
	return allowStatement("AssociateWithEKS", principal, AssociateActions()...)
}

// RoleStatement allows the cluster's role what EKS does with the key as that role.
func RoleStatement(role string) Statement {
	return allowStatement("EKSClusterRole", role, RoleActions()...)
}

func allowStatement(sid, principal string, actions ...string) Statement {
	return Statement{
		Sid: sid, Effect: "Allow", Principal: map[string]string{"AWS": principal}, Action: actions,
		Resource: []string{"*"},
	}
}

// StatementText returns the statements as JSON without spaces, separated by commas, so that a line of text contains
// them whole.
func StatementText(statements []Statement) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	for _, s := range statements {
		if err := e.Encode(s); err != nil {
			panic(fmt.Sprintf("encode a statement: %v", err)) // strings always encode
		}
	}
	return string(bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte("\n"), []byte(",")))
}
