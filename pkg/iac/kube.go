package iac

import (
	"context"
	"encoding/json"
	"net/url"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// kind is a type of custom resource that describes EKS clusters.
type kind struct {
	tool     v1alpha1.Tool
	resource schema.GroupVersionResource
	// name and key are the paths to the cluster's name and its KMS key in the object.
	name, key []string
}

func kinds() []kind {
	return []kind{
		{v1alpha1.ToolCAPA,
			schema.GroupVersionResource{
				Group: "controlplane.cluster.x-k8s.io", Version: "v1beta2", Resource: "awsmanagedcontrolplanes",
			},
			[]string{"spec", "eksClusterName"}, []string{"spec", "encryptionConfig", "provider"}},
		{v1alpha1.ToolACK,
			schema.GroupVersionResource{Group: "eks.services.k8s.aws", Version: "v1alpha1", Resource: "clusters"},
			[]string{"spec", "name"}, []string{"spec", "encryptionConfig", "0", "provider", "keyARN"}},
		{v1alpha1.ToolCrossplane,
			schema.GroupVersionResource{Group: "eks.aws.crossplane.io", Version: "v1beta1", Resource: "clusters"},
			[]string{"metadata", "annotations", "crossplane.io/external-name"},
			[]string{"spec", "forProvider", "encryptionConfig", "0", "provider", "keyArn"}},
	}
}

// Getter reads from the Kubernetes API.
type Getter interface {
	// Get returns the JSON at a path of the API server.
	Get(ctx context.Context, path string, query url.Values) ([]byte, error)
}

// FindOwner returns the object that manages the EKS cluster, if it is in the Kubernetes
// cluster that client reads. nil proves nothing: the object may be in another cluster, or
// the caller may lack the permission to read it.
func FindOwner(ctx context.Context, client Getter, cluster string) *Owner {
	for _, k := range kinds() {
		path := "/apis/" + k.resource.Group + "/" + k.resource.Version + "/" + k.resource.Resource
		raw, err := client.Get(ctx, path, url.Values{"limit": {"500"}})
		var list struct{ Items []map[string]any }
		if err != nil || json.Unmarshal(raw, &list) != nil {
			continue // not installed, or forbidden: the owner stays unknown
		}
		for _, object := range list.Items {
			if owner := k.owner(object, cluster); owner != nil {
				return owner
			}
		}
	}
	return nil
}

func (k kind) owner(object map[string]any, cluster string) *Owner {
	if lookup(object, k.name) != cluster {
		return nil
	}
	name := func(field string) string { return lookup(object, []string{"metadata", field}) }
	return &Owner{Tool: k.tool, Namespace: name("namespace"), Name: name("name"), KeyARN: lookup(object, k.key)}
}

// lookup returns the string at a path of map keys, where "0" is the first item of a list. It
// returns "" if there is none.
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
