package rewriter

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Evidence is what auditors keep of a run. It holds no value of any object.
type Evidence struct {
	Kind        string `json:"kind"`
	ToolVersion string `json:"toolVersion"`
	// Coverage has the cluster, the key, the times, the counts and the failures.
	Coverage *v1alpha1.CoverageReport `json:"coverage"`
	// ResourceVersions are those of the lists before and after, by resource.
	ResourceVersions map[string]Versions `json:"resourceVersions"`
	// SHA256 is over the rest in canonical form: JSON without white space, keys in
	// order. `jq -cSj 'del(.sha256)' FILE | sha256sum` gives the same.
	SHA256 string `json:"sha256"`
}

const evidenceKind = "CoverageEvidence"

// WriteEvidence writes the evidence of a run to a file that only its owner may
// read. The file is there whole or not at all.
func WriteEvidence(path string, result *Result, toolVersion string) error {
	e := Evidence{Kind: evidenceKind, ToolVersion: toolVersion, Coverage: result.Report, ResourceVersions: result.Versions}
	raw, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	if e.SHA256, err = digest(raw); err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(e); err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	if err := writeAtomically(path, out.Bytes()); err != nil {
		return fmt.Errorf("writing the evidence: %w", err)
	}
	return nil
}

// VerifyEvidence reads an evidence file and checks its digest. That shows the
// file unchanged since it was written, not who wrote it.
func VerifyEvidence(path string) (*Evidence, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var e Evidence
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, fmt.Errorf("reading the evidence %s: %w", path, err)
	}
	if e.Kind != evidenceKind || e.SHA256 == "" {
		return nil, fmt.Errorf("%s is no evidence of a run", path)
	}
	want, err := digest(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the evidence %s: %w", path, err)
	}
	if e.SHA256 != want {
		return nil, fmt.Errorf("the evidence %s was changed after it was written: its sha256 is %s, the content's is %s", path, e.SHA256, want)
	}
	return &e, nil
}

// digest is the sha256 over a document without its own sha256.
func digest(raw []byte) (string, error) {
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return "", err
	}
	delete(document, "sha256")
	var canonical bytes.Buffer
	encoder := json.NewEncoder(&canonical)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(document); err != nil {
		return "", err
	}
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return hex.EncodeToString(sum[:]), nil
}

func writeAtomically(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".evidence-*") // 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
