// Package association gives an EKS cluster a customer's KMS key. It plans from
// facts, decides, sends at most one AssociateEncryptionConfig, and waits for EKS's
// own word that the cluster has the key.
//
// The change can't be undone: EKS knows no operation that takes a key away or
// replaces it.
package association
