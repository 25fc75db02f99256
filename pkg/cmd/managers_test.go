package cmd_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2/hclparse"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestManagers checks for each tool's tags that the plan names the tool, the consequence
// and the remedy, refuses harm, and that the snippet parses and contains the key's ARN.
func TestManagers(t *testing.T) {
	t.Parallel()
	w := newPluginTest(t, time.Hour)
	for _, test := range []struct {
		tool        v1alpha1.Tool
		tags        map[string]string
		destructive bool
		consequence string
		form        string
	}{
		{v1alpha1.ToolPalette, map[string]string{"spectro__ownerUid": "1",
			"sigs.k8s.io/cluster-api-provider-aws/role": "common"}, true, "stops reconciling", "awsManagedControlPlane"},
		{v1alpha1.ToolCAPA, map[string]string{"sigs.k8s.io/cluster-api-provider-aws/role": "common"}, true,
			"stops reconciling", "awsmanagedcontrolplane"},
		{v1alpha1.ToolACK, map[string]string{"services.k8s.aws/controller-version": "eks-1"}, true, "Terminal",
			"clusters.eks.services.k8s.aws"},
		{v1alpha1.ToolCrossplane, map[string]string{"crossplane-kind": "cluster.eks.aws.crossplane.io"}, false,
			"copies the key into its spec", "forProvider"},
		{v1alpha1.ToolEksctl, map[string]string{"alpha.eksctl.io/cluster-name": "c", "aws:cloudformation:stack-name": "s"},
			false, "does not describe encryption", "secretsEncryption"},
		{v1alpha1.ToolCDK, map[string]string{"aws:cdk:path": "p", "aws:cloudformation:stack-name": "s"}, false,
			"as long as the stack does not change", "do not change the stack"},
		{v1alpha1.ToolCloudFormation, map[string]string{"aws:cloudformation:stack-name": "s"}, false,
			"as long as the template does not change", "do not change the template"},
		{v1alpha1.ToolPulumi, map[string]string{"pulumi:stack": "s"}, false, "may replace the cluster",
			"encryptionConfigKeyArn"},
		{v1alpha1.ToolTerraform, map[string]string{"Terraform": "true"}, false, "DESTROY", `resource "aws_eks_cluster"`},
		{v1alpha1.ToolTerraform, map[string]string{"GithubOrg": "terraform-aws-modules"}, false, "DESTROY",
			"provider_key_arn"},
		{v1alpha1.ToolUnknown, nil, false, "DESTROY", `resource "aws_eks_cluster"`},
	} {
		t.Run(string(test.tool), func(t *testing.T) {
			name := "of-" + strings.ToLower(string(test.tool))
			if test.form == "provider_key_arn" {
				name += "-module"
			}
			awstest.AddCluster(t, w.Server, fakeaws.Cluster{Name: name, Version: "1.33", Tags: test.tags})
			where := []string{"--context", "kind-dev", "--cluster-name", name, "--region", "eu-central-1"}
			stdout, stderr, code := w.run(t,
				append([]string{"associate", "alias/good", "--dry-run=client", "--trust-endpoint", "-o", "json"}, where...)...)
			var plan v1alpha1.AssociationPlan
			if err := json.Unmarshal([]byte(stdout), &plan); err != nil {
				t.Fatalf("plan: %v\n%s%s", err, stdout, stderr)
			}
			d := plan.Drift
			if d.Tool != test.tool || d.Destructive != test.destructive || d.Remedy == "" ||
				!strings.Contains(d.Consequence, test.consequence) || (code == 1) != test.destructive {
				t.Errorf("exit code = %d, drift = %+v; want %s, destructive: %t, with %q",
					code, d, test.tool, test.destructive, test.consequence)
			}
			if !strings.Contains(d.Snippet, test.form) {
				t.Errorf("the snippet lacks %q:\n%s", test.form, d.Snippet)
			}
			args := []string{"generate", "iac", "alias/good"}
			if test.tool == v1alpha1.ToolUnknown {
				args = append(args, "--for", "terraform")
			}
			snippet, stderr, code := w.run(t, append(args, where...)...)
			if code != 0 || snippet != d.Snippet {
				t.Errorf("generate iac: exit code = %d, %s\n%s\nwant 0 and\n%s", code, stderr, snippet, d.Snippet)
			}
			if !strings.Contains(snippet, goodKey) || strings.Contains(snippet, "alias/good") {
				t.Errorf("the snippet does not contain the ARN of the key:\n%s", snippet)
			}
			if test.tool == v1alpha1.ToolTerraform || test.tool == v1alpha1.ToolUnknown {
				if _, diagnostics := hclparse.NewParser().ParseHCL([]byte(snippet), "x.tf"); diagnostics.HasErrors() {
					t.Error(diagnostics)
				}
			} else if err := yaml.UnmarshalStrict([]byte(snippet), &map[string]any{}); err != nil {
				t.Error(err)
			}
			if !test.destructive {
				return
			}
			_, stderr, code = w.run(t, append([]string{"associate", "alias/good", "--yes"}, where...)...)
			if code != 1 || !strings.Contains(stderr, "--accept-drift") {
				t.Errorf("associate: exit code = %d, %s; want 1 and --accept-drift", code, stderr)
			}
			if n := awstest.Calls(w.Server, "AssociateEncryptionConfig"); n != 0 {
				t.Errorf("%d calls of AssociateEncryptionConfig, want 0", n)
			}
		})
	}
}
