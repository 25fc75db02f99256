// Package e2e tests the plugin against a real API server and compares its reports
// with the content of etcd.
package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// verdict returns verdict, key and guard of the status report.
func verdict(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	const format = "jsonpath={.encryption.verdict} {.encryption.keyArn} {.cluster.guard}"
	return l.Plugin(t, "status", "-o", format).Must(t)
}

// labKey returns the ARN of the key that the tests associate.
func labKey(l *labtest.Lab) string { return l.Getenv("EKS_LAB_KEY") }

// waitFor waits until done reports true, and ends the test after the timeout.
func waitFor(t *testing.T, timeout time.Duration, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(timeout); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timeout after %s: %s", timeout, what)
		}
	}
}

// The AWS CLI associates the key; the plugin's verdict agrees with etcd before and after.
func TestAssociationByTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	l := labtest.Start(t, labtest.WithAWS, "--association-time", "10s")
	l.Lab(t, "seed", "--secrets", "40", "--namespaces", "2").Must(t)
	if got := verdict(t, l); got != "AWSOwnedKey  Match" {
		t.Errorf("status before the association = %q", got)
	}
	if by := l.Scan(t).ByProvider("secrets"); by["aws-owned"] != 40 || len(by) != 1 {
		t.Errorf("secrets in etcd before the association = %v", by)
	}
	key := labKey(l)
	out := l.Run(t, "aws", "eks", "associate-encryption-config", "--cluster-name", "lab",
		"--encryption-config", `[{"resources":["secrets"],"provider":{"keyArn":"`+key+`"}}]`,
		"--query", "update.id", "--output", "text").Must(t)
	id := strings.TrimSpace(out)
	status := func() string {
		return strings.TrimSpace(l.Run(t, "aws", "eks", "describe-update", "--name", "lab", "--update-id", id,
			"--query", "update.status", "--output", "text").Must(t))
	}
	if got := status(); got != "InProgress" {
		t.Errorf("status of the new update = %s, want InProgress", got)
	}
	waitFor(t, time.Minute, "the update is not Successful", func() bool { return status() == "Successful" })
	if got := verdict(t, l); got != "CustomerManagedKey "+key+" Match" {
		t.Errorf("status after the association = %q", got)
	}
	if by := l.Scan(t).ByProvider("secrets"); by["aws-owned"] != 40 {
		t.Errorf("secrets in etcd after the association = %v, want no rewrites", by)
	}
	l.Run(t, "kubectl", "create", "secret", "generic", "new", "--from-literal=a=b").Must(t)
	if by := l.Scan(t).ByProvider("secrets"); by["customer"] != 1 {
		t.Errorf("secrets in etcd = %v, want the new one encrypted with the customer key", by)
	}
	l.Plugin(t, "status", "--require", "cmk").Exits(t, 0)
}

// The plugin works with a kubeconfig that the AWS CLI wrote, with its token command.
func TestKubeconfigOfTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	l := labtest.Start(t, labtest.WithAWS)
	file := filepath.Join(t.TempDir(), "config")
	l.Run(t, "aws", "eks", "update-kubeconfig", "--name", "lab", "--kubeconfig", file,
		"--alias", "misleading-name").Must(t)
	l.Setenv("KUBECONFIG", file)
	l.Run(t, "kubectl", "get", "namespace", "default").Must(t)
	if got := verdict(t, l); got != "AWSOwnedKey  Match" {
		t.Errorf("status = %q", got)
	}
	// The other clusters exist only in the EKS API; each is reported once.
	var expected map[string]struct{ Name, Region, Verdict string }
	if err := json.Unmarshal([]byte(l.Lab(t, "fleet", "--show").Must(t)), &expected); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, cluster := range expected {
		if cluster.Verdict == "NotApplicable" {
			continue // the AWS CLI writes no kubeconfig for these
		}
		want[cluster.Name] = cluster.Verdict
		out := l.Run(t, "aws", "eks", "update-kubeconfig", "--name", cluster.Name, "--region", cluster.Region,
			"--kubeconfig", file)
		if out.Code != 0 {
			if !strings.Contains(out.Stderr, "not ACTIVE") && !strings.Contains(out.Stderr, "Cluster status") {
				t.Errorf("update-kubeconfig for %s: %s", cluster.Name, out.Stderr)
			}
			delete(want, cluster.Name)
		}
	}
	var list struct {
		Items []struct {
			Cluster    struct{ Name string }
			Encryption struct{ Verdict string }
		}
	}
	if err := json.Unmarshal([]byte(l.Plugin(t, "status", "--all-contexts", "-o", "json").Must(t)), &list); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, item := range list.Items {
		if got[item.Cluster.Name] != "" {
			t.Errorf("cluster %s is reported twice", item.Cluster.Name)
		}
		got[item.Cluster.Name] = item.Encryption.Verdict
	}
	if len(want) < 10 {
		t.Errorf("%d other clusters, want at least 10", len(want))
	}
	for name, verdict := range want {
		if got[name] != verdict {
			t.Errorf("verdict of %s = %s, want %s", name, got[name], verdict)
		}
	}
}

// Two labs on one machine do not affect each other; a killed lab leaves no process.
func TestTwoLabs(t *testing.T) {
	one, two := labtest.Start(t), labtest.Start(t)
	one.Lab(t, "up").Must(t) // it is already running
	one.Lab(t, "seed", "--secrets", "3").Must(t)
	if by := two.Scan(t).ByProvider("secrets"); len(by) != 0 {
		t.Errorf("secrets in the other lab = %v, want none", by)
	}
	killed := 0
	for _, process := range processes(t, two.Dir) {
		if strings.Contains(process.command, "serve") {
			if err := process.Kill(); err != nil {
				t.Fatal(err)
			}
			killed++
		}
	}
	if killed == 0 {
		t.Fatal("the lab's daemon was not found")
	}
	waitFor(t, 30*time.Second, "processes of the killed lab are running", func() bool {
		return len(processes(t, two.Dir)) == 0
	})
	if got := verdict(t, one); got != "AWSOwnedKey  Match" {
		t.Errorf("status of the other lab = %q", got)
	}
}

type process struct {
	*os.Process
	command string
}

// processes returns the processes whose command line contains the folder.
func processes(t *testing.T, dir string) (found []process) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skip("this system has no /proc")
	}
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		command := strings.ReplaceAll(string(raw), "\x00", " ")
		if !strings.Contains(command, dir) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		if p, err := os.FindProcess(pid); err == nil {
			found = append(found, process{p, command})
		}
	}
	return found
}
