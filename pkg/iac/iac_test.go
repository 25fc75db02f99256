package iac

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/shlex"
	"github.com/hashicorp/hcl/v2/hclparse"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const key = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

func TestDetect(t *testing.T) {
	const certain, probable, unknown = v1alpha1.ConfidenceCertain, v1alpha1.ConfidenceProbable,
		v1alpha1.ConfidenceUnknown
	tests := []struct {
		name       string
		tags       map[string]string
		tool       v1alpha1.Tool
		confidence v1alpha1.Confidence
	}{
		{"none", nil, v1alpha1.ToolUnknown, unknown},
		{"unrelated tags", map[string]string{"team": "pay", "Name": "terraformer's lab"}, v1alpha1.ToolUnknown,
			unknown},
		{"Palette, which uses CAPA", map[string]string{"spectro__ownerUid": "1",
			"sigs.k8s.io/cluster-api-provider-aws/cluster/c": "owned"}, v1alpha1.ToolPalette, certain},
		{"CAPA", map[string]string{"sigs.k8s.io/cluster-api-provider-aws/role": "common"}, v1alpha1.ToolCAPA, certain},
		{"ACK", map[string]string{"services.k8s.aws/controller-version": "eks-1"}, v1alpha1.ToolACK, certain},
		{"Crossplane", map[string]string{"crossplane-kind": "cluster.eks.aws.crossplane.io"}, v1alpha1.ToolCrossplane,
			certain},
		{"eksctl, which uses CloudFormation", map[string]string{"alpha.eksctl.io/cluster-name": "c",
			"aws:cloudformation:stack-name": "s"}, v1alpha1.ToolEksctl, certain},
		{"CloudFormation", map[string]string{"aws:cloudformation:stack-name": "s"}, v1alpha1.ToolCloudFormation,
			certain},
		{"CDK, which uses CloudFormation", map[string]string{"aws:cdk:path": "p", "aws:cloudformation:stack-name": "s"},
			v1alpha1.ToolCDK, probable},
		{"Terraform, by a customary tag", map[string]string{"Terraform": "true"}, v1alpha1.ToolTerraform, probable},
		{"Terraform, denied", map[string]string{"Terraform": "false"}, v1alpha1.ToolUnknown, unknown},
		{"terraform-aws-modules, as in its examples", map[string]string{"GithubOrg": "terraform-aws-modules"},
			v1alpha1.ToolTerraform, probable},
		{"managed by OpenTofu", map[string]string{"managed-by": "OpenTofu"}, v1alpha1.ToolTerraform, probable},
		{"Pulumi", map[string]string{"pulumi:stack": "s"}, v1alpha1.ToolPulumi, probable},
		{"OpenTofu", map[string]string{"ManagedBy": "tofu"}, v1alpha1.ToolTerraform, probable},
		{"Terragrunt", map[string]string{"managed_by": "Terragrunt 0.99"}, v1alpha1.ToolTerraform, probable},
		{"managed by Terraform, in the key", map[string]string{"managed-by-terraform": "true"}, v1alpha1.ToolTerraform,
			probable},
		{"a workspace of Terraform", map[string]string{"TerraformWorkspace": "prod"}, v1alpha1.ToolTerraform, probable},
		{"a team", map[string]string{"cdk-team": "x"}, v1alpha1.ToolUnknown, unknown},
		{"a word that contains another", map[string]string{"abcdk": "x", "tool": "cdktf"}, v1alpha1.ToolUnknown, unknown},
		{"a cost centre", map[string]string{"terraform-costs": "42"}, v1alpha1.ToolUnknown, unknown},
		{"a hand-made tag like Crossplane's", map[string]string{"crossplane-team": "x"}, v1alpha1.ToolUnknown, unknown},
		{"Upjet", map[string]string{"crossplane-kind": "cluster.eks.aws.upbound.io"}, v1alpha1.ToolUpjet, certain},
		{"Upjet, namespaced", map[string]string{"crossplane-kind": "cluster.eks.aws.m.upbound.io",
			"crossplane-providerconfig": "default"}, v1alpha1.ToolUpjet, certain},
		{"Crossplane of an unknown kind", map[string]string{"crossplane-name": "c"}, v1alpha1.ToolUpjet, certain},
	}
	for _, test := range tests {
		got := Detect(test.tags)
		if got.Tool != test.tool || got.Confidence != test.confidence ||
			(got.Evidence == "") != (test.tool == v1alpha1.ToolUnknown) {
			t.Errorf("%s: Detect = %+v, want %s (%s)", test.name, got, test.tool, test.confidence)
		}
	}
}

