package iac

import (
	"fmt"
	"slices"
	"strings"
)

// Form is a way of describing a cluster in code.
type Form string

// Forms that a snippet exists for.
const (
	FormTerraform       Form = "terraform"
	FormTerraformModule Form = "terraform-module"
	FormCloudFormation  Form = "cloudformation"
	FormCDK             Form = "cdk"
	FormEksctl          Form = "eksctl"
	FormCAPA            Form = "capa"
	FormPalette         Form = "palette"
	FormACK             Form = "ack"
	FormCrossplane      Form = "crossplane"
	FormPulumi          Form = "pulumi"
)

// Forms lists them all, in the order of the documentation.
func Forms() []Form {
	return []Form{
		FormTerraform, FormTerraformModule, FormCloudFormation, FormCDK, FormEksctl,
		FormCAPA, FormPalette, FormACK, FormCrossplane, FormPulumi,
	}
}

// Values fill a snippet in.
type Values struct {
	// Cluster and Region name the EKS cluster.
	Cluster, Region string
	// KeyARN is the ARN of the key itself: an alias would differ for ever from what
	// EKS answers.
	KeyARN string
	// Namespace and Name are those of the object that manages the cluster, where it
	// was found; placeholders stand in otherwise.
	Namespace, Name string
}

// Snippet is what to paste so that the code agrees with the cluster. It is HCL for
// the Terraform forms and YAML for all others; its comments say where it goes.
func Snippet(form Form, v Values) (string, error) {
	if !strings.HasPrefix(v.KeyARN, "arn:") || !strings.Contains(v.KeyARN, ":key/") {
		return "", fmt.Errorf("snippet for %s: %q is not the ARN of a key", form, v.KeyARN)
	}
	if !slices.Contains(Forms(), form) {
		return "", fmt.Errorf("no snippet for %q", form)
	}
	if v.Name == "" {
		v.Name = "NAME"
	}
	if v.Namespace == "" {
		v.Namespace = "NAMESPACE"
	}
	r := strings.NewReplacer("@CLUSTER@", v.Cluster, "@REGION@", v.Region, "@KEY@", v.KeyARN, "@NAMESPACE@", v.Namespace, "@NAME@", v.Name)
	return r.Replace(strings.TrimLeft(snippets(form), "\n")), nil
}

func snippets(form Form) string {
	switch form {
	case FormTerraform:
		return `
# Terraform, inside the resource "aws_eks_cluster" of @CLUSTER@.
# Add it BEFORE the next plan: without it the plan is to destroy the cluster
# and create another. With it, expect "No changes". Consider, besides:
#   lifecycle { prevent_destroy = true }
encryption_config {
  provider {
    key_arn = "@KEY@"
  }
  resources = ["secrets"]
}
`
	case FormTerraformModule:
		return `
# terraform-aws-modules/eks v21, among the module's arguments for @CLUSTER@.
# Add it BEFORE the next plan: without it the plan is to replace the cluster,
# or to make a key of the module's own. With it, expect no change to the
# cluster. Up to v20 the second argument is cluster_encryption_config.
create_kms_key = false
encryption_config = {
  provider_key_arn = "@KEY@"
  resources        = ["secrets"]
}
`
	case FormCloudFormation:
		return `
# CloudFormation: leave the template of @CLUSTER@ alone.
# EncryptionConfig of AWS::EKS::Cluster is create-only: adding it REPLACES
# the cluster. Record the key elsewhere:
#   @KEY@
`
	case FormCDK:
		return `
# CDK: leave the stack of @CLUSTER@ alone.
# Adding secretsEncryptionKey fails the deployment (aws-eks) or replaces the
# cluster (CloudFormation's own resource). Record the key elsewhere:
#   @KEY@
`
	case FormEksctl:
		return `
# eksctl: keep your ClusterConfig in step, for the next command with -f.
apiVersion: eksctl.io/v1alpha5
kind: ClusterConfig
metadata:
  name: @CLUSTER@
  region: @REGION@
secretsEncryption:
  keyARN: @KEY@
`
	case FormCAPA:
		return `
# Cluster API Provider AWS, in the management cluster of @CLUSTER@:
#   kubectl -n @NAMESPACE@ patch awsmanagedcontrolplane @NAME@ \
#     --type merge --patch-file THIS_FILE
# Put the same into the manifest that the object comes from.
spec:
  encryptionConfig:
    provider: @KEY@
    resources:
    - secrets
`
	case FormPalette:
		return `
# Palette, for @CLUSTER@: Settings > Cluster Configuration > CAPI override.
# Don't patch the AWSManagedControlPlane yourself: Palette owns it.
# With Terraform (spectrocloud_cluster_eks), pass this text as
# cloud_config.override_cluster_api_config; never set encryption_config_arn on
# an existing cluster, which replaces it.
awsManagedControlPlane:
  spec:
    encryptionConfig:
      provider: @KEY@
      resources:
      - secrets
`
	case FormACK:
		return `
# AWS Controllers for Kubernetes, for @CLUSTER@:
#   kubectl -n @NAMESPACE@ patch clusters.eks.services.k8s.aws @NAME@ \
#     --type merge --patch-file THIS_FILE
# Put the same into the manifest that the object comes from.
spec:
  encryptionConfig:
  - provider:
      keyARN: @KEY@
    resources:
    - secrets
`
	case FormCrossplane:
		return `
# Crossplane (provider-aws), for @CLUSTER@, in the manifest of the Cluster:
# the ARN of the key, never an alias, which would never agree with EKS.
spec:
  forProvider:
    encryptionConfig:
    - provider:
        keyArn: @KEY@
      resources:
      - secrets
`
	case FormPulumi:
		return `
# Pulumi, for @CLUSTER@: first pulumi refresh, then among the properties.
# With the eks:Cluster component it is encryptionConfigKeyArn instead:
#   encryptionConfigKeyArn: @KEY@
# Before pulumi up, check that the preview replaces nothing.
properties:
  encryptionConfig:
    provider:
      keyArn: @KEY@
    resources:
    - secrets
`
	}
	return ""
}
