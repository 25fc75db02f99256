package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
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

// Discovery is the outcome of Discover.
type Discovery struct {
	Resources []Resource
	// Notes report what could not be determined; Partial is true if there are any.
	Notes   []string
	Partial bool
}

func (d *Discovery) omit(note string) { d.Notes, d.Partial = append(d.Notes, note), true }

// Discover returns the resources that the cluster stores and that allow list and
// patch, including custom resources, in their preferred versions. named limits them
// to those with these names, written as for kubectl (widgets.example.com). Aggregated
// and virtual resources are omitted.
func Discover(ctx context.Context, config *rest.Config, named []string) (d Discovery, err error) {
	c, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return d, fmt.Errorf("configure the connection to the API server: %w", err)
	}
	groups, lists, err := c.ServerGroupsAndResourcesWithContext(ctx)
	failed, partial := discovery.GroupDiscoveryFailedErrorGroups(err)
	served := map[string][]metav1.APIResource{} // by group version
	for _, list := range lists {
		served[list.GroupVersion] = list.APIResources
	}
	// A response that is not a discovery document has no groups. It causes no error.
	if incomplete := len(served["v1"]) == 0 || len(groups) < 2; incomplete || err != nil && !partial {
		err = cmp.Or(context.Cause(ctx), err, errors.New("the API server did not return its API groups"))
		if apierrors.IsForbidden(err) { // client-go drops the message of the API server
			err = fmt.Errorf("the Kubernetes user is not allowed to get /api and /apis: %w", err)
		}
		return d, fmt.Errorf("discover the resources: %w", err)
	}
	extensions, err := aggregated(ctx, config)
	if err != nil {
		d.omit("could not determine which APIs are aggregated, so some objects may not be in etcd: " + err.Error())
	}
	maps.DeleteFunc(failed, func(gv schema.GroupVersion, _ error) bool { return extensions[gv] })
	if len(failed) > 0 {
		var names []string
		for gv := range failed {
			names = append(names, gv.String())
		}
		slices.Sort(names)
		d.omit("omitted because these API groups did not respond: " + strings.Join(names, ", "))
	}
	d.Resources = stored(groups, served, extensions, named)
	for _, name := range named {
		if !slices.ContainsFunc(d.Resources, func(r Resource) bool { return r.isNamed(name) }) {
			err := fmt.Errorf("no stored resource %q allows list and patch", name)
			return d, hint.Wrap(err, "`kubectl api-resources --verbs=list,patch` shows the names")
		}
	}
	return d, nil
}

// stored selects the resources that are stored in the cluster's own etcd and that
// allow list and patch, each in the first version that has it.
func stored(
	groups []*metav1.APIGroup, served map[string][]metav1.APIResource, extensions map[schema.GroupVersion]bool,
	named []string,
) (found []Resource) {
	writable := discovery.SupportsAllVerbs{Verbs: []string{"list", "patch"}}
	for _, g := range groups {
		seen := map[string]bool{}
		for _, v := range g.Versions {
			gv := schema.GroupVersion{Group: g.Name, Version: v.Version}
			if extensions[gv] {
				continue
			}
			for _, api := range served[v.GroupVersion] {
				r := Resource{gv.WithResource(api.Name), api.Namespaced}
				switch {
				case seen[api.Name]:
				case !writable.Match(v.GroupVersion, &api):
				case len(named) == 0 && r.shortLived():
				case len(named) > 0 && !slices.ContainsFunc(named, r.isNamed):
				default:
					found = append(found, r)
				}
				seen[api.Name] = true
			}
		}
	}
	slices.SortFunc(found, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource))
	})
	return found
}

// rank returns the sort order: Secrets come first.
func rank(r Resource) int {
	if r == Secrets() {
		return 0
	}
	return 1
}

// aggregated returns the group versions that extension API servers serve.
func aggregated(ctx context.Context, config *rest.Config) (map[schema.GroupVersion]bool, error) {
	c, err := dynamic.NewForConfig(withTimeout(config))
	if err != nil {
		return nil, err
	}
	apiServices := schema.GroupVersionResource{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices"}
	list, err := c.Resource(apiServices).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	found := map[schema.GroupVersion]bool{}
	for _, item := range list.Items {
		if _, remote, _ := unstructured.NestedMap(item.Object, "spec", "service"); remote {
			group, _, _ := unstructured.NestedString(item.Object, "spec", "group")
			version, _, _ := unstructured.NestedString(item.Object, "spec", "version")
			found[schema.GroupVersion{Group: group, Version: version}] = true
		}
	}
	return found, nil
}
