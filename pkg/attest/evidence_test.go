package attest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// verify reads an evidence file and checks its digest, as an auditor does with jq.
func verify(path string) (*Evidence, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var e Evidence
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("decode the evidence %s: %w", path, err)
	}
	if e.Kind != evidenceKind || e.SHA256 == "" {
		return nil, fmt.Errorf("%s is not an evidence file", path)
	}
	actual, err := digest(raw)
	if err != nil {
		return nil, fmt.Errorf("decode the evidence %s: %w", path, err)
	}
	if e.SHA256 != actual {
		return nil, fmt.Errorf("evidence %s was changed after it was written: sha256 is %s, want %s",
			path, actual, e.SHA256)
	}
	return &e, nil
}

func TestWriteAndVerify(t *testing.T) {
	report := &v1alpha1.CoverageReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindCoverageReport), KeyARN: "arn:key",
		Resources: []v1alpha1.ResourceCoverage{{Resource: "secrets", Total: 5, Rewritten: 5}},
	}
	versions := map[string][2]string{"secrets": {"100", "120"}}
	path := filepath.Join(t.TempDir(), "evidence.json")
	if err := Write(path, report, versions, "v1 <&>"); err != nil {
		t.Fatal(err)
	}
	e, err := verify(path)
	if err != nil {
		t.Fatal(err)
	}
	if e.Coverage.Resources[0].Rewritten != 5 || e.ToolVersion != "v1 <&>" ||
		e.ResourceVersions["secrets"] != (Versions{Before: "100", After: "120"}) {
		t.Errorf("verify = %+v, want the written values", e)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, want 0600", info.Mode())
	}

	raw, _ := os.ReadFile(path)
	for name, text := range map[string]string{
		"changed count": strings.Replace(string(raw), `"rewritten": 5`, `"rewritten": 6`, 1),
		"wrong digest":  strings.Replace(string(raw), e.SHA256[:8], "00000000", 1),
		"another kind":  `{"kind":"Pod"}`,
		"not JSON":      "x",
		"missing value": strings.Replace(string(raw), `"keyArn": "arn:key",`, "", 1),
	} {
		if text == string(raw) {
			t.Fatalf("%s: the replacement had no effect", name)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := verify(path); err == nil {
			t.Errorf("%s: verify = nil, want an error", name)
		}
	}
	if err := Write(filepath.Join(t.TempDir(), "no", "directory"), report, versions, "v1"); err == nil {
		t.Error("Write to a missing directory = nil, want an error")
	}
}
