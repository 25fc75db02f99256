package iac

import (
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const managedByFlag = "--managed-by"

// ParseManagedBy parses the value of --managed-by: the name of a tool or of a form, such as
// terraform-module. It reports whether the name is known.
func ParseManagedBy(name string) (m v1alpha1.ManagedBy, ok bool) {
	m = v1alpha1.ManagedBy{Confidence: v1alpha1.ConfidenceCertain, Evidence: managedByFlag}
	for _, tool := range Tools() {
		if strings.EqualFold(name, string(tool)) {
			m.Tool = tool
			return m, true
		}
	}
	m.Tool, m.Evidence = v1alpha1.ToolTerraform, managedByFlag+" "+name
	switch {
	case Form(name) == FormTerraformModule:
		m.Evidence = managedByFlag + " " + terraformModules
		return m, true
	case slices.Contains(terraformNames(), strings.ToLower(name)):
		return m, true
	}
	return v1alpha1.ManagedBy{}, false
}

// Tools returns the known tools.
func Tools() []v1alpha1.Tool {
	return []v1alpha1.Tool{
		v1alpha1.ToolTerraform, v1alpha1.ToolCloudFormation, v1alpha1.ToolCDK, v1alpha1.ToolEksctl,
		v1alpha1.ToolCAPA, v1alpha1.ToolPalette, v1alpha1.ToolACK, v1alpha1.ToolCrossplane, v1alpha1.ToolUpjet,
		v1alpha1.ToolPulumi,
	}
}

// FormOf returns the form of the code that the tool reads. It reports whether one is known.
func FormOf(m v1alpha1.ManagedBy) (Form, bool) {
	if !slices.Contains(Tools(), m.Tool) {
		return "", false
	}
	if m.Tool == v1alpha1.ToolTerraform && contains(terraformModules)("", m.Evidence) {
		return FormTerraformModule, true
	}
	return consequences(m.Tool).form, true
}
