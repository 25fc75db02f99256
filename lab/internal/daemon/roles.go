package daemon

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// grantRoles binds the groups of the lab's users to cluster roles. It does not
// change existing objects.
func (l *Lab) grantRoles(ctx context.Context) error {
	client, err := kubernetes.NewForConfig(l.plane.REST())
	if err != nil {
		return err
	}
	rewriter := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "lab:rewriter"}, Rules: []rbacv1.PolicyRule{
		{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list", "patch"}},
		{APIGroups: []string{""}, Resources: []string{"namespaces"}, Verbs: []string{"list"}},
		{APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, Verbs: []string{"list"}},
		{APIGroups: []string{"admissionregistration.k8s.io"}, Verbs: []string{"list"},
			Resources: []string{"mutatingwebhookconfigurations", "mutatingadmissionpolicies"}},
		{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}},
	}}
	_, err = client.RbacV1().ClusterRoles().Create(ctx, rewriter, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create cluster role %s: %w", rewriter.Name, err)
	}
	for group, role := range map[string]string{
		"lab:cluster-admins": "cluster-admin", "lab:readers": "view", "lab:rewriters": rewriter.Name,
	} {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: group},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: rbacv1.GroupKind, Name: group}},
		}
		_, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("bind %s to %s: %w", group, role, err)
		}
	}
	return addMigrator(ctx, client)
}
