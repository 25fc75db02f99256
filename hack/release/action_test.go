package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const actionDir = "deploy/github-action/"

// TestAction checks that the GitHub action pins what it uses, runs no expression in a shell, and reads only the inputs
// and outputs that exist.
func TestAction(t *testing.T) {
	text := read(t, actionDir+"action.yml")
	var action struct {
		Inputs  map[string]any `json:"inputs"`
		Outputs map[string]any `json:"outputs"`
		Runs    struct {
			Using string `json:"using"`
			Steps []struct {
				Uses, Run, Shell string
			} `json:"steps"`
		} `json:"runs"`
	}
	if err := yaml.Unmarshal([]byte(text), &action); err != nil {
		t.Fatal(err)
	}
	if action.Runs.Using != "composite" || len(action.Runs.Steps) == 0 {
		t.Errorf("the action runs %q with %d steps, want composite", action.Runs.Using, len(action.Runs.Steps))
	}
	for _, step := range action.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("an expression in a script is an injection: %s", step.Run)
		}
		if step.Run != "" && step.Shell == "" {
			t.Errorf("a composite action must name the shell of %s", step.Run)
		}
	}
	pinned := regexp.MustCompile(`(?m)^ +uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	if got, want := len(pinned.FindAllString(text, -1)), strings.Count(text, "uses:"); got != want {
		t.Errorf("%d of %d uses are pinned to a commit", got, want)
	}
	for _, m := range regexp.MustCompile(`inputs\.([a-z-]+)`).FindAllStringSubmatch(text, -1) {
		if action.Inputs[m[1]] == nil {
			t.Errorf("the action has no input %s", m[1])
		}
	}
	script := read(t, actionDir+"audit.sh")
	for _, m := range regexp.MustCompile(`steps\.audit\.outputs\.([a-z-]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(script, m[1]+"=") {
			t.Errorf("audit.sh does not set the output %s", m[1])
		}
	}
}

// TestActionExample checks that docs/ci.md has the example that make lint checks.
func TestActionExample(t *testing.T) {
	example := "```yaml\n" + read(t, actionDir+"example.yaml") + "```\n"
	if !strings.Contains(read(t, "docs/ci.md"), example) {
		t.Errorf("docs/ci.md does not contain %sexample.yaml", actionDir)
	}
}

// TestActionInstall runs the install script with a curl that copies an archive: it installs the program only if the
// checksum in the manifest matches.
func TestActionInstall(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip("bash is missing")
	}
	archive := tarball(t, "#!/bin/sh\necho installed\n")
	sum := sha256.Sum256(archive)
	for name, test := range map[string]struct {
		sum, os string
		want    bool
	}{
		"right checksum":   {hex.EncodeToString(sum[:]), "Linux", true},
		"another checksum": {strings.Repeat("0", 64), "Linux", false},
		"no such archive":  {hex.EncodeToString(sum[:]), "macOS", false},
		"no such system":   {hex.EncodeToString(sum[:]), "Windows", false},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(path, text string, mode os.FileMode) {
				t.Helper()
				full := filepath.Join(dir, path)
				if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(full, []byte(text), mode); err != nil {
					t.Fatal(err)
				}
			}
			write("plugins/krew.yaml", "    - bin: kubectl-eks_encrypt\n      uri: https://example.com/p_linux_amd64.tar.gz\n"+
				"      sha256: "+test.sum+"\n", 0o644)
			write("archive.tar.gz", string(archive), 0o644)
			write("bin/curl", "#!/bin/sh\nwhile [ \"$1\" != --output ]; do shift; done\n"+
				"cp "+dir+"/archive.tar.gz \"$2\"\n", 0o755)
			write(actionDir+"install.sh", read(t, actionDir+"install.sh"), 0o755)
			cmd := exec.CommandContext(t.Context(), "bash", filepath.Join(dir, actionDir, "install.sh"))
			cmd.Env = append(os.Environ(), "GITHUB_ACTION_PATH="+filepath.Join(dir, actionDir), "RUNNER_OS="+test.os,
				"RUNNER_ARCH=X64", "RUNNER_TEMP="+dir, "GITHUB_PATH="+filepath.Join(dir, "path"),
				"PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if (err == nil) != test.want {
				t.Fatalf("install = %v, want success %t\n%s", err, test.want, out)
			}
			added, _ := os.ReadFile(filepath.Join(dir, "path"))
			if (len(added) > 0) != test.want {
				t.Errorf("GITHUB_PATH = %q, want an entry only after a success", added)
			}
			if !test.want {
				return
			}
			program := filepath.Join(strings.TrimSpace(string(added)), "kubectl-eks_encrypt")
			if out, err := exec.CommandContext(t.Context(), program).Output(); err != nil || string(out) != "installed\n" {
				t.Errorf("the installed program printed %q (%v)", out, err)
			}
		})
	}
}

func tarball(t *testing.T, program string) []byte {
	t.Helper()
	var b bytes.Buffer
	zipped := gzip.NewWriter(&b)
	w := tar.NewWriter(zipped)
	if err := w.WriteHeader(&tar.Header{Name: "kubectl-eks_encrypt", Mode: 0o755, Size: int64(len(program))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(program)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
