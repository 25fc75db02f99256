package rewriter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestEvidence(t *testing.T) {
	f := newFake()
	f.secrets("a", 5, oldKey)
	result := must(t, options(f, v1alpha1.MethodRewrite))
	path := filepath.Join(t.TempDir(), "evidence.json")
	if err := WriteEvidence(path, result, "v1 <&>"); err != nil {
		t.Fatal(err)
	}
	e, err := VerifyEvidence(path)
	if err != nil {
		t.Fatal(err)
	}
	v := e.ResourceVersions["secrets"]
	if e.Coverage.Resources[0].Rewritten != 5 || e.ToolVersion != "v1 <&>" || v.Before == "" || v.After == "" || v.Before == v.After {
		t.Errorf("%+v", e)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v", info.Mode())
	}

	raw, _ := os.ReadFile(path)
	for name, text := range map[string]string{
		"changed":         strings.Replace(string(raw), `"rewritten": 5`, `"rewritten": 6`, 1),
		"another digest":  strings.Replace(string(raw), e.SHA256[:8], "00000000", 1),
		"something else":  `{"kind":"Pod"}`,
		"not even JSON":   "x",
		"a missing value": strings.Replace(string(raw), `"keyArn": "arn:key",`, "", 1),
	} {
		if text == string(raw) {
			t.Fatalf("%s: nothing was changed", name)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := VerifyEvidence(path); err == nil {
			t.Errorf("%s: it passes", name)
		}
	}
	if err := WriteEvidence(filepath.Join(t.TempDir(), "no", "folder"), result, "v1"); err == nil {
		t.Error("a file in no folder was written")
	}
}
