package iac

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// trace is a tag that a tool sets on its clusters, or that people set by hand.
type trace struct {
	tool       v1alpha1.Tool
	confidence v1alpha1.Confidence
	matches    func(key, value string) bool
}

func prefix(p string) func(string, string) bool {
	return func(key, _ string) bool { return strings.HasPrefix(key, p) }
}

// traces returns the known tags, except those of Crossplane. Tags that people write by hand are only probable.
func traces() []trace {
	return []trace{
		{v1alpha1.ToolPalette, v1alpha1.ConfidenceCertain, prefix("spectro__")},
		{v1alpha1.ToolCAPA, v1alpha1.ConfidenceCertain, prefix("sigs.k8s.io/cluster-api-provider-aws/")},
		{v1alpha1.ToolACK, v1alpha1.ConfidenceCertain, prefix("services.k8s.aws/")},
		{v1alpha1.ToolEksctl, v1alpha1.ConfidenceCertain, prefix("alpha.eksctl.io/")},
		{v1alpha1.ToolEksctl, v1alpha1.ConfidenceCertain, prefix("eksctl.cluster.k8s.io/")},
		{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, prefix("aws:cdk:")},
		{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, prefix("aws-cdk:")},
		{v1alpha1.ToolCloudFormation, v1alpha1.ConfidenceCertain, prefix("aws:cloudformation:")},
		{v1alpha1.ToolPulumi, v1alpha1.ConfidenceProbable, prefix("pulumi:")},
		{v1alpha1.ToolTerraform, v1alpha1.ConfidenceProbable, contains(terraformModules)},
		{v1alpha1.ToolTerraform, v1alpha1.ConfidenceProbable, customary(terraformNames()...)},
		{v1alpha1.ToolPulumi, v1alpha1.ConfidenceProbable, customary("pulumi")},
		{v1alpha1.ToolCDK, v1alpha1.ConfidenceProbable, customary("cdk")},
		{v1alpha1.ToolCloudFormation, v1alpha1.ConfidenceProbable, customary("cloudformation")},
		{v1alpha1.ToolEksctl, v1alpha1.ConfidenceProbable, customary("eksctl")},
	}
}

// terraformNames returns the tools that run Terraform's code and providers.
func terraformNames() []string { return []string{"terraform", "opentofu", "tofu", "terragrunt"} }

// terraformModules is the GitHub organization of terraform-aws-modules/eks. The module's
// examples put it into a tag.
const terraformModules = "terraform-aws-modules"

func contains(text string) func(string, string) bool {
	return func(key, value string) bool {
		return strings.Contains(strings.ToLower(key+"="+value), text)
	}
}

// customary matches customary tags such as Terraform=true and ManagedBy=terraform. Only whole
// words count: cdk-team names a team, not the CDK.
func customary(names ...string) func(string, string) bool {
	named := func(w string) bool { return slices.Contains(names, w) }
	return func(key, value string) bool {
		inKey, inValue := words(key), words(value)
		if isManagerKey(inKey) {
			return slices.ContainsFunc(inValue, named)
		}
		denied := slices.Contains([]string{"false", "no", "none", "off", "0"}, strings.ToLower(value))
		return !denied && slices.ContainsFunc(inKey, named) && !slices.ContainsFunc(inKey, func(w string) bool {
			return !named(w) && !slices.Contains([]string{
				"managed", "managedby", "by", "is", "with", "iac", "tool", "aws", "workspace", "module", "project", "stack",
				"state", "version", "repo", "repository", "path", "source",
			}, w)
		})
	}
}

// isManagerKey reports whether the value of a tag with this key names a tool.
func isManagerKey(words []string) bool {
	switch strings.Join(words, "") {
	case "managedby", "managed", "manager", "provisioner", "provisionedby", "createdby", "createdwith", "deployedby",
		"deployedwith", "iac", "iactool", "tool", "tooling":
		return true
	}
	return false
}

