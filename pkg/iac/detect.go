package iac

import (
	"maps"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// trace is a tag that a tool sets on its clusters.
type trace struct {
	tool       v1alpha1.Tool
	confidence v1alpha1.Confidence
	matches    func(key, value string) bool
}

func prefix(p string) func(string, string) bool {
	return func(key, _ string) bool { return strings.HasPrefix(key, p) }
}

// traces returns the known tags. The tool closest to the user comes first: Palette uses CAPA,
// eksctl and CDK use CloudFormation. Tags that people write by hand are only probable.
func traces() []trace {
	return []trace{
		{v1alpha1.ToolPalette, v1alpha1.ConfidenceCertain, prefix("spectro__")},
		{v1alpha1.ToolCAPA, v1alpha1.ConfidenceCertain, prefix("sigs.k8s.io/cluster-api-provider-aws/")},
		{v1alpha1.ToolACK, v1alpha1.ConfidenceCertain, prefix("services.k8s.aws/")},
		{v1alpha1.ToolCrossplane, v1alpha1.ConfidenceCertain, prefix("crossplane-")},
		{v1alpha1.ToolEksctl, v1alpha1.ConfidenceCertain, prefix("alpha.eksctl.io/")},
		{v1alpha1.ToolEksctl, v1alpha1.ConfidenceCertain, prefix("eksctl.cluster.k8s.io/")},
		{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, prefix("aws:cdk:")},
		{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, prefix("aws-cdk:")},
		{v1alpha1.ToolCloudFormation, v1alpha1.ConfidenceCertain, prefix("aws:cloudformation:")},
		{v1alpha1.ToolPulumi, v1alpha1.ConfidenceProbable, prefix("pulumi:")},
		{v1alpha1.ToolTerraform, v1alpha1.ConfidenceProbable, contains(terraformModules)},
		{v1alpha1.ToolTerraform, v1alpha1.ConfidenceProbable, customary("terraform", "opentofu")},
		{v1alpha1.ToolPulumi, v1alpha1.ConfidenceProbable, customary("pulumi")},
		{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, customary("cdk")},
	}
}

// terraformModules is the GitHub organization of terraform-aws-modules/eks. The module's
// examples put it into a tag.
const terraformModules = "terraform-aws-modules"

func contains(text string) func(string, string) bool {
	return func(key, value string) bool {
		return strings.Contains(strings.ToLower(key+"="+value), text)
	}
}

// customary matches customary tags: Terraform=true, ManagedBy=terraform, and so on.
func customary(words ...string) func(string, string) bool {
	return func(key, value string) bool {
		key, value = strings.ToLower(key), strings.ToLower(value)
		switch strings.NewReplacer("-", "", "_", "", ":", "", " ", "").Replace(key) {
		case "managedby", "provisioner", "createdby", "provisionedby", "iac", "tool", "deployedby", "createdwith":
			return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(value, w) })
		}
		return value != "false" && value != "no" &&
			slices.ContainsFunc(words, func(w string) bool { return strings.Contains(key, w) })
	}
}

// ParseManagedBy parses the value of --managed-by: the name of a tool or of a form, such as
// terraform-module. It reports whether the name is known.
func ParseManagedBy(name string) (m v1alpha1.ManagedBy, ok bool) {
	for _, tool := range Tools() {
		if strings.EqualFold(name, string(tool)) {
			return v1alpha1.ManagedBy{Tool: tool, Confidence: v1alpha1.ConfidenceCertain, Evidence: "--managed-by"},
				true
		}
	}
	if Form(name) == FormTerraformModule {
		return v1alpha1.ManagedBy{
			Tool: v1alpha1.ToolTerraform, Confidence: v1alpha1.ConfidenceCertain,
			Evidence: "--managed-by " + terraformModules,
		}, true
	}
	return v1alpha1.ManagedBy{}, false
}

// Tools returns the known tools.
func Tools() []v1alpha1.Tool {
	return []v1alpha1.Tool{
		v1alpha1.ToolTerraform, v1alpha1.ToolCloudFormation, v1alpha1.ToolCDK, v1alpha1.ToolEksctl,
		v1alpha1.ToolCAPA, v1alpha1.ToolPalette, v1alpha1.ToolACK, v1alpha1.ToolCrossplane, v1alpha1.ToolPulumi,
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

// Detect returns the tool that manages a cluster, found by the cluster's tags. Unknown proves
// nothing: Terraform and Pulumi set no tags of their own.
func Detect(tags map[string]string) v1alpha1.ManagedBy {
	keys := slices.Sorted(maps.Keys(tags))
	for _, t := range traces() {
		for _, key := range keys {
			if t.matches(key, tags[key]) {
				evidence := "tag " + key + "=" + tags[key]
				return v1alpha1.ManagedBy{Tool: t.tool, Confidence: t.confidence, Evidence: evidence}
			}
		}
	}
	return v1alpha1.ManagedBy{Tool: v1alpha1.ToolUnknown, Confidence: v1alpha1.ConfidenceUnknown}
}