// TestConflicts checks that the traces of several tools are all named, and that the most harm decides.
func TestConflicts(t *testing.T) {
	const capaTag = "sigs.k8s.io/cluster-api-provider-aws/role"
	flag := func(name string) v1alpha1.ManagedBy {
		m, _ := ParseManagedBy(name)
		return m
	}
	for _, test := range []struct {
		name        string
		tags        map[string]string
		others      []v1alpha1.ManagedBy
		tool        v1alpha1.Tool
		also        []v1alpha1.Tool
		destructive bool
		text        string // in the consequence
	}{
		{"eksctl and Terraform", map[string]string{"alpha.eksctl.io/cluster-name": "c", "ManagedBy": "terraform"}, nil,
			v1alpha1.ToolTerraform, []v1alpha1.Tool{v1alpha1.ToolEksctl}, false, "DESTROY"},
		{"CloudFormation and Terraform", map[string]string{"aws:cloudformation:stack-name": "s", "terraform": "1"}, nil,
			v1alpha1.ToolTerraform, []v1alpha1.Tool{v1alpha1.ToolCloudFormation}, false, "DESTROY"},
		{"Palette and Terraform", map[string]string{"spectro__ownerUid": "1", capaTag: "common", "ManagedBy": "terraform"},
			nil, v1alpha1.ToolPalette, []v1alpha1.Tool{v1alpha1.ToolTerraform}, true, "DESTROY"},
		{"CAPA and ACK", map[string]string{capaTag: "common", "services.k8s.aws/x": "y"}, nil, v1alpha1.ToolCAPA,
			[]v1alpha1.Tool{v1alpha1.ToolACK}, true, "Terminal"},
		{"the flag and a tag that is certain", map[string]string{capaTag: "common"},
			[]v1alpha1.ManagedBy{flag("eksctl")}, v1alpha1.ToolCAPA, []v1alpha1.Tool{v1alpha1.ToolEksctl}, true, "eksctl"},
		{"the flag and a tag that is probable", map[string]string{"ManagedBy": "terraform"},
			[]v1alpha1.ManagedBy{flag("cloudformation")}, v1alpha1.ToolCloudFormation,
			[]v1alpha1.Tool{v1alpha1.ToolTerraform}, false, "DESTROY"},
		{"the flag confirms a tag", map[string]string{"ManagedBy": "terraform"}, []v1alpha1.ManagedBy{flag("terraform")},
			v1alpha1.ToolTerraform, nil, true, "DESTROY"},
		{"CDK, which is probable", map[string]string{"aws:cdk:path": "p", "aws:cloudformation:stack-name": "s"}, nil,
			v1alpha1.ToolCDK, nil, false, "DESTROY"},
	} {
		got := Detect(test.tags, test.others...)
		var also []v1alpha1.Tool
		for _, m := range got.Also {
			also = append(also, m.Tool)
			if m.Evidence == "" {
				t.Errorf("%s: %s without evidence", test.name, m.Tool)
			}
		}
		if got.Tool != test.tool || !cmp.Equal(also, test.also) {
			t.Errorf("%s: %s, also %v; want %s, also %v", test.name, got.Tool, also, test.tool, test.also)
		}
		d := Assess(got, nil, Values{Cluster: "c", KeyARN: key})
		if d.Destructive != test.destructive || !strings.Contains(d.Consequence, test.text) {
			t.Errorf("%s: destructive = %t, %q; want %t, %q", test.name, d.Destructive, d.Consequence, test.destructive,
				test.text)
		}
	}
}

