package rewriter

import (
	"context"
	"fmt"
	"time"

	svmv1 "k8s.io/api/storagemigration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	svmclient "k8s.io/client-go/kubernetes/typed/storagemigration/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// PhaseMigrating is the phase in which the cluster rewrites the objects itself.
const PhaseMigrating Phase = "Migrating"

const (
	pollInterval  = 2 * time.Second
	beginPatience = 10 * time.Minute // for a controller to begin the migration
)

// Migrate starts the storage version migrator of the cluster, which Kubernetes serves
// since 1.37, and waits for it. The migrator does not report what it found, so Migrate
// then verifies the result by a sample. If the context ends, the migration continues in
// the cluster.
func Migrate(ctx context.Context, options Options) (*Result, error) {
	options.Method = v1alpha1.MethodMigrator
	options.complete()
	c, err := svmclient.NewForConfig(withTimeout(options.Config))
	if err != nil {
		return nil, fmt.Errorf("configure the connection to the API server: %w", err)
	}
	check := options
	check.Method = v1alpha1.MethodProbe // nothing is drawn at random
	checked, err := runEach(ctx, check, mayMigrate)
	if err == nil && checked.Report.Agreement.After == v1alpha1.Disagree {
		err = disagreement("one of them took a no-op write of an object that was current before")
	}
	if err != nil {
		if checked != nil {
			checked.Report.Method = options.Method
		}
		return checked, err
	}
	for i, resource := range options.Resources {
		err := migrate(ctx, c.StorageVersionMigrations(), resource, &options)
		if later := len(options.Resources) - i - 1; err != nil && later > 0 {
			err = fmt.Errorf("%w; %s not begun", err, count(int64(later), "later migration was", "later migrations were"))
		}
		if err != nil {
			return nil, err
		}
	}
	return Run(ctx, options)
}

// mayMigrate checks what must hold before the cluster writes: what a run checks before its
// own first write, and that the database has room for all objects of the resources. It sends
// one no-op write to every API server.
func mayMigrate(ctx context.Context, r *run, s *session) error {
	if err := r.listAll(ctx); err != nil {
		return err
	}
	if err := s.guard.begin(s.servers.metrics(), r.resource, r.counts[pending].Load()); err != nil {
		return err
	}
	if err := s.guard.mayMigrate(s.servers.metrics(), s.options.Resources); err != nil {
		return err
	}
	if err := r.readControls(ctx); err != nil {
		return err
	}
	if err := r.agreeBefore(ctx, s.servers); err != nil {
		return err
	}
	if r.counts[pending].Load()+r.done() > 0 && !s.servers.covers(r.compared(s.servers)) {
		return hint.Wrap(errNotReached, "the cluster's migrator may write through one that lags: use --via=client, which "+
			"looks after its connections, or let the user list leases in kube-system and read /metrics "+
			"(`kubectl eks-encrypt generate rbac`)")
	}
	return nil
}

func migrate(
	ctx context.Context, migrations svmclient.StorageVersionMigrationInterface, resource Resource, o *Options,
) error {
	m, err := migrations.Create(ctx, &svmv1.StorageVersionMigration{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "eks-encrypt-" + resource.Resource + "-"},
		Spec:       svmv1.StorageVersionMigrationSpec{Resource: metav1.GroupResource(resource.GroupResource())},
	}, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		err = fmt.Errorf("the cluster does not serve storagemigration.k8s.io/v1 (Kubernetes 1.37 or later): %w", err)
		return hint.Wrap(err, "use --via=client, which works on any cluster")
	}
	if err != nil {
		return fmt.Errorf("create a StorageVersionMigration of %s: %w", resource, err)
	}
	created, answered := o.Now(), o.Now()
	for {
		succeeded, err := migrated(m)
		if succeeded || err != nil {
			return err
		}
		if waited := o.Now().Sub(created); len(m.Status.Conditions) == 0 && waited > beginPatience {
			err := fmt.Errorf("no controller has begun StorageVersionMigration %s for %s", m.Name, waited.Round(time.Second))
			return o.goesOn(m, resource, err)
		}
		if o.Progress != nil {
			o.Progress(Progress{Phase: PhaseMigrating, Resource: resource.String()})
		}
		if err := o.Sleep(ctx, pollInterval); err != nil {
			return o.goesOn(m, resource, fmt.Errorf("wait for StorageVersionMigration %s: %w", m.Name, err))
		}
		latest, err := migrations.Get(ctx, m.Name, metav1.GetOptions{})
		switch silence := o.Now().Sub(answered); {
		case err == nil:
			m, answered = latest, o.Now()
		case transient(err) && ctx.Err() == nil && silence <= o.Patience:
		case transient(err) && ctx.Err() == nil:
			return o.goesOn(m, resource, fmt.Errorf("get StorageVersionMigration %s: %w for %s: %w", m.Name, errNoResponse,
				silence.Round(time.Second), err))
		default:
			return o.goesOn(m, resource, fmt.Errorf("get StorageVersionMigration %s: %w", m.Name, err))
		}
	}
}

// goesOn adds to err that the migration goes on in the cluster. Another run would begin a second one.
func (o *Options) goesOn(m *svmv1.StorageVersionMigration, resource Resource, err error) error {
	return hint.Wrap(err, "the migration was not stopped: look at it with "+
		"`kubectl get storageversionmigration %s -o yaml`, and when it has succeeded, run "+
		"kubectl eks-encrypt verify --sample %d --resources %s", m.Name, o.SampleSize, resource)
}

// migrated reports whether the migration has succeeded. It returns an error if it failed.
func migrated(m *svmv1.StorageVersionMigration) (bool, error) {
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
