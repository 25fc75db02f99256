package kms

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Candidate is a key with the facts that decide whether a cluster can use it.
type Candidate struct {
	v1alpha1.Key
	// MultiRegionRole is PRIMARY or REPLICA for a multi-Region key.
	MultiRegionRole string
	// Tags are nil if they were not read.
	Tags map[string]string
	// KeyStore is the ID of the custom key store that contains the key, or "".
	KeyStore string
	// DescribeErr is the error of DescribeKey. If it is set, only ARN and Aliases are known.
	DescribeErr error
}

// capaAliasPrefix is the alias prefix that the policies of Cluster API Provider AWS, and so those of Palette, require
// for DescribeKey and CreateGrant (kms:ResourceAliases; docs/book/src/topics/eks/encryption.md of that project).
const capaAliasPrefix = "alias/cluster-api-provider-aws-"

// PaletteUsable reports whether the policies of Palette and Cluster API Provider AWS allow the key.
func (c Candidate) PaletteUsable() bool {
	for _, alias := range c.Aliases {
		if strings.HasPrefix(alias, capaAliasPrefix) {
			return true
		}
	}
	return false
}

// Judge decides whether a cluster can use the key. reasons lists all that forbid it, warnings what the user must know.
// The rules are those of the EKS user guide: a symmetric key for encryption and decryption, in the cluster's region,
// and enabled. The key must also be a customer's, since the policies of AWS-managed keys forbid the grant.
func Judge(c Candidate, cluster Place) (reasons, warnings []string) {
	if c.DescribeErr != nil {
		return []string{"it could not be described: " + c.DescribeErr.Error()}, nil
	}
	if r, err := ParseRef(c.ARN); err == nil {
		if err := r.RegionError(cluster); err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	for _, reason := range []string{managerReason(c), kindReason(c), stateReason(c)} {
		if reason != "" {
			reasons = append(reasons, reason)
		}
	}
	return reasons, keyWarnings(c, cluster)
}

func managerReason(c Candidate) string {
	if c.Manager == "CUSTOMER" {
		return ""
	}
	return fmt.Sprintf("it is managed by %s: its policy forbids the grant that EKS needs", cmp.Or(c.Manager, "unknown"))
}

// kindReason checks both spec and usage: HMAC keys are symmetric, and RSA keys may encrypt and decrypt.
func kindReason(c Candidate) string {
	switch {
	case strings.HasPrefix(c.Spec, "HMAC_"):
		return fmt.Sprintf("it is an HMAC key (%s, %s): it can't encrypt", c.Spec, c.Usage)
	case c.Spec != "SYMMETRIC_DEFAULT" && isAsymmetric(c.Spec):
		return fmt.Sprintf("it is asymmetric (%s, %s): EKS supports only symmetric keys", c.Spec,
			cmp.Or(c.Usage, "unknown"))
	case c.Spec != "SYMMETRIC_DEFAULT":
		return fmt.Sprintf("its kind is %s, %s: EKS supports only SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT",
			cmp.Or(c.Spec, "unknown"), cmp.Or(c.Usage, "unknown"))
	case c.Usage != "ENCRYPT_DECRYPT":
		return fmt.Sprintf("its usage is %s: EKS needs ENCRYPT_DECRYPT", cmp.Or(c.Usage, "unknown"))
	}
	return ""
}

// isAsymmetric reports whether a key spec is one of the asymmetric ones. KMS adds specs from time to time, so that an
// unknown one is of an unknown kind.
func isAsymmetric(spec string) bool {
	return spec == "SM2" || slices.ContainsFunc([]string{"RSA_", "ECC_", "ML_DSA_", "ML_KEM_"},
		func(family string) bool { return strings.HasPrefix(spec, family) })
}

// stateReason returns a reason for every key state in which KMS does not use the key.
func stateReason(c Candidate) string {
	switch c.State {
	case "Enabled", "Updating": // usable while KMS moves the primary of a multi-Region key
		return ""
	case "Disabled":
		return "it is disabled"
	case "PendingDeletion":
		if c.DeletionDate != nil {
			return "it is pending deletion: KMS deletes it on " + date(c.DeletionDate.Time)
		}
		return "it is pending deletion"
	case "PendingReplicaDeletion":
		return "it is pending deletion: KMS deletes it once its replicas are gone"
	case "PendingImport":
		return "it has no key material: the import is pending"
	case "Unavailable":
		return "it is unavailable: its custom key store can't be reached"
	case "Creating":
		return "KMS has not finished creating it (Creating)"
	}
	return fmt.Sprintf("its state is %s, not Enabled", cmp.Or(c.State, "unknown"))
}

func keyWarnings(c Candidate, cluster Place) []string {
	var w []string
	if c.ValidTo != nil {
		w = append(w, fmt.Sprintf("its imported material expires on %s: the cluster can't use it after that",
			date(c.ValidTo.Time)))
	} else if c.Origin == "EXTERNAL" {
		w = append(w, "its material was imported: only you can restore it, and KMS can't rotate it automatically")
	}
	switch c.Origin {
	case "EXTERNAL_KEY_STORE", "AWS_CLOUDHSM":
		w = append(w, fmt.Sprintf("it is in a custom key store (%s): an outage of that store also affects the cluster,"+
			" and EKS doesn't document this kind of key", strings.TrimSpace(c.Origin+" "+c.KeyStore)))
	}
	if c.State == "Updating" {
		w = append(w, "KMS is moving the primary of this multi-Region key to another region (Updating); it stays usable")
	}
	switch c.MultiRegionRole {
	case "REPLICA":
		primary := cmp.Or(c.Primary, "unknown")
		w = append(w, "it is a replica of a multi-Region key: rotation is set on the primary "+primary)
	case "PRIMARY":
		w = append(w, "it is the primary of a multi-Region key: users of a replica can decrypt what it encrypted")
	}
	if cluster.Account != "" && c.Account != "" && c.Account != cluster.Account {
		w = append(w, fmt.Sprintf("it belongs to account %s: that account can make the cluster unusable,"+
			" and both accounts must allow its use", c.Account))
	}
	return w
}

// Item returns the candidate as an item of a KeyList.
func (c Candidate) Item(cluster Place) v1alpha1.KeyListItem {
	reasons, warnings := Judge(c, cluster)
	return v1alpha1.KeyListItem{
		ARN: c.ARN, Aliases: c.Aliases, Eligible: len(reasons) == 0, Reasons: reasons, Warnings: warnings,
		State: c.State, Spec: c.Spec, Usage: c.Usage, Manager: c.Manager, Origin: c.Origin,
		MultiRegion: c.MultiRegion, PaletteUsable: c.PaletteUsable(), Palette: c.palette(len(reasons) == 0),
		Rotation: c.Rotation, KeyDetails: c.KeyDetails, Account: c.Account, Tags: c.Tags,
	}
}

func (c Candidate) palette(eligible bool) v1alpha1.Palette {
	switch {
	case !eligible:
		return v1alpha1.PaletteNo
	case c.PaletteUsable():
		return v1alpha1.PaletteYes
	}
	return v1alpha1.PaletteWithStatement
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }
