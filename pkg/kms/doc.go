// Package kms reads and creates KMS keys for EKS clusters. It resolves a key reference, lists the keys of a region,
// decides which of them a cluster can use, reads key policies, checks whether the caller may create the grant that
// EKS needs, and creates a key with its alias and policy.
//
// The package has no call that disables or deletes a key, or revokes a grant: a cluster would lose its data.
package kms
