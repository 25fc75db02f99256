package encryption

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
	ID, Title string
	Want      Want
}

// ControlDefinition is one control and the standards that it provides evidence for.
// The evidence is not an attestation.
type ControlDefinition struct {
	ID, Name  string
	Standards []Standard
}

// StandardNames returns the ids of the standards.
func (d ControlDefinition) StandardNames() []string {
	var names []string
	for _, s := range d.Standards {
		names = append(names, s.ID)
	}
	return names
}

// Definition returns the control with this id, or one without a name if the id is
// unknown.
func Definition(id string) ControlDefinition {
	for _, d := range Definitions() {
		if d.ID == id {
			return d
		}
	}
	return ControlDefinition{ID: id}
}

// Definitions returns all controls in order. The mapping follows the text of each
// standard, not the checks that scanners derive from it.
func Definitions() []ControlDefinition {
	return []ControlDefinition{
		{"ENC-1", "Data is envelope-encrypted", []Standard{
			{"FSBP EKS.3", "EKS clusters should use encrypted Kubernetes secrets", WantEnvelope},
			{"NIST 800-53 r5 SC-28", "Protection of information at rest", WantEnvelope},
			{"NIST 800-53 r5 SC-28(1)", "Cryptographic protection", WantEnvelope},
			{"NIST 800-53 r5 SC-13", "Cryptographic protection", WantEnvelope},
			{"NIST CSF 1.1 PR.DS-1", "Data-at-rest is protected", WantEnvelope},
			{"PCI DSS 4.0 8.3.2", "Authentication factors are unreadable in storage", WantEnvelope},
			{"HIPAA 164.312(a)(2)(iv)", "Encryption and decryption", WantEnvelope},
			{"CIS Controls 8.1 3.11", "Encrypt sensitive data at rest", WantEnvelope},
		}},
		{"ENC-2", "The key is customer-managed", []Standard{
			{"CIS EKS 5.3.1", "Secrets are encrypted using customer master keys managed in AWS KMS", WantCustomerKey},
			{"AWS Config eks-secrets-encrypted",
				"Secrets are encrypted with a key of the cluster's configuration", WantCustomerKey},
			{"CT.EKS.PR.2", "Require secrets encryption with a KMS key", WantCustomerKey},
			{"NIST 800-53 r5 SC-12", "Cryptographic key establishment and management", WantCustomerKey},
			{"ISO 27001:2022 A.8.24", "Use of cryptography", WantCustomerKey},
		}},
		{"ENC-3", "The key is usable", []Standard{
			{"Security Hub KMS.3", "KMS keys should not be deleted unintentionally", WantKeyHygiene},
		}},
		{"ENC-4", "The key rotates", []Standard{
			{"Security Hub KMS.4", "KMS key rotation should be enabled", WantKeyHygiene},
		}},
		{"ENC-5", "Existing data is encrypted with the current key", nil},
		{"ENC-6", "The key is approved", []Standard{
			{"AWS Config eks-cluster-secrets-encrypted",
				"Secrets are encrypted with one of the listed keys", WantCustomerKey},
		}},
	}
}
