package encryption

import (
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// KeyRank grades how bad the state of a key is for its cluster.
type KeyRank int

// The ranks, the best first. A disabled key can be enabled, and key material imported again. Only AWS Support can
// replace a revoked grant. A deletion can be canceled until it has happened.
const (
	KeyHealthy KeyRank = iota
	KeyDisabled
	KeyGrantRevoked
	KeyPendingDeletion
	KeyDeleted
)

// RankKey returns the worst of what KMS and EKS report about the key of the cluster, and a word for it. known is false
// if neither reports anything. A cluster without a customer key ranks as healthy.
func RankKey(r *v1alpha1.EncryptionReport) (rank KeyRank, word string, known bool) {
	k := r.Key
	if k == nil {
		return KeyHealthy, "no customer key", r.Encryption.KeyARN == ""
	}
	word = k.State
	switch k.State {
	case "Enabled", "Updating":
		rank, known = KeyHealthy, true
	case "PendingDeletion", "PendingReplicaDeletion":
		rank, known = KeyPendingDeletion, true
	case "":
		known = false
	default:
		rank, known = KeyDisabled, true
	}
	reported := false
	for i := range r.Health.Issues {
		issue, _, found := KeyIssue(r.Health.Issues[i:i+1], r.Encryption.KeyARN)
		if !found {
			continue
		}
		reported = true
		if of := issueRank(issue.Code); of > rank || !known {
			rank, word, known = of, strings.TrimPrefix(k.State+", "+issue.Code, ", "), true
		}
	}
	if !known && !reported && k.Usable == v1alpha1.UsableNo { // KMS does not know the key
		return KeyDeleted, "deleted", true
	}
	return rank, word, known
}

// issueRank returns the rank of a health code that concerns a key.
func issueRank(code string) KeyRank {
	switch normalized(code) {
	case "kmskeynotfound":
		return KeyDeleted
	case "kmskeymarkedfordeletion":
		return KeyPendingDeletion
	case "kmsgrantrevoked":
		return KeyGrantRevoked
	}
	return KeyDisabled
}
