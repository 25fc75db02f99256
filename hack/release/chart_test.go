package release

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
)

const chart = "deploy/helm/eks-encrypt/"

// chartRBAC returns the template of the roles, with the names of the release: what generate rbac --read-only prints, or
// of what generate rbac --metrics prints the part that reads the metrics of the API servers.
func chartRBAC(t *testing.T) string {
	t.Helper()
	roles := func(o documents.RBACOptions) string {
		o.Name, o.Kind, o.Subject = "role-name", rbacv1.ServiceAccountKind, "release-namespace/service-account"
		text, err := documents.RBAC(o)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	return strings.NewReplacer(
		"role-name", `{{ .Release.Namespace }}-{{ include "eks-encrypt.name" . }}`,
		"release-namespace", "{{ .Release.Namespace }}",
		"service-account", `{{ include "eks-encrypt.serviceAccount" . }}`,
	).Replace("{{- /* From generate rbac: go test ./hack/release -run TestChartRBAC -update */}}\n" +
		`{{- if and .Values.rbac.create (include "eks-encrypt.verifyData" .) }}` + "\n" +
		roles(documents.RBACOptions{ReadOnly: true}) +
		`{{- else if and .Values.rbac.create (include "eks-encrypt.apiServers" .) }}` + "\n" +
		metricsOnly(t, roles(documents.RBACOptions{Metrics: true})) + "{{- end }}\n")
}

// metricsOnly returns the cluster role without what it grants on Secrets and namespaces, and its binding.
func metricsOnly(t *testing.T, text string) string {
	t.Helper()
	all := strings.Split(text, "---\n")
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict([]byte(all[0]), &role); err != nil {
		t.Fatal(err)
	}
	role.Rules = slices.DeleteFunc(role.Rules, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Resources, "secrets") || slices.Contains(r.Resources, "namespaces")
	})
	only, err := yaml.Marshal(role)
	if err != nil {
		t.Fatal(err)
	}
	return string(only) + "---\n" + all[1]
}

// The chart grants exactly what generate rbac prints.
func TestChartRBAC(t *testing.T) {
	want, path := chartRBAC(t), chart+"templates/rbac.yaml"
	if *update {
		if err := os.WriteFile(root+path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if got := read(t, path); got != want {
		t.Errorf("%s =\n%s\nwant\n%s\ngo test ./hack/release -run TestChartRBAC -update rewrites it", path, got, want)
	}
}

// The chart is that of the last release, and runs the image that GoReleaser publishes.
func TestChartRelease(t *testing.T) {
	var meta struct{ Version, AppVersion string }
	var values struct {
		Image struct{ Repository, Tag string }
	}
	var krew manifest
	var releaser struct {
		Images []struct{ Images, Tags []string } `json:"dockers_v2"`
	}
	for path, into := range map[string]any{
		chart + "Chart.yaml": &meta, chart + "values.yaml": &values, "plugins/krew.yaml": &krew,
		".goreleaser.yaml": &releaser,
	} {
		if err := yaml.Unmarshal([]byte(read(t, path)), into); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	if meta.AppVersion != krew.Spec.Version || "v"+meta.Version != meta.AppVersion {
		t.Errorf("version = %s, appVersion = %s, want those of the release %s", meta.Version, meta.AppVersion,
			krew.Spec.Version)
	}
	image := releaser.Images[0]
	if values.Image.Repository != image.Images[0] || values.Image.Tag != "" || image.Tags[0] != "{{ .Tag }}" {
		t.Errorf("image = %s:%s, want %s with the appVersion", values.Image.Repository, values.Image.Tag, image.Images[0])
	}
}

// The schema accepts the default values, and refuses what the program would refuse in the cluster.
func TestChartSchema(t *testing.T) {
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(read(t, chart+"values.schema.json")))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("values", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("values")
	if err != nil {
		t.Fatal(err)
	}
	validate := func(changes string) error {
		values, change := map[string]any{}, map[string]any{}
		for text, into := range map[string]*map[string]any{read(t, chart+"values.yaml"): &values, changes: &change} {
			if err := yaml.Unmarshal([]byte(text), into); err != nil {
				t.Fatal(err)
			}
		}
		merge(values, change)
		return schema.Validate(values)
	}
	const fleet = "audit: {allClusters: true, organization: true, roleName: r, "
	for _, valid := range []string{
		"{}", "command: status", "{command: status, status: {apiServers: true}}",
		fleet + "shards: 8}", fleet + "regions: [all], require: cmk}",
		"audit: {allClusters: true, accounts: ['111122223333'], roleName: r, shards: 2}",
		"cluster: {name: arn:aws:eks:eu-central-1:111122223333:cluster/prod}", "audit: {verifyData: true}",
		"rules: {approvedKeys: [arn:aws:kms:eu-central-1:111122223333:key/mrk-1]}",
		"reports: {files: [audit.json, audit.ocsf.json], volume: {persistentVolumeClaim: {claimName: a}}}",
	} {
		if err := validate(valid); err != nil {
			t.Errorf("%s: %v", valid, err)
		}
	}
	for _, bad := range []string{
		"command: rewrite", "command: associate", "comand: audit", "audit: {shards: 8}", "audit: {regions: [all]}",
		"audit: {allClusters: true, shards: 8}", "audit: {allClusters: true, verifyData: true}", fleet + "shards: 0}",
		"audit: {require: kms}", "status: {apiServers: 3}", "status: {api-servers: true}",
		"cluster: {name: a/b}", "cluster: {region: west}", "image: {digest: abc}",
		"rules: {approvedKeys: [alias/a]}", "rules: {waivers: [{cluster: a}]}", "reports: {files: [../a.json]}",
		"reports: {files: [audit]}", "serviceAccount: {roleArn: eks-encrypt}",
	} {
		if validate(bad) == nil {
			t.Errorf("%s is valid, want an error", bad)
		}
	}
}

// merge overrides values as helm does: map by map.
func merge(values, changes map[string]any) {
	for key, change := range changes {
		inner, isMap := change.(map[string]any)
		if old, wasMap := values[key].(map[string]any); isMap && wasMap {
			merge(old, inner)
			continue
		}
		values[key] = change
	}
}
