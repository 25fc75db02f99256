package daemon

import (
	"context"
	"fmt"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// migratorName is the user, the cluster role and its binding of the migrator with which EKS
// encrypts the data of older clusters. The lab has its objects, but not the migrator.
const migratorName = "eks:kms-storage-migrator"

// addMigrator creates the objects of the migrator that clusters of EKS have.
func addMigrator(ctx context.Context, client kubernetes.Interface) error {
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: migratorName}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "update"}},
	}}
	binding := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: migratorName},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: migratorName},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.UserKind, Name: migratorName}},
	}
	// The Lease does not have the label of those of the API servers.
	lease := &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "kms-storage-migrator-lease"}}
	renewed := metav1.NewMicroTime(time.Now())
	lease.Spec.RenewTime = &renewed
	_, roleErr := client.RbacV1().ClusterRoles().Create(ctx, role, metav1.CreateOptions{})
	_, bindingErr := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
	_, leaseErr := client.CoordinationV1().Leases(metav1.NamespaceSystem).Create(ctx, lease, metav1.CreateOptions{})
	for _, err := range []error{roleErr, bindingErr, leaseErr} {
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create the objects of the storage migrator: %w", err)
		}
	}
	return nil
}
