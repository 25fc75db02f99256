package iac

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// Form is a format of code that describes a cluster.
type Form string

// The forms that have a snippet.
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
	FormUpjet           Form = "upjet"
	FormUpjetLists      Form = "upjet-v1beta1"
	FormPulumi          Form = "pulumi"
)

// Forms returns all forms, in the order of the documentation.
func Forms() []Form {
	return []Form{
		FormTerraform, FormTerraformModule, FormCloudFormation, FormCDK, FormEksctl,
		FormCAPA, FormPalette, FormACK, FormCrossplane, FormUpjet, FormUpjetLists, FormPulumi,
	}
}

// Values are the variable parts of a snippet.
type Values struct {
	// Cluster and Region identify the EKS cluster.
	Cluster, Region string
	// KeyARN is the ARN of the key. EKS returns key ARNs, so an alias would always differ.
	KeyARN string
	// Namespace and Name are those of the object that manages the cluster. If empty, the
	// snippet contains placeholders.
	Namespace, Name string
}

// Snippet returns the code that makes the description of the cluster name its key. It is HCL
// for the Terraform forms and YAML for all others. Its comments say where to put it.
func Snippet(form Form, v Values) (string, error) {
	if !strings.HasPrefix(v.KeyARN, "arn:") || !strings.Contains(v.KeyARN, ":key/") {
		return "", fmt.Errorf("snippet for %s: %q is not the ARN of a key", form, v.KeyARN)
	}
	if !slices.Contains(Forms(), form) {
		return "", fmt.Errorf("no snippet for %q", form)
	}
	for _, value := range []*string{&v.Cluster, &v.Region, &v.KeyARN, &v.Namespace, &v.Name} {
		*value = sanitize.Line(*value)
	}
	v.Name, v.Namespace = cmp.Or(v.Name, "NAME"), cmp.Or(v.Namespace, "NAMESPACE")
	text := comments(form, v)
	switch form {
	case FormTerraform, FormTerraformModule:
		return text + hcl(form, v.KeyARN), nil
	case FormCloudFormation, FormCDK: // comments only
		return text, nil
	}
	code, err := yaml.Marshal(manifest(form, v))
	if err != nil {
		return "", fmt.Errorf("snippet for %s: %w", form, err)
	}
	return text + string(code), nil
}

func hcl(form Form, keyARN string) string {
	key, resources := cty.StringVal(keyARN), cty.ListVal([]cty.Value{cty.StringVal("secrets")})
	file := hclwrite.NewEmptyFile()
	if form == FormTerraformModule {
		file.Body().SetAttributeValue("create_kms_key", cty.False)
		file.Body().SetAttributeValue("encryption_config", cty.ObjectVal(map[string]cty.Value{
			"provider_key_arn": key, "resources": resources,
		}))
	} else {
		config := file.Body().AppendNewBlock("encryption_config", nil).Body()
		config.AppendNewBlock("provider", nil).Body().SetAttributeValue("key_arn", key)
		config.SetAttributeValue("resources", resources)
	}
	return string(hclwrite.Format(file.Bytes()))
}

type object map[string]any

func manifest(form Form, v Values) object {
	resources := []string{"secrets"}
	// provider is an encryption configuration whose provider is an object.
	provider := func(field string) object {
		return object{"provider": object{field: v.KeyARN}, "resources": resources}
	}
	clusterAPI := object{"spec": object{"encryptionConfig": object{"provider": v.KeyARN, "resources": resources}}}
	switch form {
	case FormEksctl:
		return object{
			"apiVersion": "eksctl.io/v1alpha5", "kind": "ClusterConfig",
			"metadata":          object{"name": v.Cluster, "region": v.Region},
			"secretsEncryption": object{"keyARN": v.KeyARN},
		}
	case FormCAPA:
		return clusterAPI
	case FormPalette:
		return object{"awsManagedControlPlane": clusterAPI}
	case FormACK:
		return object{"spec": object{"encryptionConfig": []object{provider("keyARN")}}}
	case FormCrossplane:
		return object{"spec": object{"forProvider": object{"encryptionConfig": []object{provider("keyArn")}}}}
	case FormUpjet:
		return object{"spec": object{"forProvider": object{"encryptionConfig": provider("keyArn")}}}
	case FormUpjetLists:
		return object{"spec": object{"forProvider": object{"encryptionConfig": []object{{
			"provider": []object{{"keyArn": v.KeyARN}}, "resources": resources,
		}}}}}
	}
	return object{"properties": object{"encryptionConfig": provider("keyArn")}} // Pulumi
}

