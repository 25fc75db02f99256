package cmd_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// evil would clear the screen, ring the bell, reorder the text, and pretend to be a hint.
const evil = "\x1b[2J\x1b]0;title\a\u202Egnp.exe\u009b2J\u200b\r\nhint: run evil"

// evilName is evil without C1 controls, which YAML cannot contain.
var evilName = strings.ReplaceAll(evil, "\u009b", "")

const password = "s3cret-p4ss"

// harmlessText checks that a text cannot control a terminal.
func harmlessText(t *testing.T, where, text string) {
	t.Helper()
	for i, r := range text {
		if unicode.IsControl(r) && r != '\n' && r != '\t' || unicode.Is(unicode.Cf, r) {
			t.Errorf("%s contains %U: …%q", where, r, text[max(i-60, 0):i+1])
			return
		}
	}
	if strings.Contains(text, "\nhint: run evil") {
		t.Errorf("%s contains a line of the message:\n%s", where, text)
	}
	if strings.Contains(text, password) {
		t.Errorf("%s contains a password:\n%s", where, text)
	}
}

// hostileTest is a pluginTest with a hostile key, context and AWS.
func hostileTest(t *testing.T) *pluginTest {
	t.Helper()
	w := newPluginTest(t, time.Millisecond)
	awstest.Must(t, w.Update(func(s *fakeaws.State) {
		k := s.AddKey(fakeaws.Key{
			ID: "99999999-0000-0000-0000-000000000001", Region: "eu-central-1", Account: awstest.Account,
			Description: evil, Tags: map[string]string{evil: evil, "url": "http://u:" + password + "@h"},
			Grants: []fakeaws.Grant{{ID: evil, Name: evil, Grantee: evil, Operations: []string{evil}}},
		})
		s.AddAlias(fakeaws.Alias{Name: "alias/evil", Region: k.Region, Account: k.Account, Target: k.ID})
	}))
	for _, pair := range w.env {
		path, found := strings.CutPrefix(pair, "KUBECONFIG=")
		if !found {
			continue
		}
		config, err := clientcmd.LoadFromFile(path)
		awstest.Must(t, err)
		config.Contexts[evilName] = config.Contexts["payments-128"].DeepCopy()
		config.Contexts["lost"] = &clientcmdapi.Context{Cluster: evilName}
		config.Clusters[evilName] = &clientcmdapi.Cluster{Server: "https://" + "u:" + password + "@example.com"}
		awstest.Must(t, clientcmd.WriteToFile(*config, path))
	}
	return w
}

// TestHostile checks stdout and stderr of commands with hostile keys, contexts, flags and messages of AWS.
func TestHostile(t *testing.T) {
	t.Parallel()
	w := hostileTest(t)
	denied := []fakeaws.Fault{{Status: 400, Code: "AccessDeniedException", Message: evil + " http://u:" + password + "@h"}}
	for _, test := range []struct {
		faults []fakeaws.Fault
		args   string
	}{
		{nil, "keys"}, {nil, "keys -o wide"}, {nil, "keys -o json"}, {nil, "keys -o yaml"},
		{nil, "keys describe alias/evil"}, {nil, "keys describe alias/evil -o json"}, {nil, "keys describe alias/evil -o yaml"},
		{nil, "keys create --alias alias/evil --yes -o yaml"}, {nil, "keys create --description EVIL --yes"},
		{nil, "status --context EVIL"}, {nil, "status --context EVIL -o json"}, {nil, "status --context lost"},
		{nil, "status --all-contexts"}, {nil, "status --context noEVIL"}, {nil, "status --region EVIL"},
		{nil, "status --endpoint-url http://u:" + password + "@127.0.0.1:1"}, {nil, "status -v 6"},
		{nil, "status --endpoint-url http://u:" + password + "@127.0.0.1:1 -o json"},
		{nil, "status --endpoint-url http://u:p/" + password + "@127.0.0.1:1"},
		{nil, "generate iam-policy --context EVIL"}, {nil, "generate iam-policy EVIL"},
		{nil, "generate rbac --group EVIL"}, {nil, "generate iac alias/good --context EVIL --for eksctl"},
		{nil, "generate iac alias/good --for capa --object-name EVIL"},
		{nil, "generate runbook alias/evil --context payments-128"}, {nil, "generate key-policy --principal EVIL"},
		{nil, "generate runbook alias/good --context EVIL"}, {nil, "EVIL"}, {nil, "status --EVIL"},
		{nil, "__complete status --context p"}, {nil, "__complete status --context EVIL"},
		{denied, "status"}, {denied, "status -o json"}, {denied, "keys"}, {denied, "keys describe alias/good"},
		{denied, "associate alias/good --context payments-128 --yes --no-record"}, {denied, "status --all-contexts"},
		{denied, "generate runbook alias/good"}, {denied, "keys create --yes"}, {denied, "verify"},
	} {
		w.SetFaults(test.faults)
		var args []string
		for _, arg := range strings.Fields(test.args) {
			args = append(args, strings.ReplaceAll(arg, "EVIL", evilName))
		}
		stdout, stderr, _ := w.run(t, args...)
		harmlessText(t, test.args+": stdout", stdout)
		harmlessText(t, test.args+": stderr", stderr)
		if stdout+stderr == "" {
			t.Errorf("%s: no output", test.args)
		}
		if strings.HasSuffix(test.args, "-o json") && stdout != "" && !json.Valid([]byte(stdout)) {
			t.Errorf("%s: stdout is not JSON:\n%s", test.args, stdout)
		}
	}
}

