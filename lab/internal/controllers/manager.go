// Package controllers is a controller manager with the controllers of
// kube-controller-manager that a cluster without nodes needs. The whole
// kube-controller-manager would also compile parts of the scheduler and the kubelet.
package controllers

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"sync"
	"time"

	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/controller-manager/pkg/clientbuilder"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
)

const (
	resync  = 12 * time.Hour
	workers = 5
	refresh = 30 * time.Second // of what the garbage collector knows of resources
)

// manager holds what the controllers share.
type manager struct {
	config    *rest.Config // of the controller manager itself
	root      *kubernetes.Clientset
	clients   clientbuilder.ControllerClientBuilder // each controller has its own service account
	mapper    *restmapper.DeferredDiscoveryRESTMapper
	informers informers.SharedInformerFactory
	metadata  informerfactory.InformerFactory
	started   chan struct{} // closed when the informers have started
	graph     *garbagecollector.GraphBuilder

	rootCA, tokenKey string // files
	loops            []func(context.Context)
}

// Main runs the controllers with the given arguments until ctx ends.
func Main(ctx context.Context, args []string) error {
	m := &manager{started: make(chan struct{})}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	kubeconfig := flags.String("kubeconfig", "", "Kubeconfig for the API server")
	flags.StringVar(&m.rootCA, "root-ca-file", "", "Certificate authority for pods and tokens")
	flags.StringVar(&m.tokenKey, "service-account-private-key-file", "", "Key that signs tokens")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	var err error
	if m.config, err = clientcmd.BuildConfigFromFlags("", *kubeconfig); err != nil {
		return err
	}
	m.config.QPS = -1 // flow control is the API server's task
	if m.root, err = kubernetes.NewForConfig(m.config); err != nil {
		return err
	}
	m.clients = clientbuilder.NewDynamicClientBuilder(
		rest.AnonymousClientConfig(m.config), m.root.CoreV1(), "kube-system")
	if err := m.waitReady(ctx); err != nil {
		return err
	}
	return m.run(ctx)
}

// waitReady waits until the API server is ready.
func (m *manager) waitReady(ctx context.Context) error {
	for {
		err := m.root.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// run builds all controllers, then starts the informers and the controllers.
func (m *manager) run(ctx context.Context) error {
	metadataClient, err := metadata.NewForConfig(m.config)
	if err != nil {
		return err
	}
	m.mapper = restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(m.root.Discovery()))
	m.informers = informers.NewSharedInformerFactory(m.root, resync)
	m.metadata = informerfactory.NewInformerFactory(
		m.informers, metadatainformer.NewSharedInformerFactory(metadataClient, resync))
	m.graph = garbagecollector.NewDependencyGraphBuilder(
		ctx, metadataClient, m.mapper, garbagecollector.DefaultIgnoredResources(), m.metadata, m.started)
	for name, build := range map[string]func(context.Context) error{
		"tokens": m.tokens, "service accounts": m.serviceAccounts, "root CA": m.rootCAs, "roles": m.roles,
		"namespaces": m.namespaces, "garbage": m.garbage, "migrations": m.migrations, "quotas": m.quotas,
		"deployments": m.deployments, "jobs": m.jobs,
	} {
		if err := build(ctx); err != nil {
			return fmt.Errorf("build the controller of %s: %w", name, err)
		}
	}
	m.informers.Start(ctx.Done())
	m.metadata.Start(ctx.Done())
	close(m.started)
	var running sync.WaitGroup
	for _, loop := range m.loops {
		running.Go(func() { loop(ctx) })
	}
	running.Wait()
	return nil
}

// loop adds a control loop.
func (m *manager) loop(run func(context.Context)) { m.loops = append(m.loops, run) }

// client returns a client with the service account of the controller.
func (m *manager) client(controller string) (*rest.Config, *kubernetes.Clientset, error) {
	config, err := m.clients.Config(controller)
	if err != nil {
		return nil, nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	return config, client, err
}

// serves reports whether the API server serves the group and version.
func serves(client discovery.ServerResourcesInterface, groupVersion string) bool {
	_, err := client.ServerResourcesForGroupVersion(groupVersion)
	return err == nil
}
