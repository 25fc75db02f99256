package iac

import (
	"context"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/jsonpath"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// kind is a type of custom resource that describes EKS clusters.
type kind struct {
	tool     v1alpha1.Tool
	resource schema.GroupVersionResource
	// name and key are the JSONPaths of the cluster's name and its KMS key in the object.
	name, key string
}

func kinds() []kind {
	return []kind{
		{v1alpha1.ToolCAPA,
			schema.GroupVersionResource{
				Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Resource: "awsmanagedcontrolplanes",
			},
			"{.spec.eksClusterName}", "{.spec.encryptionConfig.provider}"},
		{v1alpha1.ToolACK,
			schema.GroupVersionResource{Group: "eks.services.k8s.aws", Version: "v1alpha1", Resource: "clusters"},
			"{.spec.name}", "{.spec.encryptionConfig[0].provider.keyARN}"},
		{v1alpha1.ToolCrossplane,
			schema.GroupVersionResource{Group: "eks.aws.crossplane.io", Version: "v1beta1", Resource: "clusters"},
			`{.metadata.annotations.crossplane\.io/external-name}`,
			"{.spec.forProvider.encryptionConfig[0].provider.keyArn}"},
	}
}

// FindOwner returns the object that manages the EKS cluster, if it is in the Kubernetes
// cluster that client reads. nil proves nothing: the object may be in another cluster, or
// the caller may lack the permission to read it.
func FindOwner(ctx context.Context, client dynamic.Interface, cluster string) *Owner {
	for _, k := range kinds() {
		list, err := client.Resource(k.resource).List(ctx, metav1.ListOptions{Limit: 500})
		if err != nil {
			continue // not installed, or forbidden: the owner stays unknown
		}
		for i := range list.Items {
			if object := &list.Items[i]; lookup(object, k.name) == cluster {
				return &Owner{
					Tool: k.tool, Namespace: object.GetNamespace(), Name: object.GetName(), KeyARN: lookup(object, k.key),
				}
			}
		}
	}
	return nil
}

// lookup returns the text at a JSONPath of the object, or "" if there is none.
func lookup(object *unstructured.Unstructured, path string) string {
	p := jsonpath.New("").AllowMissingKeys(true)
	var text strings.Builder
	if p.Parse(path) != nil || p.Execute(&text, object.Object) != nil {
		return ""
	}
	return text.String()
}
