package iac

import (
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Owner is the object that manages the cluster from within Kubernetes, where one
// was found.
type Owner struct {
	Tool            v1alpha1.Tool
	Namespace, Name string
	// KeyARN is the key that the object asks for; empty for none.
	KeyARN string
}

// Assess says what the tool that manages the cluster will do once the key is
// associated behind its back, and what to do about it. owner may be nil.
// Destructive means that the tool will do harm or stop working until its own
// description of the cluster names the key.
func Assess(managed v1alpha1.ManagedBy, owner *Owner, v Values) v1alpha1.Drift {
	d := v1alpha1.Drift{Tool: managed.Tool, Confidence: managed.Confidence}
	if d.Tool == "" {
		d.Tool, d.Confidence = v1alpha1.ToolUnknown, v1alpha1.ConfidenceUnknown
	}
	if owner != nil && owner.Tool != d.Tool && (owner.Tool != v1alpha1.ToolCAPA || d.Tool != v1alpha1.ToolPalette) {
		owner = nil // of a tool that isn't the manager; Palette drives Cluster API
	}
	if owner != nil {
		v.Namespace, v.Name = owner.Namespace, owner.Name
	}
	c := consequences(d.Tool)
	d.Consequence, d.Remedy = c.consequence, c.remedy
	d.Destructive = c.destructive && (d.Tool != v1alpha1.ToolTerraform && d.Tool != v1alpha1.ToolPulumi || d.Confidence == v1alpha1.ConfidenceCertain)
	if owner != nil && v.KeyARN != "" && owner.KeyARN == v.KeyARN {
		d.Destructive = false
		d.Consequence = fmt.Sprintf("none: its %s/%s names this key already", owner.Namespace, owner.Name)
		d.Remedy = ""
		return d
	}
	if owner != nil && owner.KeyARN != "" {
		d.Destructive = true
		d.Consequence = fmt.Sprintf("its %s/%s asks for another key, %s: it will never agree with the cluster", owner.Namespace, owner.Name, owner.KeyARN)
	}
	form := c.form
	if f, known := FormOf(managed); known {
		form = f
	}
	if text, err := Snippet(form, v); err == nil {
		d.Snippet = text
	}
	return d
}

type outcome struct {
	form                Form
	destructive         bool
	consequence, remedy string
}

// consequences are from the tools' own sources: aws_eks_cluster of
// terraform-provider-aws (ForceNew when encryption_config goes from one to none),
// reconcileEKSEncryptionConfig of cluster-api-provider-aws, hook.go of ACK's
// eks-controller, the CloudFormation schema of AWS::EKS::Cluster (create-only).
func consequences(tool v1alpha1.Tool) outcome {
	switch tool {
	case v1alpha1.ToolTerraform:
		return outcome{FormTerraform, true,
			"the next terraform plan is to DESTROY the cluster and create another, unless its code names the key",
			"better associate the key in Terraform itself, which does it in place; else add the snippet before anybody plans again (for terraform-aws-modules/eks: kubectl eks-encrypt generate iac --for terraform-module)"}
	case v1alpha1.ToolPulumi:
		return outcome{FormPulumi, true,
			"the next pulumi up may replace the cluster, unless its program names the key (it builds on Terraform's provider)",
			"better associate the key in Pulumi itself; else refresh, add the snippet, and read the preview"}
	case v1alpha1.ToolCAPA:
		return outcome{FormCAPA, true,
			"Cluster API stops reconciling: \"disabling EKS encryption is not allowed after it has been enabled\"; tags, add-ons, OIDC and identity providers are no longer kept",
			"better let Cluster API associate the key, by the patch of the snippet alone; else apply it right after the association"}
	case v1alpha1.ToolPalette:
		return outcome{FormPalette, true,
			"Palette stops reconciling the cluster (Cluster API refuses to go on without the key in its spec), and its UI goes on showing no key",
			"better let Palette associate the key, by the override of the snippet alone; else save it right after the association"}
	case v1alpha1.ToolACK:
		return outcome{FormACK, true,
			"ACK goes Terminal (\"Encryption configuration cannot be removed from an existing cluster\") and updates the cluster no more",
			"better let ACK associate the key, by the patch of the snippet alone; else apply it right after the association"}
	case v1alpha1.ToolCloudFormation:
		return outcome{FormCloudFormation, false,
			"none, as long as the template stays as it is: adding EncryptionConfig to it later REPLACES the cluster",
			"leave EncryptionConfig out of the template"}
	case v1alpha1.ToolCDK:
		return outcome{FormCDK, false,
			"none, as long as the stack stays as it is: adding secretsEncryptionKey later fails the deployment or replaces the cluster",
			"leave secretsEncryptionKey out of the stack"}
	case v1alpha1.ToolEksctl:
		return outcome{FormEksctl, false,
			"none: eksctl's stack doesn't describe encryption after creation",
			"keep the ClusterConfig in step"}
	case v1alpha1.ToolCrossplane:
		return outcome{FormCrossplane, false,
			"none as a rule: Crossplane takes the key over into its spec; an alias in the spec would block it for ever",
			"keep the manifest in step, with the key's ARN"}
	}
	return outcome{FormTerraform, false,
		"no tag tells who manages the cluster; Terraform leaves none, and its next plan would be to DESTROY the cluster and create another, unless its code names the key",
		"if Terraform manages the cluster, associate the key there, or add the snippet before anybody plans again; --managed-by tells who does"}
}
