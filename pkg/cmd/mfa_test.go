package cmd_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

const mfaRole = "arn:aws:iam::" + awstest.Account + ":role/ops"

// newMFA adds a role that needs an MFA code, and returns the environment in which the plugin assumes it.
func newMFA(t *testing.T) (*pluginTest, []string) {
	t.Helper()
	w := newPluginTest(t, time.Millisecond)
	awstest.Must(t, w.AddPrincipal(fakeaws.Principal{
		ARN: mfaRole, Trust: []string{"*"}, Policy: []fakeaws.Statement{fakeaws.Allow("*")},
	}))
	file := filepath.Join(t.TempDir(), "config")
	awstest.Must(t, os.WriteFile(file, []byte(fmt.Sprintf(
		"[profile ops]\nrole_arn = %s\nsource_profile = base\nmfa_serial = arn:aws:iam::%s:mfa/jane\n"+
			"[profile base]\naws_access_key_id = %s\naws_secret_access_key = %s\n",
		mfaRole, awstest.Account, awstest.AccessKeyID, awstest.SecretAccessKey)), 0o600))
	return w, []string{"AWS_CONFIG_FILE=" + file, "AWS_PROFILE=ops", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY="}
}

// TestMFA checks that an MFA code is asked for once for all contexts, on the terminal: stdout is a JSON document.
func TestMFA(t *testing.T) {
	t.Parallel()
	w, env := newMFA(t)
	file := filepath.Join(t.TempDir(), "out.json")
	command := fmt.Sprintf("%s status --all-contexts -o json > %s", w.bin, file)
	c := (&pluginTest{Server: w.Server, env: w.env, bin: "/bin/sh"}).console(t, env, "-c", command)
	c.expect("MFA code for arn:aws:iam::" + awstest.Account + `:mfa/jane (profile "ops"): `)
	c.send("123456" + enter)
	shown := c.ends(3) // one context leads to a cluster that is gone
	if n := strings.Count(shown, "MFA code"); n != 1 {
		t.Errorf("%d questions, want 1:\n%s", n, shown)
	}
	if n := awstest.Calls(w.Server, "AssumeRole"); n != 1 {
		t.Errorf("%d calls of AssumeRole, want 1", n)
	}
	out, err := os.ReadFile(file)
	awstest.Must(t, err)
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal(out, &list); err != nil || len(list.Items) < 3 {
		t.Errorf("stdout has %d items, error %v, want a JSON document of all contexts:\n%s", len(list.Items), err, out)
	}
}

// TestMFAWithoutTerminal checks that the plugin does not wait for a code that cannot be entered.
func TestMFAWithoutTerminal(t *testing.T) {
	t.Parallel()
	w, env := newMFA(t)
	var out, errOut strings.Builder
	cmd := exec.CommandContext(t.Context(), w.bin, "status", "--require", "cmk")
	cmd.Env, cmd.Stdout, cmd.Stderr = slices.Concat(w.env, env), &out, &errOut
	if err := cmd.Run(); err == nil || cmd.ProcessState.ExitCode() != 3 {
		t.Errorf("exit code = %d, want 3", cmd.ProcessState.ExitCode())
	}
	for _, want := range []string{`the AWS profile "ops" needs an MFA code`, "no terminal", "hint: get a session first"} {
		if !strings.Contains(errOut.String(), want) {
			t.Errorf("stderr does not contain %q:\n%s", want, errOut.String())
		}
	}
}