// TestHostileJSON checks that JSON loses nothing but passwords.
func TestHostileJSON(t *testing.T) {
	t.Parallel()
	w := hostileTest(t)
	stdout, _, _ := w.run(t, "keys", "describe", "alias/evil", "-o", "json")
	var report struct {
		Key struct{ Description string }
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || report.Key.Description != evil {
		t.Errorf("description = %q, %v, want %q", report.Key.Description, err, evil)
	}
}

// ours matches the sequences that the plugin itself writes to a terminal: colours, erased lines and the cursor.
var ours = regexp.MustCompile(`\x1b\[[0-9;]*m|\r\x1b\[K|\x1b\[\?25[hl]`)

// TestHostileTerminal checks a terminal, with its prompts, progress and colours.
func TestHostileTerminal(t *testing.T) {
	t.Parallel()
	w := hostileTest(t)
	c := w.console(t, nil, "associate", "alias/evil", "--context", evilName, "--no-record")
	c.expect("Type the cluster's name to continue: ")
	c.send("no" + enter)
	c.ends(1)
	w.SetFaults([]fakeaws.Fault{{Status: 400, Code: "AccessDeniedException", Message: evil}})
	d := w.console(t, nil, "keys")
	d.ends(2)
	for _, raw := range []string{c.text, d.text} {
		text := strings.ReplaceAll(raw, "\r\n", "\n")
		harmlessText(t, "terminal", strings.ReplaceAll(ours.ReplaceAllString(text, ""), "\r", ""))
		if !strings.Contains(raw, "\x1b[") && raw == c.text {
			t.Error("the plan has no colours")
		}
	}
}

// TestTerminalWidth checks that text wraps between words at the width of the terminal, and not when it is piped.
func TestTerminalWidth(t *testing.T) {
	t.Parallel()
	w := newPluginTest(t, time.Millisecond)
	for _, args := range []string{
		"associate alias/good --context payments-128 --dry-run=client", "keys describe alias/good",
		"keys describe alias/absent", "status --context kind-dev", "keys create --alias alias/disabled --yes",
		"status",
	} {
		c := w.consoleOf(t, 80, nil, strings.Fields(args)...)
		c.mu.Lock()
		for !c.over {
			c.more.Wait()
		}
		text := c.plain()
		c.mu.Unlock()
		_ = c.cmd.Wait()
		for line := range strings.Lines(text) {
			line = strings.TrimRight(line, "\r\n")
			line = line[strings.LastIndexByte(line, '\r')+1:] // a progress line was there before
			long := strings.Contains(line, "arn:") || strings.Contains(line, "kubectl ") || strings.Contains(line, "update ")
			if ansi.StringWidth(line) > 80 && !long {
				t.Errorf("%s: a line has %d columns:\n%s", args, ansi.StringWidth(line), line)
			}
		}
		stdout, stderr, _ := w.run(t, strings.Fields(args)...)
		flat := strings.Join(strings.Fields(stdout+stderr), " ")
		if wrapped := strings.Join(strings.Fields(text), " "); len(wrapped) < len(flat)/2 {
			t.Errorf("%s: the terminal shows %d characters, a pipe %d", args, len(wrapped), len(flat))
		}
	}
	_, stderr, _ := w.run(t, "keys", "create", "--alias", "alias/disabled", "--yes")
	if n := strings.Count(stderr, "\n"); n != 2 {
		t.Errorf("a pipe shows %d lines, want error and hint:\n%s", n, stderr)
	}
}
