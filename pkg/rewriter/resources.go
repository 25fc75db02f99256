package rewriter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
)

// Resource is one kind of stored API object.
type Resource struct {
	schema.GroupVersionResource
	// Namespaced is false for resources such as clusterroles.
	Namespaced bool
}

// Secrets is the default resource.
func Secrets() Resource {
	return Resource{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, true}
}

// String returns the name that kubectl accepts, such as secrets or
// widgets.example.com.
func (r Resource) String() string { return r.GroupResource().String() }

// path returns the URL path of the collection, or of one object if name is set.
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

// isNamed reports whether the resource has this name, with or without its group.
func (r Resource) isNamed(name string) bool { return name == r.Resource || name == r.String() }

// shortLived reports whether the objects of the resource are written and deleted so
// often that they move to the current key on their own. Such resources are included
// only if they are named.
func (r Resource) shortLived() bool {
	switch r.GroupResource().String() {
	case "events", "events.events.k8s.io", "leases.coordination.k8s.io":
		return true
	}
	return false
}

// Discover returns the resources that the cluster stores and that allow list and
// patch, including custom resources, in their preferred versions. named limits them
// to those with these names, written as for kubectl (widgets.example.com). Aggregated
// and virtual resources are omitted. The notes report what could not be determined.
func Discover(ctx context.Context, config *rest.Config, named []string) (found []Resource, notes []string, err error) {
	c, err := newClient(config)
	if err != nil {
		return nil, nil, err
	}
	var groups []group
	for _, root := range []string{"/api", "/apis"} {
		more, err := c.discover(ctx, root)
		if err != nil {
			return nil, nil, fmt.Errorf("discover the resources: %w", err)
		}
		groups = append(groups, more...)
	}
	aggregated, err := c.aggregated(ctx)
	if err != nil {
		notes = append(notes, "could not determine which APIs are aggregated: "+err.Error())
	}
	found, stale := stored(groups, aggregated, named)
	if len(stale) > 0 {
		notes = append(notes, "omitted because these API groups did not respond: "+strings.Join(stale, ", "))
	}
	for _, name := range named {
		if !slices.ContainsFunc(found, func(r Resource) bool { return r.isNamed(name) }) {
			err := fmt.Errorf("no stored resource %q allows list and patch", name)
			return nil, nil, hint.Wrap(err, "`kubectl api-resources --verbs=list,patch` shows the names")
		}
	}
	return found, notes, nil
}

// group is one API group in aggregated discovery (k8s.io/api/apidiscovery). The most
// preferred version comes first.
type group struct {
	Metadata struct{ Name string }
	Versions []struct {
		Version   string
		Freshness string // Current, or Stale if an extension API server does not respond
		Resources []struct {
			Resource string
			Scope    string
			Verbs    []string
		}
	}
}

// acceptDiscovery requests aggregated discovery. Kubernetes serves it since 1.27, and
// as v2 since 1.30.
const acceptDiscovery = jsonType + ";g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList," +
	jsonType + ";g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

func (c *client) discover(ctx context.Context, root string) ([]group, error) {
	raw, err := c.json(ctx, kube.Request{Method: http.MethodGet, Path: root, Accept: acceptDiscovery})
	if err != nil {
		return nil, err
	}
	var list struct {
		Kind  string
		Items []group
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode %s: %w", root, err)
	}
	if list.Kind != "APIGroupDiscoveryList" {
		return nil, errors.New("the API server has no aggregated discovery; it requires Kubernetes 1.27 or later")
	}
	return list.Items, nil
}

// stored selects the resources that are stored in the cluster's own etcd and that
// allow list and patch, each in the first version that has it. stale are the group
// versions whose resources are unknown.
func stored(
	groups []group, aggregated map[schema.GroupVersion]bool, named []string,
) (found []Resource, stale []string) {
	for _, g := range groups {
		seen := map[string]bool{}
		for _, v := range g.Versions {
			gv := schema.GroupVersion{Group: g.Metadata.Name, Version: v.Version}
			if aggregated[gv] {
				continue
			}
			if v.Freshness == "Stale" {
				stale = append(stale, gv.String())
			}
			for _, api := range v.Resources {
				r := Resource{gv.WithResource(api.Resource), api.Scope == "Namespaced"}
				switch {
				case seen[api.Resource]:
				case !slices.Contains(api.Verbs, "list") || !slices.Contains(api.Verbs, "patch"):
				case len(named) == 0 && r.shortLived():
				case len(named) > 0 && !slices.ContainsFunc(named, r.isNamed):
				default:
					found = append(found, r)
				}
				seen[api.Resource] = true
			}
		}
	}
	slices.SortFunc(found, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource))
	})
	return found, stale
}

// rank returns the sort order: Secrets come first.
func rank(r Resource) int {
	if r == Secrets() {
		return 0
	}
	return 1
}

// aggregated returns the group versions that extension API servers serve.
func (c *client) aggregated(ctx context.Context) (map[schema.GroupVersion]bool, error) {
	raw, err := c.json(ctx, kube.Request{Method: http.MethodGet, Path: "/apis/apiregistration.k8s.io/v1/apiservices"})
	if err != nil {
		return nil, err
	}
	var list struct {
		Items []struct {
			Spec struct {
				Group   string          `json:"group"`
				Version string          `json:"version"`
				Service json.RawMessage `json:"service"`
			} `json:"spec"`
		} `json:"items"`
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("decode the APIServices: %w", err)
	}
	found := map[schema.GroupVersion]bool{}
	for _, item := range list.Items {
		if s := string(item.Spec.Service); s != "" && s != "null" {
			found[schema.GroupVersion{Group: item.Spec.Group, Version: item.Spec.Version}] = true
		}
	}
	return found, nil
}