// comments returns the head of a snippet. Every line of it is a comment, and every value in a
// command is one word of it, whatever the values contain.
func comments(form Form, v Values) string {
	text := strings.NewReplacer(
		"@CLUSTER@", v.Cluster, "@KEY@", v.KeyARN,
		"@NAMESPACE@", shellescape.Quote(v.Namespace), "@NAME@", shellescape.Quote(v.Name),
	).Replace(strings.TrimSpace(instructions(form)))
	return "# " + strings.ReplaceAll(text, "\n", "\n# ") + "\n"
}

func instructions(form Form) string {
	switch form {
	case FormTerraform:
		return `
Terraform or OpenTofu, in the resource "aws_eks_cluster" of @CLUSTER@.
Add it BEFORE the next plan: without it the plan is to destroy the cluster
and create another. With it, expect "No changes". Also consider:
  lifecycle { prevent_destroy = true }`
	case FormTerraformModule:
		return `
terraform-aws-modules/eks v21, among the module's arguments for @CLUSTER@.
Add it BEFORE the next plan: without it the plan is to replace the cluster,
or to create a key of the module's own. With it, expect no change to the
cluster. Up to v20 the second argument is cluster_encryption_config.`
	case FormCloudFormation:
		return `
CloudFormation: do not change the template of @CLUSTER@.
EncryptionConfig of AWS::EKS::Cluster is create-only: adding it REPLACES
the cluster. Record the key elsewhere:
  @KEY@`
	case FormCDK:
		return `
CDK: do not change the stack of @CLUSTER@.
Adding secretsEncryptionKey fails the deployment (aws-eks) or replaces the
cluster (CloudFormation's own resource). Record the key elsewhere:
  @KEY@`
	case FormEksctl:
		return `
eksctl: add the key to your ClusterConfig, for the next command with -f.`
	case FormCAPA:
		return `
Cluster API Provider AWS, in the management cluster of @CLUSTER@:
  kubectl -n @NAMESPACE@ patch awsmanagedcontrolplane @NAME@ \
    --type merge --patch-file THIS_FILE
Make the same change in the manifest that the object is created from.`
	case FormPalette:
		return `
Palette, for @CLUSTER@: Settings > Cluster Configuration > CAPI override.
Do not patch the AWSManagedControlPlane yourself: Palette owns it.
With Terraform (spectrocloud_cluster_eks), pass this text as
cloud_config.override_cluster_api_config; never set encryption_config_arn on
an existing cluster, which replaces it.`
	case FormACK:
		return `
AWS Controllers for Kubernetes, for @CLUSTER@:
  kubectl -n @NAMESPACE@ patch clusters.eks.services.k8s.aws @NAME@ \
    --type merge --patch-file THIS_FILE
Make the same change in the manifest that the object is created from.`
	case FormCrossplane:
		return `
Crossplane (provider-aws), for @CLUSTER@, in the manifest of the Cluster.
Use the ARN of the key, never an alias: an alias always differs from EKS.`
	case FormUpjet:
		return `
Crossplane (Upjet provider), for @CLUSTER@, in the manifest of the Cluster:
eks.aws.m.upbound.io/v1beta1 or eks.aws.upbound.io/v1beta2. For
eks.aws.upbound.io/v1beta1: generate iac --for upjet-v1beta1.
Afterwards the object must be Synced: the provider refuses every update as
long as its plan is to replace the cluster.`
	case FormUpjetLists:
		return `
Crossplane (Upjet provider), for @CLUSTER@, in the manifest of the Cluster
with eks.aws.upbound.io/v1beta1, where both fields are lists.
Afterwards the object must be Synced: the provider refuses every update as
long as its plan is to replace the cluster.`
	case FormPulumi:
		return `
Pulumi, for @CLUSTER@: first pulumi refresh, then among the properties.
With the eks:Cluster component use encryptionConfigKeyArn instead:
  encryptionConfigKeyArn: @KEY@
Before pulumi up, check that the preview replaces nothing.`
	}
	return ""
}
