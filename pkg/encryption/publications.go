package encryption

import (
	"fmt"
	"strings"
)

// Publication is a published standard in one version.
type Publication struct {
	// Name is what users pass, such as pci-dss-4.0.1.
	Name string
	// Short begins the ids of its requirements, such as PCI DSS 4.0.1.
	Short string
	Title string
}

// Publications returns the standards that the controls give evidence for, sorted by name.
func Publications() []Publication {
	return []Publication{
		{"aws-config", "AWS Config", "AWS Config managed rules"},
		{"cis-aws-5.0.0", "CIS AWS Foundations 5.0.0", "CIS Amazon Web Services Foundations Benchmark 5.0.0"},
		{"cis-controls-8.1", "CIS Controls 8.1", "CIS Critical Security Controls 8.1"},
		{"cis-eks-1.8.0", "CIS EKS 1.8.0",
			"CIS Amazon Elastic Kubernetes Service (EKS) Benchmark 1.8.0"},
		{"control-tower", "Control Tower", "AWS Control Tower proactive controls"},
		{"fsbp-1.0.0", "FSBP 1.0.0", "AWS Foundational Security Best Practices 1.0.0"},
		{"hipaa", "HIPAA", "HIPAA Security Rule, 45 CFR Part 164 Subpart C"},
		{"iso-27001-2022", "ISO 27001:2022", "ISO/IEC 27001:2022, Annex A"},
		{"nist-800-53-r5", "NIST 800-53 r5", "NIST Special Publication 800-53 Revision 5"},
		{"nist-csf-1.1", "NIST CSF 1.1", "NIST Cybersecurity Framework 1.1"},
		{"nist-csf-2.0", "NIST CSF 2.0", "NIST Cybersecurity Framework 2.0"},
		{"pci-dss-4.0.1", "PCI DSS 4.0.1", "Payment Card Industry Data Security Standard 4.0.1"},
		{"security-hub", "Security Hub", "AWS Security Hub controls"},
	}
}

// PublicationNames returns the names of the standards.
func PublicationNames() []string {
	var names []string
	for _, p := range Publications() {
		names = append(names, p.Name)
	}
	return names
}

// ParsePublication returns the standard with this name, ignoring case.
func ParsePublication(name string) (Publication, error) {
	for _, p := range Publications() {
		if strings.EqualFold(p.Name, strings.TrimSpace(name)) {
			return p, nil
		}
	}
	return Publication{}, fmt.Errorf("unknown standard %q: must be one of %s", name,
		strings.Join(PublicationNames(), ", "))
}
