package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/docs"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// auditDocuments are the documents whose commands need a fleet.
var auditDocuments = []string{"docs/auditing.md", "docs/ci.md"}

// TestAuditDocumentation runs the blocks of these documents in order against an organization of 40 clusters, and the
// commands of the pipelines in them.
func TestAuditDocumentation(t *testing.T) {
	blocks, err := docs.Read(repository)
	if err != nil {
		t.Fatal(err)
	}
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "fleet", "--clusters", "40", "--regions", "3", "--accounts", "3").Must(t)
	folder := t.TempDir()
	for _, document := range auditDocuments {
		text, err := os.ReadFile(filepath.Join(repository, document))
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range docs.NamedFiles(string(text)) {
			write(t, filepath.Join(folder, name), content)
		}
	}
	write(t, filepath.Join(folder, "keys.txt"), l.Getenv("EKS_LAB_KEY")+"\n")
	context := strings.TrimSpace(l.Run(t, "kubectl", "config", "current-context").Must(t))
	l.Run(t, "kubectl", "config", "rename-context", context, "prod").Must(t)
	l.Plugin(t, "associate", l.Getenv("EKS_LAB_KEY"), "--yes").Must(t)

	run := 0
	for _, b := range blocks {
		if !slices.Contains(auditDocuments, b.File) || b.NotRun != "" {
			continue
		}
		run++
		asAuditor(t, l, strings.Contains(steps(b), "--organization"))
		runBlock(t, l, folder, b)
	}
	if run < 5 {
		t.Errorf("%d blocks were run, want at least 5", run)
	}
	checkJoined(t, l, folder)
	runPipelines(t, l, folder)
}

func steps(b docs.Block) string {
	var text strings.Builder
	for _, step := range b.Steps {
		text.WriteString(step.Script + "\n")
	}
	return text.String()
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// asAuditor makes the programs run as the role of the management account, or else as the user of the lab.
func asAuditor(t *testing.T, l *labtest.Lab, auditor bool) {
	t.Helper()
	l.As(t, "")
	if !auditor {
		return
	}
	config := filepath.Join(t.TempDir(), "config")
	write(t, config, "[profile auditor]\nrole_arn = arn:aws:iam::100000000001:role/eks-encrypt-audit\n"+
		"source_profile = lab\n[profile lab]\naws_access_key_id = "+l.Getenv("AWS_ACCESS_KEY_ID")+
		"\naws_secret_access_key = "+l.Getenv("AWS_SECRET_ACCESS_KEY")+"\n")
	for name, value := range map[string]string{
		"AWS_CONFIG_FILE": config, "AWS_PROFILE": "auditor", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
	} {
		l.Setenv(name, value)
	}
}

// checkJoined checks what the text says about the merged shards: they are the whole, and a missing one is named.
func checkJoined(t *testing.T, l *labtest.Lab, folder string) {
	t.Helper()
	audit := func(code int, args ...string) (r struct {
		Summary     any
		Keys        any
		Findings    any
		Unreachable []struct{ Missing string }
	}) {
		t.Helper()
		cmd := l.Command(t, os.Getenv("PLUGIN_BIN"), append([]string{"audit", "-o", "json"}, args...)...)
		cmd.Dir = folder
		out := labtest.Exec(t, cmd).Exits(t, code)
		if err := json.Unmarshal([]byte(out.Stdout), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	whole := audit(1, "--from", "last.json")
	joined := audit(1, "--from", "shard-*.json")
	a, _ := json.Marshal(whole)
	b, _ := json.Marshal(joined)
	if string(a) != string(b) {
		t.Errorf("the merged shards are\n%s\nand the whole is\n%s", b, a)
	}
	part := audit(1, "--from", "shard-0.json", "shard-2.json")
	if len(part.Unreachable) != 1 || part.Unreachable[0].Missing != "shard 1/3" {
		t.Errorf("unreachable = %+v, want shard 1/3", part.Unreachable)
	}
}

// runPipelines runs the commands of the pipelines. None of them is a usage error.
func runPipelines(t *testing.T, l *labtest.Lab, folder string) {
	t.Helper()
	write(t, filepath.Join(folder, "security/approved-keys.txt"), l.Getenv("EKS_LAB_KEY")+"\n")
	write(t, filepath.Join(folder, "security/waivers.yaml"), "waivers: []\n")
	last, err := os.ReadFile(filepath.Join(folder, "last.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "security/last.json"), string(last))
	asAuditor(t, l, true)
	run := 0
	for _, document := range auditDocuments {
		text, err := os.ReadFile(filepath.Join(repository, document))
		if err != nil {
			t.Fatal(err)
		}
		commands, err := docs.YAMLCommands(document, string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, words := range commands {
			if words[0] != "kubectl-eks_encrypt" {
				continue
			}
			run++
			cmd := l.Command(t, os.Getenv("PLUGIN_BIN"), words[1:]...)
			cmd.Dir = folder
			if out := labtest.Exec(t, cmd); out.Code != 0 && out.Code != 1 && out.Code != 3 {
				t.Errorf("%s: %s: exit code %d\n%s", document, strings.Join(words, " "), out.Code, out.Stderr)
			}
		}
	}
	if run < 2 {
		t.Errorf("%d commands of pipelines were run, want at least 2", run)
	}
}
