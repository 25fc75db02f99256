package controllers

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/client/clientset/clientset"
	"k8s.io/apiserver/pkg/quota/v1/generic"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/kubernetes/pkg/controller"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/resourcequota"
	"k8s.io/kubernetes/pkg/controller/storageversionmigrator"
	"k8s.io/kubernetes/pkg/quota/v1/install"
)

// namespaces deletes what a deleted namespace contains.
func (m *manager) namespaces(ctx context.Context) error {
	config, client, err := m.client("namespace-controller")
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	c := namespace.NewNamespaceController(
		ctx, client, metadataClient, client.Discovery().ServerPreferredNamespacedResources,
		m.informers.Core().V1().Namespaces(), 5*time.Minute, corev1.FinalizerKubernetes,
	)
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	return nil
}

// garbage deletes objects whose owner is gone.
func (m *manager) garbage(ctx context.Context) error {
	config, client, err := m.client("generic-garbage-collector")
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	c, err := garbagecollector.NewComposedGarbageCollector(ctx, client, metadataClient, m.mapper, m.graph)
	if err != nil {
		return err
	}
	m.loop(func(ctx context.Context) { c.Run(ctx, workers, refresh) })
	m.loop(func(ctx context.Context) { c.Sync(ctx, client.Discovery(), refresh) })
	return nil
}

// migrations runs StorageVersionMigrations, which Kubernetes serves from 1.37 on.
func (m *manager) migrations(ctx context.Context) error {
	if !serves(m.root.Discovery(), "storagemigration.k8s.io/v1") {
		return nil
	}
	const name = "storage-version-migrator-controller"
	config, client, err := m.client(name)
	if err != nil {
		return err
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	metadataClient, err := metadata.NewForConfig(config)
	if err != nil {
		return err
	}
	crds, err := apiextensions.NewForConfig(config)
	if err != nil {
		return err
	}
	informer := m.informers.Storagemigration().V1().StorageVersionMigrations()
	m.loop(storageversionmigrator.NewSVMController(
		ctx, client, dynamicClient, informer, name, m.mapper, m.graph).Run)
	m.loop(storageversionmigrator.NewResourceVersionController(
		ctx, client, client.Discovery(), metadataClient, informer, m.mapper).Run)
	m.loop(storageversionmigrator.NewCustomResourceController(
		ctx, client, informer, crds.ApiextensionsV1().CustomResourceDefinitions()).Run)
	return nil
}

// quotas counts what the ResourceQuotas limit.
func (m *manager) quotas(ctx context.Context) error {
	_, client, err := m.client("resourcequota-controller")
	if err != nil {
		return err
	}
	configuration, err := install.NewQuotaConfigurationForControllers(
		generic.ListerFuncForResourceFunc(m.informers.ForResource), m.informers)
	if err != nil {
		return err
	}
	discover := client.Discovery().ServerPreferredNamespacedResources
	c, err := resourcequota.NewController(ctx, &resourcequota.ControllerOptions{
		QuotaClient:               client.CoreV1(),
		ResourceQuotaInformer:     m.informers.Core().V1().ResourceQuotas(),
		ResyncPeriod:              controller.StaticResyncPeriodFunc(5 * time.Minute),
		InformerFactory:           m.metadata,
		ReplenishmentResyncPeriod: controller.StaticResyncPeriodFunc(resync),
		DiscoveryFunc:             discover,
		IgnoredResourcesFunc:      configuration.IgnoredResources,
		InformersStarted:          m.started,
		Registry:                  generic.NewRegistry(configuration.Evaluators()),
		UpdateFilter:              install.DefaultUpdateFilter(),
	})
	if err != nil {
		return err
	}
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	m.loop(func(ctx context.Context) { c.Sync(ctx, discover, refresh) })
	return nil
}
