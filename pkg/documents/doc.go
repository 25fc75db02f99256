// Package documents renders documents that are ready to paste: IAM policies, RBAC,
// the runbook of one cluster. It asks nobody; what goes in are plain facts.
package documents
