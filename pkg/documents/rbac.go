package documents

import (
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// RBACOptions say who gets the rights, and for what.
type RBACOptions struct {
	// Name of the roles and bindings.
	Name string
	// Kind is User, Group or ServiceAccount; Subject its name, NAMESPACE/NAME for
	// a service account.
	Kind, Subject string
	// ReadOnly is for verify without --sample and --probe.
	ReadOnly bool
	// AllResources is for --all-resources.
	AllResources bool
}

type object map[string]any

// RBAC renders what verify and rewrite need: list and patch, never get, on what
// they examine, and the record in ConfigMap kube-system/eks-encrypt.
func RBAC(o RBACOptions) (string, error) {
	subject, err := o.subject()
	if err != nil {
		return "", err
	}
	verbs := []string{"list", "patch"}
	if o.ReadOnly {
		verbs = verbs[:1]
	}
	rules := []object{{"apiGroups": []string{""}, "resources": []string{"secrets"}, "verbs": verbs}}
	if o.AllResources {
		rules = []object{
			{"apiGroups": []string{"*"}, "resources": []string{"*"}, "verbs": verbs},
			{"apiGroups": []string{"apiregistration.k8s.io"}, "resources": []string{"apiservices"}, "verbs": []string{"list"}},
		}
	} else {
		// An object that can't be decrypted spoils the list of all: then one
		// namespace after the other is listed.
		rules = append(rules, object{"apiGroups": []string{""}, "resources": []string{"namespaces"}, "verbs": []string{"list"}})
	}
	record := []object{{"apiGroups": []string{""}, "resources": []string{"configmaps"}, "resourceNames": []string{"eks-encrypt"}, "verbs": []string{"get"}}}
	if !o.ReadOnly {
		record = []object{
			{"apiGroups": []string{""}, "resources": []string{"configmaps"}, "resourceNames": []string{"eks-encrypt"}, "verbs": []string{"get", "patch"}},
			// Kubernetes can't limit create to a name.
			{"apiGroups": []string{""}, "resources": []string{"configmaps"}, "verbs": []string{"create"}},
		}
	}
	documents := []object{
		role("ClusterRole", object{"name": o.Name}, rules),
		binding("ClusterRoleBinding", object{"name": o.Name}, "ClusterRole", o.Name, subject),
		role("Role", object{"name": o.Name, "namespace": "kube-system"}, record),
		binding("RoleBinding", object{"name": o.Name, "namespace": "kube-system"}, "Role", o.Name, subject),
	}
	var b strings.Builder
	for i, d := range documents {
		text, err := yaml.Marshal(d)
		if err != nil {
			return "", fmt.Errorf("rendering RBAC: %w", err)
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(text)
	}
	return b.String(), nil
}

func (o RBACOptions) subject() (object, error) {
	const group = "rbac.authorization.k8s.io"
	switch o.Kind {
	case "User", "Group":
		if o.Subject == "" {
			return nil, fmt.Errorf("a %s without a name", strings.ToLower(o.Kind))
		}
		return object{"apiGroup": group, "kind": o.Kind, "name": o.Subject}, nil
	case "ServiceAccount":
		namespace, name, found := strings.Cut(o.Subject, "/")
		if !found || namespace == "" || name == "" {
			return nil, fmt.Errorf("service account %q: write NAMESPACE/NAME", o.Subject)
		}
		return object{"kind": o.Kind, "name": name, "namespace": namespace}, nil
	}
	return nil, fmt.Errorf("unknown kind of subject %q", o.Kind)
}

func role(kind string, metadata object, rules []object) object {
	return object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": rules}
}

func binding(kind string, metadata object, roleKind, name string, subject object) object {
	return object{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata,
		"roleRef":  object{"apiGroup": "rbac.authorization.k8s.io", "kind": roleKind, "name": name},
		"subjects": []object{subject},
	}
}
