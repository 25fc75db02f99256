package iac

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclparse"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
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
	}
	for _, test := range tests {
		got := Detect(test.tags)
		if got.Tool != test.tool || got.Confidence != test.confidence ||
			(got.Evidence == "") != (test.tool == v1alpha1.ToolUnknown) {
			t.Errorf("%s: Detect = %+v, want %s (%s)", test.name, got, test.tool, test.confidence)
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
	}
	for _, test := range tests {
		d := Assess(test.managed, test.owner, Values{Cluster: "c", Region: "us-west-2", KeyARN: key})
		if d.Destructive != test.destructive || !strings.Contains(d.Consequence, test.text) {
			t.Errorf("%s: destructive = %t, consequence = %q; want %t, %q",
				test.name, d.Destructive, d.Consequence, test.destructive, test.text)
		}
		if d.Destructive && (d.Remedy == "" || !strings.Contains(d.Snippet, key)) {
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
	} {
		if text, err := Snippet(form, Values{Cluster: "a\nb", KeyARN: key}); err != nil ||
			!strings.HasSuffix(text, "\n"+want) {
			t.Errorf("Snippet(%s) = %v\n%s\nwant a text that ends with\n%s", form, err, text, want)
		} else if head := strings.TrimSuffix(text, want); strings.Count(head, "\n") != strings.Count("\n"+head, "\n#") {
			t.Errorf("Snippet(%s): a line of the head is not a comment:\n%s", form, head)
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

func TestFindOwner(t *testing.T) {
	responses := map[string]string{
		"/apis/controlplane.cluster.x-k8s.io/v1beta2/awsmanagedcontrolplanes": `{"kind":"List","apiVersion":"v1","items":[
			{"metadata":{"namespace":"ns","name":"other"},"spec":{"eksClusterName":"shop"}},
			{"metadata":{"namespace":"ns","name":"keyless"},"spec":{"eksClusterName":"keyless"}},
			{"metadata":{"namespace":"ns","name":"cp"},
				"spec":{"eksClusterName":"pay","encryptionConfig":{"provider":"` + key + `"}}}]}`,
		"/apis/eks.services.k8s.aws/v1alpha1/clusters": `{"kind":"List","apiVersion":"v1","items":[
			{"metadata":{"namespace":"ns","name":"plain"},"spec":{"name":"ack-plain","encryptionConfig":[]}},
			{"metadata":{"namespace":"ns","name":"ack"},
				"spec":{"name":"ack-one","encryptionConfig":[{"provider":{"keyARN":"` + key + `"}}]}}]}`,
		"/apis/eks.aws.crossplane.io/v1beta1/clusters": `{"kind":"List","apiVersion":"v1","items":[
			{"metadata":{"name":"cross","annotations":{"crossplane.io/external-name":"cross-one"}},
			"spec":{"forProvider":{"encryptionConfig":[{"provider":{"keyArn":"` + key + `"}}]}}}]}`,
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, found := responses[r.URL.Path]
		if !found {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(text))
	}))
	defer server.Close()
	client, err := dynamic.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		cluster string
		want    *Owner
	}{
		{"pay", &Owner{Tool: v1alpha1.ToolCAPA, Namespace: "ns", Name: "cp", KeyARN: key}},
		{"keyless", &Owner{Tool: v1alpha1.ToolCAPA, Namespace: "ns", Name: "keyless"}},
		{"ack-one", &Owner{Tool: v1alpha1.ToolACK, Namespace: "ns", Name: "ack", KeyARN: key}},
		{"ack-plain", &Owner{Tool: v1alpha1.ToolACK, Namespace: "ns", Name: "plain"}},
		{"cross-one", &Owner{Tool: v1alpha1.ToolCrossplane, Name: "cross", KeyARN: key}},
		{"unmanaged", nil},
	} {
		if got := FindOwner(t.Context(), client, test.cluster); !cmp.Equal(got, test.want) {
			t.Errorf("FindOwner(%s) = %+v, want %+v", test.cluster, got, test.want)
		}
	}
	// The cluster does not serve the first kind, and the list of the second one is not valid.
	delete(responses, "/apis/controlplane.cluster.x-k8s.io/v1beta2/awsmanagedcontrolplanes")
	responses["/apis/eks.services.k8s.aws/v1alpha1/clusters"] = `{"kind":"List","apiVersion":"v1","items":"nonsense"}`
	if o := FindOwner(t.Context(), client, "cross-one"); o == nil || o.Tool != v1alpha1.ToolCrossplane {
		t.Errorf("FindOwner(cross-one) = %+v, want the Crossplane object", o)
	}
	if o := FindOwner(t.Context(), client, "pay"); o != nil {
		t.Errorf("FindOwner(pay) = %+v, want nil", o)
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
		{"crossplane", FormCrossplane, false},
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
