package rewriter

import (
	"context"
	"fmt"
	"time"

	svmv1 "k8s.io/api/storagemigration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// PhaseMigrating is the phase in which the cluster rewrites the objects itself.
const PhaseMigrating Phase = "Migrating"

const pollInterval = 2 * time.Second

// Migrate starts the storage version migrator of the cluster, which Kubernetes serves
// since 1.37, and waits for it. The migrator does not report what it found, so Migrate
// then verifies the result by a sample. If the context ends, the migration continues in
// the cluster.
func Migrate(ctx context.Context, options Options) (*Result, error) {
	options.Method = v1alpha1.MethodMigrator
	options.complete()
	c, err := newDynamicClient(options.Config)
	if err != nil {
		return nil, err
	}
	migrations := c.Resource(svmv1.SchemeGroupVersion.WithResource("storageversionmigrations"))
	for _, resource := range options.Resources {
		if err := migrate(ctx, migrations, resource, &options); err != nil {
			return nil, err
		}
	}
	return Run(ctx, options)
}

func migrate(ctx context.Context, migrations dynamic.ResourceInterface, resource Resource, o *Options) error {
	m, err := migrations.Create(ctx, &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": svmv1.SchemeGroupVersion.String(), "kind": "StorageVersionMigration",
		"metadata": map[string]any{"generateName": "eks-encrypt-" + resource.Resource + "-"},
		"spec":     map[string]any{"resource": map[string]any{"group": resource.Group, "resource": resource.Resource}},
	}}, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("the cluster does not serve storagemigration.k8s.io/v1 (Kubernetes 1.37 or later): %w", err)
		return hint.Wrap(err, "use --via=client, which works on any cluster")
	}
	if err != nil {
		return fmt.Errorf("create a StorageVersionMigration of %s: %w", resource, err)
	}
	for {
		succeeded, err := migrated(m)
		if succeeded || err != nil {
			return err
		}
		if o.Progress != nil {
			o.Progress(Progress{Phase: PhaseMigrating, Resource: resource.String()})
		}
		if err := o.Sleep(ctx, pollInterval); err != nil {
			return fmt.Errorf("wait for StorageVersionMigration %s, which continues in the cluster: %w", m.GetName(), err)
		}
		switch latest, err := migrations.Get(ctx, m.GetName(), metav1.GetOptions{}); {
		case err == nil:
			m = latest
		case !transient(err) || ctx.Err() != nil:
			return fmt.Errorf("get StorageVersionMigration %s: %w", m.GetName(), err)
		}
	}
}

// migrated reports whether the migration has succeeded. It returns an error if it failed.
func migrated(object *unstructured.Unstructured) (bool, error) {
	var m svmv1.StorageVersionMigration
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &m); err != nil {
		return false, fmt.Errorf("decode StorageVersionMigration %s: %w", object.GetName(), err)
	}
	for _, condition := range m.Status.Conditions {
		if condition.Status != metav1.ConditionTrue {
			continue
		}
		switch svmv1.MigrationConditionType(condition.Type) {
		case svmv1.MigrationSucceeded:
			return true, nil
		case svmv1.MigrationFailed:
			err := fmt.Errorf("StorageVersionMigration %s failed: %s %s", m.Name, condition.Reason, condition.Message)
			return false, hint.Wrap(err, "use --via=client to see which objects fail")
		}
	}
	return false, nil
}
