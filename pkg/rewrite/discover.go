package rewrite

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
)

// byNameOnly are left out unless they are named: they are written and dropped all
// the time, so that they end under the current key by themselves.
var byNameOnly = map[schema.GroupResource]bool{
	{Resource: "events"}:                               true,
	{Group: "events.k8s.io", Resource: "events"}:       true,
	{Group: "coordination.k8s.io", Resource: "leases"}: true,
}

// Discover returns the resources that the cluster stores and that allow list and
// patch, custom ones among them, in their preferred versions: all of them, or
// those named (as kubectl names them: widgets.example.com). Aggregated and
// virtual resources are left out. Notes say what could not be found out.
func Discover(ctx context.Context, config *rest.Config, named []string) (found []Resource, notes []string, err error) {
	d, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, nil, fmt.Errorf("preparing discovery: %w", err)
	}
	lists, err := d.ServerPreferredResources()
	if err != nil {
		if !discovery.IsGroupDiscoveryFailedError(err) {
			return nil, nil, fmt.Errorf("discovering the resources: %w", err)
		}
		notes = append(notes, "left out, because their API groups did not answer: "+err.Error())
	}
	elsewhere, err := aggregated(ctx, config)
	if err != nil {
		notes = append(notes, "aggregated APIs could not be told from stored ones: "+err.Error())
	}
	found = stored(lists, elsewhere, named)
	for _, name := range named {
		if !slices.ContainsFunc(found, func(r Resource) bool { return r.is(name) }) {
			return nil, nil, fmt.Errorf("no stored resource %q that allows list and patch\nhint: `kubectl api-resources --verbs=list,patch` shows the names", name)
		}
	}
	return found, notes, nil
}

// is tells whether the resource goes by the name.
func (r Resource) is(name string) bool { return name == r.Resource || name == r.String() }

// stored picks from the preferred resources those that are stored in the cluster's
// own etcd and can be listed and patched.
func stored(lists []*metav1.APIResourceList, elsewhere map[schema.GroupVersion]bool, named []string) []Resource {
	var found []Resource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil || elsewhere[gv] {
			continue
		}
		for _, api := range list.APIResources {
			r := Resource{gv.WithResource(api.Name), api.Namespaced}
			switch {
			case strings.Contains(api.Name, "/"):
			case !slices.Contains(api.Verbs, "list") || !slices.Contains(api.Verbs, "patch"):
			case len(named) == 0 && byNameOnly[r.GroupResource()]:
			case len(named) > 0 && !slices.ContainsFunc(named, r.is):
			default:
				found = append(found, r)
			}
		}
	}
	// Secrets first, then by name.
	slices.SortFunc(found, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource))
	})
	return found
}

func rank(r Resource) int {
	if r == Secrets {
		return 0
	}
	return 1
}

// aggregated returns the group versions that an extension API server serves.
func aggregated(ctx context.Context, config *rest.Config) (map[schema.GroupVersion]bool, error) {
	c, err := newClient(config)
	if err != nil {
		return nil, err
	}
	raw, err := c.json(ctx, http.MethodGet, "/apis/apiregistration.k8s.io/v1/apiservices", nil, "", nil)
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
		return nil, fmt.Errorf("reading the APIServices: %w", err)
	}
	found := map[schema.GroupVersion]bool{}
	for _, item := range list.Items {
		if s := string(item.Spec.Service); s != "" && s != "null" {
			found[schema.GroupVersion{Group: item.Spec.Group, Version: item.Spec.Version}] = true
		}
	}
	return found, nil
}
