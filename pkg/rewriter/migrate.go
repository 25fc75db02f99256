package rewriter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	svmv1 "k8s.io/api/storagemigration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
)

// PhaseMigrating is the phase in which the cluster itself does the work.
const PhaseMigrating Phase = "Migrating"

const (
	migrationsPath = "/apis/storagemigration.k8s.io/v1/storageversionmigrations"
	migrationPoll  = 2 * time.Second
)

// Migrate hands the work to the cluster's own storage version migrator, which
// Kubernetes serves from 1.37 on, waits for it, and then proves the outcome by a
// sample, for the migrator itself never says what it found. The migration goes on
// in the cluster when the context ends.
func Migrate(ctx context.Context, options Options) (*Result, error) {
	options.Method = v1alpha1.MethodMigrator
	options.complete()
	c, err := newClient(options.Config)
	if err != nil {
		return nil, err
	}
	for _, resource := range options.Resources {
		if err := migrate(ctx, c, resource, &options); err != nil {
			return nil, err
		}
	}
	return Run(ctx, options)
}

func migrate(ctx context.Context, c *client, resource Resource, o *Options) error {
	body, err := json.Marshal(&svmv1.StorageVersionMigration{
		TypeMeta:   metav1.TypeMeta{APIVersion: "storagemigration.k8s.io/v1", Kind: "StorageVersionMigration"},
		ObjectMeta: metav1.ObjectMeta{GenerateName: "eks-encrypt-" + resource.Resource + "-"},
		Spec:       svmv1.StorageVersionMigrationSpec{Resource: metav1.GroupResource(resource.GroupResource())},
	})
	if err != nil {
		return err
	}
	raw, err := c.json(ctx, kube.Request{Method: http.MethodPost, Path: migrationsPath, ContentType: jsonType, Body: body})
	if apierrors.IsNotFound(err) {
		return fmt.Errorf("the cluster has no storagemigration.k8s.io/v1, which Kubernetes serves from 1.37 on: %w\nhint: --via=client needs nothing of the cluster", err)
	}
	if err != nil {
		return fmt.Errorf("creating a StorageVersionMigration of %s: %w", resource, err)
	}
	for {
		var m svmv1.StorageVersionMigration
		if err := json.Unmarshal(raw, &m); err != nil {
			return fmt.Errorf("reading the StorageVersionMigration of %s: %w", resource, err)
		}
		finished, err := migrated(&m)
		if finished || err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(Progress{Phase: PhaseMigrating, Resource: resource.String()})
		}
		if err := o.Sleep(ctx, migrationPoll); err != nil {
			return fmt.Errorf("waiting for StorageVersionMigration %s, which goes on in the cluster: %w", m.Name, err)
		}
		look := kube.Request{Method: http.MethodGet, Path: migrationsPath + "/" + url.PathEscape(m.Name)}
		raw, err = c.json(ctx, look)
		for transient(err) && ctx.Err() == nil {
			if o.Sleep(ctx, migrationPoll) != nil {
				break
			}
			raw, err = c.json(ctx, look)
		}
		if err != nil {
			return fmt.Errorf("watching StorageVersionMigration %s: %w", m.Name, err)
		}
	}
}

// migrated reads the conditions: whether the migration has succeeded, or why not.
func migrated(m *svmv1.StorageVersionMigration) (bool, error) {
	for _, condition := range m.Status.Conditions {
		if condition.Status != metav1.ConditionTrue {
			continue
		}
		switch svmv1.MigrationConditionType(condition.Type) {
		case svmv1.MigrationSucceeded:
			return true, nil
		case svmv1.MigrationFailed:
			return false, fmt.Errorf("StorageVersionMigration %s failed: %s %s\nhint: --via=client says which objects stand in the way", m.Name, condition.Reason, condition.Message)
		}
	}
	return false, nil
}