func TestAssess(t *testing.T) {
	tests := []struct {
		name        string
		managed     v1alpha1.ManagedBy
		owner       *Owner
		destructive bool
		text        string // in the consequence
	}{
		{"unknown tool: Terraform's warning", v1alpha1.ManagedBy{}, nil, false, "DESTROY"},
		{"Terraform, certain", v1alpha1.ManagedBy{Tool: v1alpha1.ToolTerraform, Confidence: v1alpha1.ConfidenceCertain},
			nil, true, "DESTROY"},
		{"Terraform, probable", v1alpha1.ManagedBy{Tool: v1alpha1.ToolTerraform,
			Confidence: v1alpha1.ConfidenceProbable}, nil, false, "DESTROY"},
		{"CAPA", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCAPA, Confidence: v1alpha1.ConfidenceCertain}, nil, true,
			"stops reconciling"},
		{"CAPA that names the key", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCAPA},
			&Owner{Tool: v1alpha1.ToolCAPA, Namespace: "n", Name: "c", KeyARN: key}, false, "names this key already"},
		{"CAPA that names another", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCAPA},
			&Owner{Tool: v1alpha1.ToolCAPA, Namespace: "n", Name: "c", KeyARN: "alias/x"}, true,
			"names another key, alias/x"},
		{"Palette", v1alpha1.ManagedBy{Tool: v1alpha1.ToolPalette}, nil, true, "Palette stops reconciling"},
		{"Palette, whose CAPA object names the key", v1alpha1.ManagedBy{Tool: v1alpha1.ToolPalette},
			&Owner{Tool: v1alpha1.ToolCAPA, Namespace: "n", Name: "c", KeyARN: key}, false, "names this key already"},
		{"Terraform, with an object of another tool", v1alpha1.ManagedBy{Tool: v1alpha1.ToolTerraform,
			Confidence: v1alpha1.ConfidenceCertain}, &Owner{Tool: v1alpha1.ToolACK, KeyARN: key}, true, "DESTROY"},
		{"ACK", v1alpha1.ManagedBy{Tool: v1alpha1.ToolACK}, nil, true, "Terminal"},
		{"CloudFormation", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCloudFormation}, nil, false, "REPLACES the cluster"},
		{"CDK", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCDK}, nil, false, "fails the deployment"},
		{"eksctl", v1alpha1.ManagedBy{Tool: v1alpha1.ToolEksctl}, nil, false, "none"},
		{"Crossplane", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCrossplane}, nil, false, "usually none"},
		{"Upjet", v1alpha1.ManagedBy{Tool: v1alpha1.ToolUpjet}, nil, true, "refuse to update"},
		{"Upjet that names the key", v1alpha1.ManagedBy{Tool: v1alpha1.ToolUpjet},
			&Owner{Tool: v1alpha1.ToolUpjet, Name: "c", KeyARN: key}, false, "its c names this key already"},
		{"CDK, probable", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCDK, Confidence: v1alpha1.ConfidenceProbable}, nil, false,
			"if it is Terraform instead"},
		{"CAPA that names the key, beside ACK", v1alpha1.ManagedBy{Tool: v1alpha1.ToolCAPA, Also: []v1alpha1.ManagedBy{
			{Tool: v1alpha1.ToolACK}}}, &Owner{Tool: v1alpha1.ToolCAPA, Name: "c", KeyARN: key}, true, "Terminal"},
	}
	for _, test := range tests {
		var owners []Owner
		if test.owner != nil {
			owners = []Owner{*test.owner}
		}
		d := Assess(test.managed, owners, Values{Cluster: "c", Region: "us-west-2", KeyARN: key})
		if d.Destructive != test.destructive || !strings.Contains(d.Consequence, test.text) {
			t.Errorf("%s: destructive = %t, consequence = %q; want %t, %q",
				test.name, d.Destructive, d.Consequence, test.destructive, test.text)
		}
		named := test.owner != nil && test.owner.KeyARN == key && test.owner.Tool == test.managed.Tool
		if d.Destructive && !named && (d.Remedy == "" || !strings.Contains(d.Snippet, key)) {
			t.Errorf("%s: remedy or snippet is missing", test.name)
		}
	}
}

