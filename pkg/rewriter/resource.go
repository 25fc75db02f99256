package rewriter

import (
	"net/url"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Resource is one kind of stored API object.
type Resource struct {
	schema.GroupVersionResource
	// Namespaced is false for resources such as clusterroles.
	Namespaced bool
}

// Secrets is the resource that is examined unless others are asked for.
var Secrets = Resource{
	GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "secrets"},
	Namespaced:           true,
}

// namespaces is listed when one undecryptable object spoils the list of all.
var namespaces = Resource{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}}

// String is the name that kubectl takes, for instance secrets or widgets.example.com.
func (r Resource) String() string { return r.GroupResource().String() }

// path is the URL path of the collection (name empty) or of one object of it.
func (r Resource) path(namespace, name string) string {
	p := "/api/" + r.Version
	if r.Group != "" {
		p = "/apis/" + r.Group + "/" + r.Version
	}
	if namespace != "" {
		p += "/namespaces/" + url.PathEscape(namespace)
	}
	p += "/" + r.Resource
	if name != "" {
		p += "/" + url.PathEscape(name)
	}
	return p
}
