package documents

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// RBACOptions select the subject and its permissions.
type RBACOptions struct {
	// Name is the name of the roles and bindings.
	Name string
	// Kind is User, Group or ServiceAccount. Subject is its name, NAMESPACE/NAME for a
	// service account.
	Kind, Subject string
	// ReadOnly is for verify without --sample and --probe.
	ReadOnly bool
	// Metrics is for verify --by-metrics.
	Metrics bool
	// AllResources is for --all-resources. Discovered are the resources that the cluster
	// stores; if there are none, the role is for every resource.
	AllResources bool
	Discovered   []schema.GroupResource
}

// RBAC returns the YAML of the roles and bindings that verify and rewrite need: list and
// patch on the resources they check (get and list for Metrics), what identifies the API
// servers, and access to the record in ConfigMap kube-system/eks-encrypt.
func RBAC(o RBACOptions) (string, error) {
	subject, err := o.subject()
	if err != nil {
		return "", err
	}
	verbs, recordVerbs := []string{"list", "patch"}, []string{"get", "patch"}
	switch {
	case o.Metrics:
		verbs, recordVerbs = []string{"get", "list"}, recordVerbs[:1]
	case o.ReadOnly:
		verbs, recordVerbs = verbs[:1], recordVerbs[:1]
	}
	// Objects are listed one namespace at a time.
	rules := []rbacv1.PolicyRule{rule(verbs, "", "secrets"), rule([]string{"list"}, "", "namespaces")}
	if o.AllResources {
		rules = append(o.allResources(verbs), rule([]string{"list"}, "", "namespaces"),
			rule([]string{"list"}, "apiregistration.k8s.io", "apiservices"))
	}
	switch {
	case o.Metrics:
		rules = append(rules, serverRules()...)
	case !o.ReadOnly:
		rules = append(rules, serverRules()...)
		rules = append(rules, rule([]string{"list"}, "admissionregistration.k8s.io",
			"mutatingwebhookconfigurations", "mutatingadmissionpolicies"))
	}
	record := []rbacv1.PolicyRule{rule(recordVerbs, "", "configmaps")}
	record[0].ResourceNames = []string{"eks-encrypt"}
	if !o.ReadOnly && !o.Metrics { // Kubernetes cannot restrict create to a name
		record = append(record, rule([]string{"create"}, "", "configmaps"))
	}

	cluster := metav1.ObjectMeta{Name: o.Name}
	system := metav1.ObjectMeta{Name: o.Name, Namespace: metav1.NamespaceSystem}
	ref := func(kind string) rbacv1.RoleRef {
		return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: kind, Name: o.Name}
	}
	var b strings.Builder
	b.WriteString(o.caution())
	for i, document := range []any{
		rbacv1.ClusterRole{TypeMeta: typeMeta("ClusterRole"), ObjectMeta: cluster, Rules: rules},
		rbacv1.ClusterRoleBinding{
			TypeMeta: typeMeta("ClusterRoleBinding"), ObjectMeta: cluster, RoleRef: ref("ClusterRole"),
			Subjects: subject,
		},
		rbacv1.Role{TypeMeta: typeMeta("Role"), ObjectMeta: system, Rules: record},
		rbacv1.RoleBinding{TypeMeta: typeMeta("RoleBinding"), ObjectMeta: system, RoleRef: ref("Role"),
			Subjects: subject},
	} {
		text, err := yaml.Marshal(document)
		if err != nil {
			return "", fmt.Errorf("render RBAC: %w", err)
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(text)
	}
	return b.String(), nil
}

// allResources returns one rule for each API group of the discovered resources, without
// subresources, or else a rule for everything.
func (o RBACOptions) allResources(verbs []string) (rules []rbacv1.PolicyRule) {
	if len(o.Discovered) == 0 {
		return []rbacv1.PolicyRule{rule(verbs, "*", "*")}
	}
	groups := map[string][]string{}
	for _, r := range o.Discovered {
		groups[r.Group] = append(groups[r.Group], r.Resource)
	}
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		slices.Sort(groups[group])
		rules = append(rules, rule(verbs, group, slices.Compact(groups[group])...))
	}
	return rules
}

// caution returns the comment above a role for all resources.
func (o RBACOptions) caution() string {
	switch {
	case !o.AllResources:
		return ""
	case len(o.Discovered) > 0:
		return "# Only the resources that the cluster stores now: generate the role again when it has others.\n"
	case o.ReadOnly:
		return "# CAUTION: this role may list every resource, the values of Secrets included.\n"
	}
	return "# CAUTION: close to cluster-admin: this role may patch every resource and subresource.\n" +
		"# Where the API server can be reached, the same command prints only the resources that it stores.\n"
}

func (o RBACOptions) subject() ([]rbacv1.Subject, error) {
	if errs := content.IsPathSegmentName(o.Name); o.Name == "" || len(errs) > 0 || unsafe(o.Name) {
		return nil, fmt.Errorf("%q is not a valid name of a role", o.Name)
	}
	if unsafe(o.Subject) {
		return nil, fmt.Errorf("the name of the %s, %q, contains control characters", strings.ToLower(o.Kind), o.Subject)
	}
	s := rbacv1.Subject{Kind: o.Kind, APIGroup: rbacv1.GroupName, Name: o.Subject}
	switch o.Kind {
	case rbacv1.UserKind, rbacv1.GroupKind:
		if o.Subject == "" {
			return nil, fmt.Errorf("the name of the %s is empty", strings.ToLower(o.Kind))
		}
	case rbacv1.ServiceAccountKind:
		s.APIGroup = ""
		s.Namespace, s.Name, _ = strings.Cut(o.Subject, "/")
		if len(validation.IsDNS1123Label(s.Namespace))+len(validation.IsDNS1123Subdomain(s.Name)) > 0 {
			return nil, fmt.Errorf("service account %q must have the form NAMESPACE/NAME", o.Subject)
		}
	default:
		return nil, fmt.Errorf("unknown kind of subject %q", o.Kind)
	}
	return []rbacv1.Subject{s}, nil
}

func typeMeta(kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: kind}
}

func rule(verbs []string, group string, resources ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
}

// unsafe reports whether a name contains characters that cannot be shown.
func unsafe(name string) bool {
	return strings.ContainsFunc(name, func(r rune) bool { return r == '\n' || r == '\t' || sanitize.Unsafe(r) })
}