// TestSnippets checks that every snippet parses, contains the key's ARN, and has no open placeholder.
func TestSnippets(t *testing.T) {
	for _, form := range Forms() {
		text, err := Snippet(form, Values{Cluster: "payments", Region: "us-west-2", KeyARN: key, Namespace: "ns",
			Name: "cp"})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(text, key) || strings.Contains(text, "@") || strings.Contains(text, "alias/") {
			t.Errorf("Snippet(%s) lacks the key's ARN, or has a placeholder or an alias:\n%s", form, text)
		}
		if strings.HasPrefix(string(form), "terraform") {
			if _, diagnostics := hclparse.NewParser().ParseHCL([]byte(text), "snippet.tf"); diagnostics.HasErrors() {
				t.Errorf("%s: %v\n%s", form, diagnostics, text)
			}
			continue
		}
		var object map[string]any
		if err := yaml.UnmarshalStrict([]byte(text), &object); err != nil {
			t.Errorf("%s: %v\n%s", form, err, text)
		}
		if untouched := form == FormCloudFormation || form == FormCDK; untouched != (len(object) == 0) {
			t.Errorf("%s: object = %v, want one only for tools that need a change", form, object)
		}
	}
	for form, want := range map[Form]string{
		FormTerraform: `encryption_config {
  provider {
    key_arn = "` + key + `"
  }
  resources = ["secrets"]
}
`,
		FormTerraformModule: `create_kms_key = false
encryption_config = {
  provider_key_arn = "` + key + `"
  resources        = ["secrets"]
}
`,
		FormACK: `spec:
  encryptionConfig:
  - provider:
      keyARN: ` + key + `
    resources:
    - secrets
`,
		FormUpjet: `spec:
  forProvider:
    encryptionConfig:
      provider:
        keyArn: ` + key + `
      resources:
      - secrets
`,
		FormUpjetLists: `spec:
  forProvider:
    encryptionConfig:
    - provider:
      - keyArn: ` + key + `
      resources:
      - secrets
`,
	} {
		if text, err := Snippet(form, Values{Cluster: "a\nb", KeyARN: key}); err != nil ||
			!strings.HasSuffix(text, "\n"+want) {
			t.Errorf("Snippet(%s) = %v\n%s\nwant a text that ends with\n%s", form, err, text, want)
		} else if head := strings.TrimSuffix(text, want); strings.Count(head, "\n") != strings.Count("\n"+head, "\n#") {
			t.Errorf("Snippet(%s): a line of the head is not a comment:\n%s", form, head)
		}
	}
	for _, hostile := range []string{
		"x\nevil: true", "x\revil: true", "x\u2028evil: true", "$(evil)", "'; evil #", "\x1b[2J",
	} {
		for _, form := range Forms() {
			text, err := Snippet(form, Values{Cluster: hostile, KeyARN: key, Namespace: hostile, Name: hostile})
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "evil") || strings.ContainsAny(line, "\r\x1b\u2028") {
					t.Errorf("Snippet(%s) with %q:\n%q", form, hostile, text)
				}
				command := strings.TrimPrefix(line, "#   kubectl -n ")
				if words, err := shlex.Split(strings.TrimSuffix(command, "\\\n")); command != line &&
					(err != nil || len(words) != 4) {
					t.Errorf("Snippet(%s) with %q: command %q, words %q, want 4", form, hostile, command, words)
				}
			}
		}
	}
	for _, bad := range []string{"", "alias/x", "arn:aws:kms:us-west-2:111122223333:alias/x", "1234"} {
		if _, err := Snippet(FormTerraform, Values{KeyARN: bad}); err == nil {
			t.Errorf("Snippet with the key %q = nil error, want an error", bad)
		}
	}
	if _, err := Snippet("chef", Values{KeyARN: key}); err == nil {
		t.Error("Snippet for an unknown tool = nil error, want an error")
	}
}

// TestManagedByFlag checks that a tool named by flag is certain, so that the user must accept Terraform's consequence.
func TestManagedByFlag(t *testing.T) {
	for _, test := range []struct {
		name        string
		form        Form
		destructive bool
	}{
		{"terraform", FormTerraform, true}, {"Terraform", FormTerraform, true},
		{"terraform-module", FormTerraformModule, true},
		{"pulumi", FormPulumi, true}, {"capa", FormCAPA, true}, {"palette", FormPalette, true}, {"ack", FormACK, true},
		{"cloudformation", FormCloudFormation, false}, {"cdk", FormCDK, false}, {"eksctl", FormEksctl, false},
		{"crossplane", FormCrossplane, false}, {"upjet", FormUpjet, true}, {"OpenTofu", FormTerraform, true},
		{"terragrunt", FormTerraform, true},
	} {
		m, ok := ParseManagedBy(test.name)
		form, known := FormOf(m)
		if d := Assess(m, nil, Values{Cluster: "c", KeyARN: key}); !ok || !known || form != test.form ||
			d.Destructive != test.destructive {
			t.Errorf("%s: %+v, form = %s, destructive = %t; want %s, %t", test.name, m, form, d.Destructive, test.form,
				test.destructive)
		}
	}
	if m, ok := ParseManagedBy("chef"); ok {
		t.Errorf("ParseManagedBy(chef) = %+v, want unknown", m)
	}
	if form, known := FormOf(Detect(map[string]string{"GithubOrg": "terraform-aws-modules"})); !known ||
		form != FormTerraformModule {
		t.Errorf("form for the tags of the module's examples = %s, want %s", form, FormTerraformModule)
	}
	if form, known := FormOf(v1alpha1.ManagedBy{Tool: v1alpha1.ToolUnknown}); known {
		t.Errorf("FormOf(unknown) = %s, want none", form)
	}
}

func FuzzDetect(f *testing.F) {
	f.Add("Terraform", "true")
	f.Add("spectro__", "\x1b")
	f.Fuzz(func(t *testing.T, k, v string) {
		if m := Detect(map[string]string{k: v}); m.Tool == "" || m.Confidence == "" {
			t.Errorf("Detect(%q=%q) = %+v, want a tool and a confidence", k, v, m)
		}
	})
}
