package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// container is a container of the chart's CronJob: a process whose root directory has only the files of the image and
// of the pod's volumes.
type container struct {
	lab  *labtest.Lab
	root string
	args []string
	env  []string
}

// podUser is the user of the chart's pods.
const podUser = 65532

// newContainer installs the chart in the lab and returns the container of its CronJob.
func newContainer(t *testing.T, l *labtest.Lab, values string) *container {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root may change the root directory of a process")
	}
	manifest := render(t, values)
	kubectl(t, l, "apply", manifest)
	job := cronJob(t, manifest).Spec.JobTemplate.Spec.Template.Spec
	c := &container{lab: l, root: t.TempDir(), args: job.Containers[0].Args}
	for dir := c.root; dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755) // the user of the pod must be able to enter it
	}
	copyFile(t, os.Getenv("PLUGIN_BIN"), filepath.Join(c.root, "kubectl-eks_encrypt"), 0o755)
	for _, name := range []string{"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"} {
		c.env = append(c.env, name+"="+l.Getenv(name))
	}
	if *job.AutomountServiceAccountToken {
		token := l.Run(t, "kubectl", "create", "token", job.ServiceAccountName, "--namespace", chartNamespace).Must(t)
		c.file(t, mount+"token", strings.TrimSpace(token))
		c.file(t, mount+"namespace", chartNamespace)
		c.connect(t, l)
	}
	for _, v := range job.Volumes {
		switch {
		case v.ConfigMap != nil:
			var configMap struct{ Data map[string]string }
			if err := yaml.Unmarshal([]byte(documentsOf(t, manifest)["ConfigMap"]), &configMap); err != nil {
				t.Fatal(err)
			}
			for name, text := range configMap.Data {
				c.file(t, "rules/"+name, text)
			}
		case v.Name == "reports":
			dir := filepath.Join(c.root, "reports")
			if err := os.Mkdir(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(dir, podUser, podUser); err != nil {
				t.Fatal(err)
			}
		}
	}
	return c
}

// mount is where a pod finds its service account.
const mount = "var/run/secrets/kubernetes.io/serviceaccount/"

// connect makes the lab's API server that of the pod.
func (c *container) connect(t *testing.T, l *labtest.Lab) {
	t.Helper()
	config, err := clientcmd.LoadFromFile(l.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	cluster := config.Clusters[config.Contexts[config.CurrentContext].Cluster]
	server, err := url.Parse(cluster.Server)
	if err != nil {
		t.Fatal(err)
	}
	c.file(t, mount+"ca.crt", string(cluster.CertificateAuthorityData))
	c.env = append(c.env, "KUBERNETES_SERVICE_HOST="+server.Hostname(), "KUBERNETES_SERVICE_PORT="+server.Port())
}

// file creates a file that the pod can read.
func (c *container) file(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(c.root, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs the command of the CronJob with further arguments.
func (c *container) run(t *testing.T, args ...string) labtest.Output {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/kubectl-eks_encrypt", append(c.args, args...)...)
	cmd.Dir, cmd.Env = "/", c.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Chroot: c.root, Credential: &syscall.Credential{Uid: podUser, Gid: podUser}}
	return labtest.Exec(t, cmd)
}

// report is the part of an audit that the tests check.
type auditReport struct {
	Items []struct {
		Cluster    struct{ Name, Context, Guard, GuardReason string }
		Encryption struct{ Verdict, Reason string }
		Controls   []struct{ ID, Result, Reason string }
	}
	Waived  []struct{ Control string }
	Scope   struct{ Contexts []string }
	Summary struct{ Outcome string }
}

func (c *container) audit(t *testing.T, code int, args ...string) auditReport {
	t.Helper()
	out := c.run(t, args...).Exits(t, code)
	var r auditReport
	if err := json.Unmarshal([]byte(out.Stdout), &r); err != nil {
		t.Fatalf("%v\n%s\n%s", err, out.Stdout, out.Stderr)
	}
	return r
}

// The CronJob's command has no kubeconfig, only the service account of its pod. It ends with the true verdict on the
// cluster that it runs in, and with none if it cannot be that cluster.
func TestCronJob(t *testing.T) {
	l := startChart(t)
	l.Lab(t, "seed", "--secrets", "20").Must(t)
	c := newContainer(t, l, `
cluster: {name: lab, region: us-west-2}
audit: {require: cmk, verifyData: true}
reports: {files: [audit.json, audit.prom, audit.html], volume: {persistentVolumeClaim: {claimName: reports}}}
rules: {waivers: [{cluster: lab, control: ENC-2, reason: soon, owner: ann, expires: 2099-01-31}]}`)
	before := c.audit(t, 0) // ENC-2 is waived
	item := before.Items[0]
	if item.Encryption.Verdict != "AWSOwnedKey" || item.Cluster.Guard != "Match" || item.Cluster.Context != "" ||
		len(before.Waived) != 1 || before.Summary.Outcome != "Holds" || len(before.Scope.Contexts) != 0 {
		t.Errorf("report before the association = %+v", before)
	}
	metrics, err := os.ReadFile(filepath.Join(c.root, "reports", "audit.prom"))
	if err != nil || !bytes.Contains(metrics, []byte(`verdict="AWSOwnedKey"`)) {
		t.Errorf("metrics: %v\n%s", err, metrics)
	}

	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	l.Plugin(t, "rewrite").Must(t)
	after := c.audit(t, 3) // lists alone do not prove the existing data
	item = after.Items[0]
	if item.Encryption.Verdict != "CustomerManagedKey" || item.Cluster.Guard != "Match" {
		t.Errorf("report after the association = %+v", after)
	}

	// In a pod of another cluster there is no verdict, whatever the name.
	c.connect(t, labtest.Start(t))
	other := c.audit(t, 3)
	if item := other.Items[0]; item.Encryption.Verdict != "Unknown" || item.Cluster.Guard != "Mismatch" {
		t.Errorf("report in a pod of another cluster = %+v", other)
	}
}

// status in a pod, also without a name for the cluster, and with flags of the connection.
func TestStatusInPod(t *testing.T) {
	l := startChart(t)
	c := newContainer(t, l, "{command: status, cluster: {name: lab, region: us-west-2}, output: ''}")
	const format = "--output=jsonpath=" +
		"{.encryption.verdict} {.guard.result} {.guard.evidence} {.evidence.apiServers.kmsHealthy}"
	for _, flags := range [][]string{nil, {"--request-timeout=30s"}} {
		out := c.run(t, append([]string{format}, flags...)...).Exits(t, 0)
		if want := "AWSOwnedKey Match Certificate true"; out.Stdout != want {
			t.Errorf("status %v = %q, want %q", flags, out.Stdout, want)
		}
	}
	c.run(t, "--require=cmk").Exits(t, 1)

	c.args = []string{"status"} // the OIDC issuer of the API server is the one that EKS describes
	if out := c.run(t, format).Exits(t, 0); out.Stdout != "AWSOwnedKey Match Certificate true" {
		t.Errorf("status without a name = %q", out.Stdout)
	}
	if err := os.RemoveAll(filepath.Join(c.root, "var")); err != nil { // without the service account's token
		t.Fatal(err)
	}
	out := c.run(t).Exits(t, 2)
	if !strings.Contains(out.Stderr, "no kubeconfig") {
		t.Errorf("status without a token: %s", out.Stderr)
	}
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	source, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY, mode)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		t.Fatal(err)
	}
}