// words splits text into its words, in lower case: at every character that is not a letter or
// a digit, and before a capital letter that follows a small one.
func words(text string) []string {
	var b strings.Builder
	small := false
	for _, r := range text {
		if unicode.IsUpper(r) && small {
			b.WriteByte(' ')
		}
		small = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Detect returns the tool that manages a cluster, found by the cluster's tags. Unknown proves
// nothing: Terraform and Pulumi set no tags of their own. Other traces, such as what the user
// says, count like tags.
func Detect(tags map[string]string, others ...v1alpha1.ManagedBy) v1alpha1.ManagedBy {
	found := others
	for _, t := range traces() {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			if t.matches(key, tags[key]) {
				found = append(found, v1alpha1.ManagedBy{
					Tool: t.tool, Confidence: t.confidence, Evidence: "tag " + key + "=" + tags[key],
				})
			}
		}
	}
	return Choose(append(found, crossplane(tags)...))
}

// crossplane returns the trace of Crossplane's tags. It has two providers for EKS, which the
// kind names; without a kind, the one that does more harm counts.
func crossplane(tags map[string]string) []v1alpha1.ManagedBy {
	for _, key := range []string{"crossplane-kind", "crossplane-name", "crossplane-providerconfig"} {
		value, found := tags[key]
		if !found {
			continue
		}
		m := v1alpha1.ManagedBy{
			Tool: v1alpha1.ToolUpjet, Confidence: v1alpha1.ConfidenceCertain, Evidence: "tag " + key + "=" + value,
		}
		if strings.HasSuffix(tags["crossplane-kind"], "aws.crossplane.io") {
			m.Tool = v1alpha1.ToolCrossplane
		}
		return []v1alpha1.ManagedBy{m}
	}
	return nil
}

// Choose returns the trace whose tool would do the most harm. Its Also holds those of other
// tools, except tools that it uses itself.
func Choose(found []v1alpha1.ManagedBy) v1alpha1.ManagedBy {
	best := v1alpha1.ManagedBy{Tool: v1alpha1.ToolUnknown, Confidence: v1alpha1.ConfidenceUnknown}
	var traces []v1alpha1.ManagedBy // one for each tool
	for _, m := range found {
		m.Also = nil
		i := slices.IndexFunc(traces, func(t v1alpha1.ManagedBy) bool { return t.Tool == m.Tool })
		switch {
		case m.Tool == "" || m.Tool == v1alpha1.ToolUnknown:
		case i < 0:
			traces = append(traces, m)
		case harm(m) > harm(traces[i]):
			traces[i] = m
		}
	}
	has := func(tool v1alpha1.Tool) bool {
		return slices.ContainsFunc(traces, func(t v1alpha1.ManagedBy) bool { return t.Tool == tool })
	}
	traces = slices.DeleteFunc(traces, func(t v1alpha1.ManagedBy) bool {
		return t.Tool == v1alpha1.ToolCAPA && has(v1alpha1.ToolPalette) ||
			t.Tool == v1alpha1.ToolCloudFormation && (has(v1alpha1.ToolEksctl) || has(v1alpha1.ToolCDK))
	})
	if len(traces) == 0 {
		return best
	}
	slices.SortStableFunc(traces, func(a, b v1alpha1.ManagedBy) int { return cmp.Compare(harm(b), harm(a)) })
	best = traces[0]
	best.Also = slices.Clip(traces[1:])
	if len(best.Also) == 0 {
		best.Also = nil
	}
	return best
}

// harm orders traces: certain harm, what the user says, probable harm, no harm.
func harm(m v1alpha1.ManagedBy) int {
	destructive, certain := consequences(m.Tool).destructive, m.Confidence == v1alpha1.ConfidenceCertain
	switch {
	case destructive && certain:
		return 4
	case strings.HasPrefix(m.Evidence, managedByFlag):
		return 3
	case destructive:
		return 2
	case certain:
		return 1
	}
	return 0
}
