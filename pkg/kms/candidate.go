package kms

import (
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Candidate is a key with the facts that decide whether a cluster can take it.
type Candidate struct {
	v1alpha1.Key
	// MultiRegionRole is PRIMARY or REPLICA, for a multi-Region key.
	MultiRegionRole string
	// PrimaryARN is the primary of a replica.
	PrimaryARN string
	// KeyStore is the id of the custom key store that holds the key, if one does.
	KeyStore string
	// Undescribed says why KMS told nothing but the ARN; empty as a rule.
	Undescribed string
}

// palettePrefix is the alias prefix on which the policies of Cluster API Provider
// AWS, and with them Palette's, condition DescribeKey and CreateGrant
// (kms:ResourceAliases; docs/book/src/topics/eks/encryption.md of that project).
const palettePrefix = "alias/cluster-api-provider-aws-"

// PaletteUsable says whether Palette's and CAPA's own policies reach the key.
func (c Candidate) PaletteUsable() bool {
	for _, alias := range c.Aliases {
		if strings.HasPrefix(alias, palettePrefix) {
			return true
		}
	}
	return false
}

// Judge decides whether a cluster there can take the key: reasons are all that
// forbid it, warnings what should be known. It asks for what the user guide asks:
// symmetric, encrypt and decrypt, same region, usable now; and for a customer's
// key, since those of AWS forbid the grant.
func Judge(c Candidate, where Place) (reasons, warnings []string) {
	if c.Undescribed != "" {
		return []string{"can't be told: " + c.Undescribed}, nil
	}
	if r, err := ParseRef(c.ARN); err == nil {
		if why := r.Misplaced(where); why != "" {
			reasons = append(reasons, why)
		}
	}
	for _, why := range []string{managerReason(c), kindReason(c), stateReason(c)} {
		if why != "" {
			reasons = append(reasons, why)
		}
	}
	return reasons, cautions(c, where)
}

func managerReason(c Candidate) string {
	if c.Manager == "CUSTOMER" {
		return ""
	}
	return fmt.Sprintf("it is managed by %s: its policy forbids the grant that EKS needs", orUnknown(c.Manager))
}

// kindReason looks at both spec and usage: HMAC keys are symmetric as well, and
// RSA keys may encrypt and decrypt.
func kindReason(c Candidate) string {
	switch {
	case strings.HasPrefix(c.Spec, "HMAC_"):
		return fmt.Sprintf("it is an HMAC key (%s, %s): it can't encrypt", c.Spec, c.Usage)
	case c.Spec != "SYMMETRIC_DEFAULT":
		return fmt.Sprintf("it is asymmetric (%s, %s): EKS takes symmetric keys only", orUnknown(c.Spec), orUnknown(c.Usage))
	case c.Usage != "ENCRYPT_DECRYPT":
		return fmt.Sprintf("its usage is %s: EKS needs ENCRYPT_DECRYPT", orUnknown(c.Usage))
	}
	return ""
}

// stateReason knows the states of types.KeyState; all but Enabled forbid.
func stateReason(c Candidate) string {
	switch c.State {
	case "Enabled":
		return ""
	case "Disabled":
		return "it is disabled"
	case "PendingDeletion":
		if c.DeletionDate != nil {
			return "it is pending deletion: KMS deletes it on " + day(c.DeletionDate.Time)
		}
		return "it is pending deletion"
	case "PendingReplicaDeletion":
		return "it is pending deletion: KMS deletes it once its replicas are gone"
	case "PendingImport":
		return "it has no key material: the import is pending"
	case "Unavailable":
		return "it is unavailable: its custom key store can't be reached"
	case "Creating", "Updating":
		return fmt.Sprintf("KMS is still at work on it (%s)", c.State)
	}
	return fmt.Sprintf("its state is %s, not Enabled", orUnknown(c.State))
}

func cautions(c Candidate, where Place) []string {
	var w []string
	if c.ValidTo != nil {
		w = append(w, fmt.Sprintf("its imported material expires on %s: from then on the cluster can't use it", day(c.ValidTo.Time)))
	} else if c.Origin == "EXTERNAL" {
		w = append(w, "its material was imported: only you can restore it, and KMS can't rotate it by itself")
	}
	switch c.Origin {
	case "EXTERNAL_KEY_STORE", "AWS_CLOUDHSM":
		w = append(w, fmt.Sprintf("it is in a custom key store (%s): an outage of that store is one of the cluster's, too, and EKS doesn't document this kind", strings.TrimSpace(c.Origin+" "+c.KeyStore)))
	}
	switch c.MultiRegionRole {
	case "REPLICA":
		w = append(w, "it is a replica of a multi-Region key: rotation is set on the primary "+orUnknown(c.PrimaryARN))
	case "PRIMARY":
		w = append(w, "it is the primary of a multi-Region key: whoever may use a replica can read what it encrypted")
	}
	if where.Account != "" && c.Account != "" && c.Account != where.Account {
		w = append(w, fmt.Sprintf("it belongs to account %s: that account can end the cluster, and both accounts must allow its use", c.Account))
	}
	return w
}

// Item is the candidate as a line of a KeyList.
func (c Candidate) Item(where Place) v1alpha1.KeyListItem {
	reasons, warnings := Judge(c, where)
	return v1alpha1.KeyListItem{
		ARN: c.ARN, Aliases: c.Aliases, Eligible: len(reasons) == 0, Reasons: reasons, Warnings: warnings,
		State: c.State, Spec: c.Spec, Usage: c.Usage, Manager: c.Manager, Origin: c.Origin,
		MultiRegion: c.MultiRegion, PaletteUsable: c.PaletteUsable(), Rotation: c.Rotation,
	}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}
