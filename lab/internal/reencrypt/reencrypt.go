// Package reencrypt writes every object of a cluster without a change, so that the API
// server encrypts it with its write key.
package reencrypt

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// All writes every object of every resource that allows it.
func All(ctx context.Context, config *rest.Config) error {
	config = rest.CopyConfig(config)
	config.QPS = -1
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	lists, err := discoverer.ServerPreferredResources()
	if err != nil {
		return err
	}
	writable := discovery.SupportsAllVerbs{Verbs: []string{"list", "patch"}}
	for _, list := range discovery.FilteredBy(writable, lists) {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return err
		}
		for i := range list.APIResources {
			if err := one(ctx, client, gv.WithResource(list.APIResources[i].Name)); err != nil {
				return fmt.Errorf("re-encrypt the %s: %w", list.APIResources[i].Name, err)
			}
		}
	}
	return nil
}

// one writes every object of one resource.
func one(ctx context.Context, client metadata.Interface, resource schema.GroupVersionResource) error {
	list, err := client.Resource(resource).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8 * runtime.GOMAXPROCS(0))
	for i := range list.Items {
		group.Go(func() error {
			object := &list.Items[i]
			_, err := client.Resource(resource).Namespace(object.Namespace).Patch(ctx, object.Name,
				types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return err
		})
	}
	return group.Wait()
}
