package documents

import rbacv1 "k8s.io/api/rbac/v1"

// serverRules are the permissions to determine how many API servers there are, and which
// of them answers: their Leases and their metrics.
func serverRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule([]string{"list"}, "coordination.k8s.io", "leases"),
		{NonResourceURLs: []string{"/metrics"}, Verbs: []string{"get"}},
	}
}
