package drift

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// kind is a custom resource that describes EKS clusters.
type kind struct {
	tool     v1alpha1.Tool
	resource schema.GroupVersionResource
	// name and key are where the object keeps the cluster's name and its key.
	name, key []string
}

func kinds() []kind {
	return []kind{
		{v1alpha1.ToolCAPA, schema.GroupVersionResource{Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Resource: "awsmanagedcontrolplanes"},
			[]string{"spec", "eksClusterName"}, []string{"spec", "encryptionConfig", "provider"}},
		{v1alpha1.ToolACK, schema.GroupVersionResource{Group: "eks.services.k8s.aws", Version: "v1alpha1", Resource: "clusters"},
			[]string{"spec", "name"}, []string{"spec", "encryptionConfig", "0", "provider", "keyARN"}},
		{v1alpha1.ToolCrossplane, schema.GroupVersionResource{Group: "eks.aws.crossplane.io", Version: "v1beta1", Resource: "clusters"},
			[]string{"metadata", "annotations", "crossplane.io/external-name"}, []string{"spec", "forProvider", "encryptionConfig", "0", "provider", "keyArn"}},
	}
}

// FindOwner looks for the object that manages the EKS cluster, in the Kubernetes
// cluster that kubectl talks to. Such objects may as well live in another cluster,
// and the caller may not be allowed to read them: nil proves nothing.
func FindOwner(ctx context.Context, client dynamic.Interface, cluster string) *Owner {
	for _, k := range kinds() {
		list, err := client.Resource(k.resource).List(ctx, metav1.ListOptions{Limit: 500})
		if err != nil {
			continue // no such kind, or not allowed: a hint less
		}
		for _, object := range list.Items {
			if owner := k.owner(object, cluster); owner != nil {
				return owner
			}
		}
	}
	return nil
}

func (k kind) owner(object unstructured.Unstructured, cluster string) *Owner {
	if lookup(object.Object, k.name) != cluster {
		return nil
	}
	return &Owner{Tool: k.tool, Namespace: object.GetNamespace(), Name: object.GetName(), KeyARN: lookup(object.Object, k.key)}
}

// lookup follows a path through maps and, by the index "0", to the first of a list.
func lookup(v any, path []string) string {
	for _, step := range path {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			if step != "0" || len(node) == 0 {
				return ""
			}
			v = node[0]
		default:
			return ""
		}
	}
	s, _ := v.(string)
	return s
}
