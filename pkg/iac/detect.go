package iac

import (
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// trace is a tag that a tool leaves on the clusters it makes.
type trace struct {
	tool       v1alpha1.Tool
	confidence v1alpha1.Confidence
	matches    func(key, value string) bool
}

func prefix(p string) func(string, string) bool {
	return func(key, _ string) bool { return strings.HasPrefix(key, p) }
}

// traces go from the most to the least telling: Palette drives CAPA, eksctl and
// CDK drive CloudFormation. Tags that people write by hand are only probable.
var traces = []trace{
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
	{v1alpha1.ToolTerraform, v1alpha1.ConfidenceProbable, names(terraformModules)},
	{v1alpha1.ToolTerraform, v1alpha1.ConfidenceProbable, says("terraform", "opentofu")},
	{v1alpha1.ToolPulumi, v1alpha1.ConfidenceProbable, says("pulumi")},
	{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, says("cdk")},
}

// terraformModules is the organisation behind terraform-aws-modules/eks, which its
// examples put into tags.
const terraformModules = "terraform-aws-modules"

func names(what string) func(string, string) bool {
	return func(key, value string) bool {
		return strings.Contains(strings.ToLower(key+"="+value), what)
	}
}

// says finds the habitual tags: Terraform=true, ManagedBy=terraform, and so on.
func says(words ...string) func(string, string) bool {
	return func(key, value string) bool {
		key, value = strings.ToLower(key), strings.ToLower(value)
		switch strings.NewReplacer("-", "", "_", "", ":", "", " ", "").Replace(key) {
		case "managedby", "provisioner", "createdby", "provisionedby", "iac", "tool", "deployedby", "createdwith":
			return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(value, w) })
		}
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(key, w) }) && value != "false" && value != "no"
	}
}

// Told is what the user says of the manager, by the name of the tool or of a form;
// ok is false if no tool is known by it.
func Told(name string) (m v1alpha1.ManagedBy, ok bool) {
	for _, tool := range Tools() {
		if strings.EqualFold(name, string(tool)) {
			return v1alpha1.ManagedBy{Tool: tool, Confidence: v1alpha1.ConfidenceCertain, Evidence: "--managed-by"}, true
		}
	}
	if Form(name) == FormTerraformModule {
		return v1alpha1.ManagedBy{Tool: v1alpha1.ToolTerraform, Confidence: v1alpha1.ConfidenceCertain, Evidence: "--managed-by " + terraformModules}, true
	}
	return v1alpha1.ManagedBy{}, false
}

// Tools lists those that are known.
func Tools() []v1alpha1.Tool {
	return []v1alpha1.Tool{
		v1alpha1.ToolTerraform, v1alpha1.ToolCloudFormation, v1alpha1.ToolCDK, v1alpha1.ToolEksctl, v1alpha1.ToolCAPA,
		v1alpha1.ToolPalette, v1alpha1.ToolACK, v1alpha1.ToolCrossplane, v1alpha1.ToolPulumi,
	}
}

// FormOf is the form of the code that the manager reads; false if none is known.
func FormOf(m v1alpha1.ManagedBy) (Form, bool) {
	if !slices.Contains(Tools(), m.Tool) {
		return "", false
	}
	if m.Tool == v1alpha1.ToolTerraform && names(terraformModules)("", m.Evidence) {
		return FormTerraformModule, true
	}
	return consequences(m.Tool).form, true
}

// Detect tells from a cluster's tags which tool manages it. The absence of traces
// proves nothing: Terraform and Pulumi leave none of their own.
func Detect(tags map[string]string) v1alpha1.ManagedBy {
	keys := make([]string, 0, len(tags))
	for key := range tags {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, t := range traces {
		for _, key := range keys {
			if t.matches(key, tags[key]) {
				return v1alpha1.ManagedBy{Tool: t.tool, Confidence: t.confidence, Evidence: "tag " + key + "=" + tags[key]}
			}
		}
	}
	return v1alpha1.ManagedBy{Tool: v1alpha1.ToolUnknown, Confidence: v1alpha1.ConfidenceUnknown}
}
