package controllers

import (
	"context"
	"os"

	"k8s.io/client-go/util/keyutil"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/certificates/rootcacertpublisher"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	serviceaccountcontroller "k8s.io/kubernetes/pkg/controller/serviceaccount"
	"k8s.io/kubernetes/pkg/serviceaccount"
)

// tokens fills secrets with tokens of service accounts.
func (m *manager) tokens(ctx context.Context) error {
	key, err := keyutil.PrivateKeyFromFile(m.tokenKey)
	if err != nil {
		return err
	}
	rootCA, err := os.ReadFile(m.rootCA)
	if err != nil {
		return err
	}
	generator, err := serviceaccount.JWTTokenGenerator(serviceaccount.LegacyIssuer, key)
	if err != nil {
		return err
	}
	c, err := serviceaccountcontroller.NewTokensController(
		klog.FromContext(ctx), m.informers.Core().V1().ServiceAccounts(), m.informers.Core().V1().Secrets(), m.root,
		serviceaccountcontroller.TokensControllerOptions{TokenGenerator: generator, RootCA: rootCA},
	)
	if err != nil {
		return err
	}
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	return nil
}

// serviceAccounts creates the service account default in each namespace.
func (m *manager) serviceAccounts(ctx context.Context) error {
	_, client, err := m.client("service-account-controller")
	if err != nil {
		return err
	}
	c, err := serviceaccountcontroller.NewServiceAccountsController(
		klog.FromContext(ctx), m.informers.Core().V1().ServiceAccounts(), m.informers.Core().V1().Namespaces(), client,
		serviceaccountcontroller.DefaultServiceAccountsControllerOptions(),
	)
	if err != nil {
		return err
	}
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	return nil
}

// rootCAs creates the config map kube-root-ca.crt in each namespace.
func (m *manager) rootCAs(context.Context) error {
	rootCA, err := os.ReadFile(m.rootCA)
	if err != nil {
		return err
	}
	_, client, err := m.client("root-ca-cert-publisher")
	if err != nil {
		return err
	}
	c, err := rootcacertpublisher.NewPublisher(
		m.informers.Core().V1().ConfigMaps(), m.informers.Core().V1().Namespaces(), client, rootCA)
	if err != nil {
		return err
	}
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	return nil
}

// roles fills aggregated cluster roles such as view.
func (m *manager) roles(context.Context) error {
	_, client, err := m.client("clusterrole-aggregation-controller")
	if err != nil {
		return err
	}
	c := clusterroleaggregation.NewClusterRoleAggregation(m.informers.Rbac().V1().ClusterRoles(), client.RbacV1())
	m.loop(func(ctx context.Context) { c.Run(ctx, workers) })
	return nil
}
