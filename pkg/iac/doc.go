// Package iac knows who manages a cluster besides EKS, and what that tool does
// when a key is associated behind its back. The association can't be undone, so
// the only cure is to change the tool's own description of the cluster: the
// package writes that change, ready to paste.
package iac
