// Package documents renders documents for the user: IAM policies, RBAC and the runbook of
// one cluster. It makes no calls.
package documents
