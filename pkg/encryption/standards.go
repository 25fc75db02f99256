package encryption

import (
	"slices"
	"sync"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Want names the kind of protection that a standard requires.
type Want string

// The kinds of protection, as reports show them.
const (
	WantEnvelope    Want = "envelope encryption"
	WantCustomerKey Want = "a customer-managed key"
	WantKeyHygiene  Want = "a healthy key"
)

// Standard is one requirement of a published standard.
type Standard struct {
	// ID is the standard with its version and the requirement, such as PCI DSS 4.0.1 8.3.2.
	ID, Title string
	Want      Want
	// Publication is the name of the standard.
	Publication string
	// OnlyDeletion limits the evidence: the requirement fails only for a key that is
	// scheduled for deletion.
	OnlyDeletion bool
}

// ControlDefinition is one control and the standards that it provides evidence for.
// The evidence is not an attestation.
type ControlDefinition struct {
	ID, Name  string
	Standards []Standard
	// ids are those of all standards, and of those that a key without a deletion date can fail.
	ids, lasting []string
}

// StandardNames returns the ids of the standards.
func (d ControlDefinition) StandardNames() []string { return StandardIDs(d.Standards) }

// StandardIDs returns the ids of the standards.
func StandardIDs(standards []Standard) []string {
	var names []string
	for _, s := range standards {
		names = append(names, s.ID)
	}
	return names
}

// Of returns the requirements of one publication.
func (d ControlDefinition) Of(publication string) []Standard {
	var of []Standard
	for _, s := range d.Standards {
		if s.Publication == publication {
			of = append(of, s)
		}
	}
	return of
}

// Evidence returns the requirements that a result of the control is evidence for or
// against. A key that is unusable, and is not scheduled for deletion, is not evidence
// against a requirement that keys are not deleted.
func (d ControlDefinition) Evidence(result v1alpha1.Result, key *v1alpha1.Key) []Standard {
	if concernsAll(result, key) {
		return slices.Clip(d.Standards)
	}
	return d.withoutDeletion()
}

// EvidenceIDs returns the ids of Evidence. All callers share the list and must not change it.
func (d ControlDefinition) EvidenceIDs(result v1alpha1.Result, key *v1alpha1.Key) []string {
	if concernsAll(result, key) {
		return d.ids
	}
	return d.lasting
}

func concernsAll(result v1alpha1.Result, key *v1alpha1.Key) bool {
	deleted := key != nil && (key.State == "PendingDeletion" || key.State == "PendingReplicaDeletion")
	return result != v1alpha1.ResultFail || deleted
}

func (d ControlDefinition) withoutDeletion() []Standard {
	return slices.DeleteFunc(slices.Clone(d.Standards), func(s Standard) bool { return s.OnlyDeletion })
}

// Definition returns the control with this id, or one without a name if the id is
// unknown.
func Definition(id string) ControlDefinition {
	for _, d := range definitions() {
		if d.ID == id {
			return d
		}
	}
	return ControlDefinition{ID: id}
}

// Definitions returns all controls in order.
func Definitions() []ControlDefinition { return slices.Clone(definitions()) }

// definitions builds the controls once, since the report on each cluster needs them.
var definitions = sync.OnceValue(func() []ControlDefinition {
	all := mapping()
	for i := range all {
		d := &all[i]
		d.ids, d.lasting = slices.Clip(StandardIDs(d.Standards)), slices.Clip(StandardIDs(d.withoutDeletion()))
	}
	return all
})

// mapping follows the text of each standard, not the checks that scanners derive from it.
func mapping() []ControlDefinition {
	return []ControlDefinition{
		define("ENC-1", "Data is envelope-encrypted", WantEnvelope,
			requirement{"fsbp-1.0.0", "EKS.3", "EKS clusters should use encrypted Kubernetes secrets"},
			requirement{"nist-800-53-r5", "SC-28", "Protection of information at rest"},
			requirement{"nist-800-53-r5", "SC-28(1)", "Cryptographic protection"},
			requirement{"nist-800-53-r5", "SC-13", "Cryptographic protection"},
			requirement{"nist-csf-1.1", "PR.DS-1", "Data-at-rest is protected"},
			requirement{"nist-csf-2.0", "PR.DS-01",
				"The confidentiality, integrity, and availability of data-at-rest are protected"},
			requirement{"pci-dss-4.0.1", "8.3.2", "Authentication factors are unreadable in storage"},
			requirement{"hipaa", "164.312(a)(2)(iv)", "Encryption and decryption"},
			requirement{"cis-controls-8.1", "3.11", "Encrypt sensitive data at rest"},
			requirement{"security-hub", "EKS.3", "EKS clusters should use encrypted Kubernetes secrets"}),
		define("ENC-2", "The key is customer-managed", WantCustomerKey,
			requirement{"cis-eks-1.8.0", "5.3.1", "Secrets are encrypted using customer master keys managed in AWS KMS"},
			requirement{"aws-config", "eks-secrets-encrypted",
				"Secrets are encrypted with a key of the cluster's configuration"},
			requirement{"aws-config", "eks-cluster-secrets-encrypted", "The cluster has an encryption configuration"},
			requirement{"control-tower", "CT.EKS.PR.2", "Require secrets encryption with a KMS key"},
			requirement{"nist-800-53-r5", "SC-12", "Cryptographic key establishment and management"},
			requirement{"iso-27001-2022", "A.8.24", "Use of cryptography"}),
		define("ENC-3", "The key is usable", WantKeyHygiene,
			requirement{"fsbp-1.0.0", "KMS.3", "AWS KMS keys should not be deleted unintentionally"},
			requirement{"security-hub", "KMS.3", "AWS KMS keys should not be deleted unintentionally"},
			requirement{"nist-800-53-r5", "SC-12", "Cryptographic key establishment and management"},
			requirement{"nist-800-53-r5", "SC-12(2)", "Symmetric keys"}).onlyDeletion(),
		define("ENC-4", "The key rotates", WantKeyHygiene,
			requirement{"security-hub", "KMS.4", "AWS KMS key rotation should be enabled"},
			requirement{"cis-aws-5.0.0", "3.6", "Rotation for customer-created symmetric keys is enabled"},
			requirement{"nist-800-53-r5", "SC-12", "Cryptographic key establishment and management"},
			requirement{"nist-800-53-r5", "SC-12(2)", "Symmetric keys"},
			requirement{"nist-800-53-r5", "SC-28(3)", "Cryptographic keys"},
			requirement{"pci-dss-4.0.1", "3.7.4", "Keys are changed at the end of their cryptoperiod"}),
		define("ENC-5", "Existing data is encrypted with the current key", ""),
		define("ENC-6", "The key is approved", WantCustomerKey,
			requirement{"aws-config", "eks-secrets-encrypted", "Secrets are encrypted with one of the listed keys"},
			requirement{"aws-config", "eks-cluster-secrets-encrypted",
				"Secrets are encrypted with one of the listed keys"}),
	}
}

// requirement is one requirement of a publication.
type requirement struct{ publication, id, title string }

func define(id, name string, want Want, requirements ...requirement) ControlDefinition {
	d := ControlDefinition{ID: id, Name: name}
	for _, r := range requirements {
		p, _ := ParsePublication(r.publication) // a test checks the names
		d.Standards = append(d.Standards, Standard{
			ID: p.Short + " " + r.id, Title: r.title, Want: want, Publication: p.Name,
		})
	}
	return d
}

// onlyDeletion limits all requirements of the control to keys that are scheduled for deletion.
func (d ControlDefinition) onlyDeletion() ControlDefinition {
	for i := range d.Standards {
		d.Standards[i].OnlyDeletion = true
	}
	return d
}
