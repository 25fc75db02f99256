package rewriter

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
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
	c, err := newClient(config)
	if err != nil {
		return nil, nil, err
	}
	var groups []group
	for _, root := range []string{"/api", "/apis"} {
		more, err := c.discover(ctx, root)
		if err != nil {
			return nil, nil, fmt.Errorf("discovering the resources: %w", err)
		}
		groups = append(groups, more...)
	}
	elsewhere, err := c.aggregated(ctx)
	if err != nil {
		notes = append(notes, "aggregated APIs could not be told from stored ones: "+err.Error())
	}
	found, silent := stored(groups, elsewhere, named)
	if len(silent) > 0 {
		notes = append(notes, "left out, because these API groups did not answer: "+strings.Join(silent, ", "))
	}
	for _, name := range named {
		if !slices.ContainsFunc(found, func(r Resource) bool { return r.is(name) }) {
			return nil, nil, fmt.Errorf("no stored resource %q that allows list and patch\nhint: `kubectl api-resources --verbs=list,patch` shows the names", name)
		}
	}
	return found, notes, nil
}

// group is one API group as aggregated discovery tells it (k8s.io/api/apidiscovery),
// its versions from the most preferred one on.
type group struct {
	Metadata struct{ Name string }
	Versions []struct {
		Version   string
		Freshness string // Current, or Stale where an extension API server is silent
		Resources []struct {
			Resource string
			Scope    string
			Verbs    []string
		}
	}
}

// acceptDiscovery is served from Kubernetes 1.27 on, as v2 from 1.30 on.
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
		return nil, fmt.Errorf("reading %s: %w", root, err)
	}
	if list.Kind != "APIGroupDiscoveryList" {
		return nil, errors.New("the API server has no aggregated discovery, which Kubernetes serves from 1.27 on")
	}
	return list.Items, nil
}

// is tells whether the resource goes by the name.
func (r Resource) is(name string) bool { return name == r.Resource || name == r.String() }

// stored picks the resources that are stored in the cluster's own etcd and can be
// listed and patched, each in the first version that has it. silent are the group
// versions that nothing is known of.
func stored(groups []group, elsewhere map[schema.GroupVersion]bool, named []string) (found []Resource, silent []string) {
	for _, g := range groups {
		seen := map[string]bool{}
		for _, v := range g.Versions {
			gv := schema.GroupVersion{Group: g.Metadata.Name, Version: v.Version}
			if elsewhere[gv] {
				continue
			}
			if v.Freshness == "Stale" {
				silent = append(silent, gv.String())
			}
			for _, api := range v.Resources {
				r := Resource{gv.WithResource(api.Resource), api.Scope == "Namespaced"}
				switch {
				case seen[api.Resource]:
				case !slices.Contains(api.Verbs, "list") || !slices.Contains(api.Verbs, "patch"):
				case len(named) == 0 && byNameOnly[r.GroupResource()]:
				case len(named) > 0 && !slices.ContainsFunc(named, r.is):
				default:
					found = append(found, r)
				}
				seen[api.Resource] = true
			}
		}
	}
	// Secrets first, then by name.
	slices.SortFunc(found, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Group, b.Group), cmp.Compare(a.Resource, b.Resource))
	})
	return found, silent
}

func rank(r Resource) int {
	if r == Secrets {
		return 0
	}
	return 1
}

// aggregated returns the group versions that an extension API server serves.
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
