package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// chartNamespace is the namespace of the release in these tests. It enforces the strictest pod security standard.
const chartNamespace = "security"

// startChart starts a lab with the namespace of the release.
func startChart(t *testing.T, args ...string) *labtest.Lab {
	t.Helper()
	if os.Getenv("HELM_BIN") == "" {
		t.Skip("HELM_BIN is not set: run make test-lab")
	}
	l := labtest.Start(t, append([]string{"--association-time", "1s"}, args...)...)
	kubectl(t, l, "apply", `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"`+chartNamespace+`",
		"labels":{"pod-security.kubernetes.io/enforce":"restricted"}}}`)
	return l
}

// render returns the chart's manifest for these values.
func render(t *testing.T, values string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv("HELM_BIN"), "template", "eks-encrypt",
		repository+"/deploy/helm/eks-encrypt", "--namespace", chartNamespace, "--values", "-")
	cmd.Stdin = strings.NewReader(values)
	return labtest.Exec(t, cmd).Must(t)
}

// documentsOf returns the documents of a manifest by kind.
func documentsOf(t *testing.T, manifest string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, document := range strings.Split(manifest, "\n---\n") {
		var meta struct{ Kind string }
		if err := yaml.Unmarshal([]byte(document), &meta); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		found[meta.Kind] = document
	}
	return found
}

// cronJob returns the CronJob of a manifest. It has no unknown field.
func cronJob(t *testing.T, manifest string) batchv1.CronJob {
	t.Helper()
	var c batchv1.CronJob
	if err := yaml.UnmarshalStrict([]byte(documentsOf(t, manifest)["CronJob"]), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// chartValues returns values that show every part of the chart.
func chartValues() map[string]string {
	return map[string]string{
		"default": "{}",
		"servers": "{command: status, status: {apiServers: true}, cluster: {name: lab, region: us-west-2}}",
		"status":  "{command: status, status: {require: cmk}, output: openmetrics, cluster: {name: lab, region: us-west-2}}",
		"data":    "{audit: {verifyData: true}, serviceAccount: {roleArn: 'arn:aws:iam::111122223333:role/audit'}}",
		"fleet": `
audit: {allClusters: true, organization: true, roleName: eks-encrypt-audit, regions: [all], shards: 8, require: cmk}
reports: {files: [audit.json, audit.prom], volume: {persistentVolumeClaim: {claimName: reports}}}
rules:
  waivers: [{cluster: 'legacy-*', control: ENC-1, reason: "replaced: 'soon'", owner: ann, expires: 2099-01-31}]
  approvedKeys: ['arn:aws:kms:us-west-2:111122223333:key/mrk-1']
env: [{name: AWS_REGION, value: us-west-2}]
timeZone: Europe/Berlin
podLabels: {a: b}
podAnnotations: {a: b}
nodeSelector: {a: b}
tolerations: [{key: a, operator: Exists}]
extraArgs: ['--tag=env=prod']`,
	}
}

// The API server accepts what the chart renders, and its pods meet the strictest pod security standard.
func TestChart(t *testing.T) {
	l := startChart(t)
	for name, values := range chartValues() {
		manifest := render(t, values)
		cmd := l.Command(t, "kubectl", "apply", "--dry-run=server", "--validate=strict", "-f", "-")
		cmd.Stdin = strings.NewReader(manifest)
		if out := labtest.Exec(t, cmd); out.Code != 0 || strings.Contains(out.Stderr, "Warning") {
			t.Errorf("%s: exit code = %d\n%s\n%s", name, out.Code, out.Stderr, manifest)
		}
		c := cronJob(t, manifest)
		kubectl(t, l, "apply", documentsOf(t, manifest)["ServiceAccount"])
		template := c.Spec.JobTemplate.Spec.Template
		pod := corev1.Pod{Spec: template.Spec}
		pod.APIVersion, pod.Kind, pod.Name, pod.Namespace = "v1", "Pod", name, chartNamespace
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		create := l.Command(t, "kubectl", "create", "--dry-run=server", "-f", "-")
		create.Stdin = strings.NewReader(string(text))
		if out := labtest.Exec(t, create); out.Code != 0 {
			t.Errorf("%s: a pod of the job is refused: %s", name, out.Stderr)
		}
		container := template.Spec.Containers[0]
		if s := container.SecurityContext; !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || *s.Privileged ||
			container.Resources.Requests.Cpu().IsZero() || container.Resources.Limits.Memory().IsZero() {
			t.Errorf("%s: container %+v is not hardened, or has no resources", name, container)
		}
	}
	c := cronJob(t, render(t, chartValues()["fleet"])).Spec.JobTemplate.Spec
	if *c.CompletionMode != batchv1.IndexedCompletion || *c.Completions != 8 || *c.Parallelism != 4 ||
		*c.BackoffLimitPerIndex != 0 || *c.Template.Spec.AutomountServiceAccountToken {
		t.Errorf("job = %+v, want 8 shards without the token of the API server", c)
	}
}

// The chart's roles are those that generate rbac prints for its service account.
func TestChartRBAC(t *testing.T) {
	l := startChart(t)
	roles := documentsOf(t, render(t, chartValues()["data"]))
	want := documentsOf(t, l.Plugin(t, "generate", "rbac", "--read-only", "--name", chartNamespace+"-eks-encrypt",
		"--service-account", chartNamespace+"/eks-encrypt").Must(t))
	for _, kind := range []string{"ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"} {
		if got := withoutComments(roles[kind]); got != withoutComments(want[kind]) || got == "" {
			t.Errorf("%s =\n%s\nwant\n%s", kind, got, want[kind])
		}
	}
	servers := documentsOf(t, render(t, chartValues()["servers"]))
	for _, part := range []string{"leases", "/metrics"} {
		if !strings.Contains(servers["ClusterRole"], part) || strings.Contains(servers["ClusterRole"], "secrets") {
			t.Errorf("the role of status.apiServers =\n%s\nwant %s and no Secrets", servers["ClusterRole"], part)
		}
	}
	if roles := documentsOf(t, render(t, "{}")); roles["ClusterRole"] != "" || roles["Role"] != "" {
		t.Errorf("roles = %v, want none: nothing needs them", roles)
	}
}

// withoutComments returns the document without helm's comments.
func withoutComments(document string) string {
	var lines []string
	for line := range strings.Lines(document) {
		if !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "---") {
			lines = append(lines, strings.TrimRight(line, "\n"))
		}
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
