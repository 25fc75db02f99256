// Package iac finds the tool that manages a cluster, and describes what that tool does
// after a key was associated without it. An association cannot be undone, so the tool's
// description of the cluster has to change: the package renders that change.
package iac

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Owner is the Kubernetes object that manages the EKS cluster.
type Owner struct {
	Tool            v1alpha1.Tool
	Namespace, Name string
	// KeyARN is the key in the object's spec; empty for none.
	KeyARN string
}

// String returns the object's namespace and name.
func (o Owner) String() string {
	return strings.TrimPrefix(o.Namespace+"/"+o.Name, "/")
}

// Assess describes what the tool that manages the cluster will do after the key is
// associated without it, and the remedy. Destructive means that the tool will do harm or stop
// working until its own description of the cluster names the key.
func Assess(managed v1alpha1.ManagedBy, owners []Owner, v Values) v1alpha1.Drift {
	d := v1alpha1.Drift{Tool: managed.Tool, Confidence: managed.Confidence}
	if d.Tool == "" {
		d.Tool, d.Confidence = v1alpha1.ToolUnknown, v1alpha1.ConfidenceUnknown
	}
	owner := ownerOf(d.Tool, owners)
	if owner != nil {
		v.Namespace, v.Name = owner.Namespace, owner.Name
	}
	c := consequences(d.Tool)
	d.Consequence, d.Remedy, d.Destructive = c.consequence, c.remedy, breaks(managed)
	form := c.form
	if f, known := FormOf(managed); known {
		form = f
	}
	switch {
	case owner == nil || owner.KeyARN == "":
		d.Snippet, _ = Snippet(form, v)
	case owner.KeyARN == v.KeyARN:
		d.Consequence, d.Remedy, d.Destructive = fmt.Sprintf("none: its %s names this key already", owner), "", false
	default:
		d.Consequence = fmt.Sprintf("its %s names another key, %s, and will always differ from the cluster",
			owner, owner.KeyARN)
		d.Snippet, _ = Snippet(form, v)
		d.Destructive = true
	}
	if d.Confidence == v1alpha1.ConfidenceProbable && d.Tool != v1alpha1.ToolTerraform {
		d.Consequence += "; but such a tag proves nothing, and if it is Terraform instead, " +
			consequences(v1alpha1.ToolTerraform).consequence
	}
	for _, other := range managed.Also {
		d.Consequence += fmt.Sprintf("; there are also traces of %s (%s): %s", other.Tool, other.Evidence,
			consequences(other.Tool).consequence)
		if o := ownerOf(other.Tool, owners); o == nil || o.KeyARN != v.KeyARN {
			d.Destructive = d.Destructive || breaks(other)
		}
	}
	return d
}

// breaks reports whether the tool is known to do harm. Tags of Terraform and Pulumi are written
// by hand, so they may be wrong.
func breaks(m v1alpha1.ManagedBy) bool {
	byHand := m.Tool == v1alpha1.ToolTerraform || m.Tool == v1alpha1.ToolPulumi
	return consequences(m.Tool).destructive && (!byHand || m.Confidence == v1alpha1.ConfidenceCertain)
}

// ownerOf returns the object of the tool, or nil. Palette uses those of Cluster API.
func ownerOf(tool v1alpha1.Tool, owners []Owner) *Owner {
	for i := range owners {
		if o := &owners[i]; o.Tool == tool || tool == v1alpha1.ToolPalette && o.Tool == v1alpha1.ToolCAPA {
			return o
		}
	}
	return nil
}

type outcome struct {
	form                Form
	destructive         bool
	consequence, remedy string
}

// consequences returns what a tool does. The sources are the tools' own: aws_eks_cluster of
// terraform-provider-aws (ForceNew when encryption_config goes from one to none),
// reconcileEKSEncryptionConfig of cluster-api-provider-aws, hook.go of ACK's
// eks-controller, the CloudFormation schema of AWS::EKS::Cluster (create-only),
// assertNoForceNew of Upjet.
func consequences(tool v1alpha1.Tool) outcome {
	switch tool {
	case v1alpha1.ToolTerraform:
		return outcome{FormTerraform, true,
			"the next plan of Terraform, OpenTofu or Terragrunt is to DESTROY the cluster and create another, " +
				"unless its code names the key",
			"preferably associate the key in Terraform, which does it in place; otherwise add the snippet before the " +
				"next plan (for terraform-aws-modules/eks: kubectl eks-encrypt generate iac --for terraform-module)"}
	case v1alpha1.ToolPulumi:
		return outcome{FormPulumi, true,
			"the next pulumi up may replace the cluster, unless its program names the key " +
				"(it builds on Terraform's provider)",
			"preferably associate the key in Pulumi; otherwise refresh, add the snippet, and read the preview"}
	case v1alpha1.ToolCAPA:
		return outcome{FormCAPA, true,
			"Cluster API stops reconciling: \"disabling EKS encryption is not allowed after it has been enabled\"; " +
				"tags, add-ons, OIDC and identity providers are no longer maintained",
			"preferably let Cluster API associate the key: apply only the patch of the snippet; " +
				"otherwise apply it right after the association"}
	case v1alpha1.ToolPalette:
		return outcome{FormPalette, true,
			"Palette stops reconciling the cluster (Cluster API refuses to continue without the key in its spec), " +
				"and its UI still shows no key",
			"preferably let Palette associate the key: save only the override of the snippet; " +
				"otherwise save it right after the association"}
	case v1alpha1.ToolACK:
		return outcome{FormACK, true,
			"ACK becomes Terminal (\"Encryption configuration cannot be removed from an existing cluster\") " +
				"and no longer updates the cluster",
			"preferably let ACK associate the key: apply only the patch of the snippet; " +
				"otherwise apply it right after the association"}
	case v1alpha1.ToolCloudFormation:
		return outcome{FormCloudFormation, false,
			"none, as long as the template does not change: adding EncryptionConfig to it later REPLACES the cluster",
			"do not add EncryptionConfig to the template"}
	case v1alpha1.ToolCDK:
		return outcome{FormCDK, false,
			"none, as long as the stack does not change: adding secretsEncryptionKey later fails the deployment " +
				"or replaces the cluster",
			"do not add secretsEncryptionKey to the stack"}
	case v1alpha1.ToolEksctl:
		return outcome{FormEksctl, false,
			"none: eksctl's stack does not describe encryption after creation",
			"add the key to the ClusterConfig"}
	case v1alpha1.ToolCrossplane:
		return outcome{FormCrossplane, false,
			"usually none: Crossplane copies the key into its spec; an alias in the spec would block it permanently",
			"add the key's ARN to the manifest"}
	case v1alpha1.ToolUpjet:
		return outcome{FormUpjet, true,
			"Crossplane's Upjet provider may stop updating the cluster (\"refuse to update the external resource because " +
				"the following update requires replacing it\"), unless it has copied the key into its spec",
			"preferably let Crossplane associate the key: add only the snippet to the manifest; " +
				"otherwise add it right after the association, and check that the object is Synced"}
	}
	return outcome{FormTerraform, false,
		"no tag shows which tool manages the cluster; Terraform leaves none, and its next plan would be to DESTROY " +
			"the cluster and create another, unless its code names the key",
		"if Terraform manages the cluster, associate the key there, or add the snippet before the next plan; " +
			"name the tool with --managed-by"}
}
