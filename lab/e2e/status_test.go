// Package e2e holds the plugin's claims against a real API server and against what
// etcd really holds.
package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

func verdict(t *testing.T, l *labtest.Lab, args ...string) string {
	t.Helper()
	return l.Plugin(t, append(append([]string{"status"}, args...), "-o", "jsonpath={.encryption.verdict} {.encryption.keyArn} {.cluster.guard}")...).Must(t)
}

func labKey(t *testing.T, l *labtest.Lab) string {
	t.Helper()
	var status struct {
		KeyARN string `json:"keyArn"`
	}
	if err := json.Unmarshal([]byte(l.Lab(t, "status", "-o", "json").Must(t)), &status); err != nil {
		t.Fatal(err)
	}
	return status.KeyARN
}

// The AWS CLI makes the association; the plugin and etcd agree before and after.
func TestAssociationByTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	l := labtest.Start(t, "--association-time", "2s")
	l.Lab(t, "seed", "--secrets", "40", "--namespaces", "2").Must(t)
	if got := verdict(t, l); got != "AWSOwnedKey  Match" {
		t.Errorf("before: %s", got)
	}
	if by := l.Scan(t).By("secrets"); by["aws-owned"] != 40 || len(by) != 1 {
		t.Errorf("before, etcd holds %v", by)
	}
	key := labKey(t, l)
	out := l.Run(t, "aws", "eks", "associate-encryption-config", "--cluster-name", "lab",
		"--encryption-config", `[{"resources":["secrets"],"provider":{"keyArn":"`+key+`"}}]`, "--query", "update.id", "--output", "text").Must(t)
	id := strings.TrimSpace(out)
	status := func() string {
		return strings.TrimSpace(l.Run(t, "aws", "eks", "describe-update", "--name", "lab", "--update-id", id, "--query", "update.status", "--output", "text").Must(t))
	}
	if got := status(); got != "InProgress" {
		t.Errorf("right after: %s", got)
	}
	for deadline := time.Now().Add(time.Minute); status() != "Successful"; {
		if time.Now().After(deadline) {
			t.Fatalf("the update is %s after a minute", status())
		}
	}
	if got := verdict(t, l); got != "CustomerManagedKey "+key+" Match" {
		t.Errorf("after: %s", got)
	}
	if by := l.Scan(t).By("secrets"); by["aws-owned"] != 40 {
		t.Errorf("the association itself rewrote secrets: %v", by)
	}
	l.Run(t, "kubectl", "create", "secret", "generic", "new", "--from-literal=a=b").Must(t)
	if by := l.Scan(t).By("secrets"); by["customer"] != 1 {
		t.Errorf("a new secret is not under the customer key: %v", by)
	}
	l.Plugin(t, "status", "--require", "cmk").Exits(t, 0)
}

// A kubeconfig that the AWS CLI wrote, with its own token command.
func TestKubeconfigOfTheAWSCLI(t *testing.T) {
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	l := labtest.Start(t)
	file := filepath.Join(t.TempDir(), "config")
	l.Run(t, "aws", "eks", "update-kubeconfig", "--name", "lab", "--kubeconfig", file, "--alias", "misleading-name").Must(t)
	l.Setenv("KUBECONFIG", file)
	l.Run(t, "kubectl", "get", "namespace", "default").Must(t)
	if got := verdict(t, l); got != "AWSOwnedKey  Match" {
		t.Errorf("%s", got)
	}
	// Further clusters exist in the EKS API only; each is reported once.
	var truths map[string]struct{ Name, Region, Verdict string }
	if err := json.Unmarshal([]byte(l.Lab(t, "fleet", "--show").Must(t)), &truths); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, truth := range truths {
		if truth.Verdict == "NotApplicable" {
			continue // the AWS CLI writes no kubeconfig for those
		}
		want[truth.Name] = truth.Verdict
		if out := l.Run(t, "aws", "eks", "update-kubeconfig", "--name", truth.Name, "--region", truth.Region, "--kubeconfig", file); out.Code != 0 {
			if !strings.Contains(out.Stderr, "not ACTIVE") && !strings.Contains(out.Stderr, "Cluster status") {
				t.Errorf("%s: %s", truth.Name, out.Stderr)
			}
			delete(want, truth.Name)
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
			t.Errorf("%s is reported twice", item.Cluster.Name)
		}
		got[item.Cluster.Name] = item.Encryption.Verdict
	}
	if len(want) < 10 {
		t.Errorf("only %d further clusters", len(want))
	}
	for name, verdict := range want {
		if got[name] != verdict {
			t.Errorf("%s: %s, want %s", name, got[name], verdict)
		}
	}
}

// Two labs side by side know nothing of each other; a killed one leaves nothing.
func TestTwoLabs(t *testing.T) {
	one, two := labtest.Start(t), labtest.Start(t)
	one.Lab(t, "up").Must(t) // again
	one.Lab(t, "seed", "--secrets", "3").Must(t)
	if by := two.Scan(t).By("secrets"); len(by) != 0 {
		t.Errorf("the other lab holds %v", by)
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
	for deadline := time.Now().Add(30 * time.Second); len(processes(t, two.Dir)) > 0; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("left running: %v", processes(t, two.Dir))
		}
	}
	if got := verdict(t, one); got != "AWSOwnedKey  Match" {
		t.Errorf("the other one: %s", got)
	}
}

type process struct {
	*os.Process
	command string
}

// processes are those whose command line names the folder.
func processes(t *testing.T, dir string) (found []process) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Skip("there is no /proc here")
	}
	for _, file := range files {
		raw, _ := os.ReadFile(file)
		command := strings.ReplaceAll(string(raw), "\x00", " ")
		if !strings.Contains(command, dir) {
			continue
		}
		var pid int
		for _, c := range filepath.Base(filepath.Dir(file)) {
			pid = pid*10 + int(c-'0')
		}
		if p, err := os.FindProcess(pid); err == nil {
			found = append(found, process{p, command})
		}
	}
	return found
}
