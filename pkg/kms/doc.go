// Package kms knows KMS keys as candidates for an EKS cluster: which ones there
// are, which the cluster can take and why not the others, whether the caller may
// grant their use, and how to make a new one.
//
// The package reads and creates. It has no way to disable, delete or revoke
// anything: that would cost a cluster its data.
package kms
