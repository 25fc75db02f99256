// Package attest writes evidence files: what auditors keep of a run of verify or rewrite.
// An evidence file contains no value of any object.
package attest

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

// Evidence is the content of an evidence file.
type Evidence struct {
	Kind        string `json:"kind"`
	ToolVersion string `json:"toolVersion"`
	// Coverage has the cluster, the key, the times, the counts and the failures.
	Coverage *v1alpha1.CoverageReport `json:"coverage"`
	// ResourceVersions are those of the first and of the closing list, by resource.
	ResourceVersions map[string]Versions `json:"resourceVersions"`
	// SHA256 is the digest of the other fields in canonical form: JSON without white
	// space, keys in order. `jq -cSj 'del(.sha256)' FILE | sha256sum` prints the same.
	SHA256 string `json:"sha256"`
}

// Versions are the resourceVersions of the lists of one resource.
type Versions struct {
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

const evidenceKind = "CoverageEvidence"

// Write writes the evidence of a run to a file that only its owner may read. versions
// are the resourceVersions of the first and of the closing list, by resource. If Write
// fails, no incomplete file remains.
func Write(path string, report *v1alpha1.CoverageReport, versions map[string][2]string, toolVersion string) error {
	e := Evidence{
		Kind: evidenceKind, ToolVersion: toolVersion, Coverage: report, ResourceVersions: map[string]Versions{},
	}
	for resource, v := range versions {
		e.ResourceVersions[resource] = Versions{Before: v[0], After: v[1]}
	}
	raw, err := encode(&e)
	if err == nil {
		err = writeAtomically(path, raw)
	}
	if err != nil {
		return fmt.Errorf("write the evidence: %w", err)
	}
	return nil
}

// encode sets the digest and returns the content of the file.
func encode(e *Evidence) ([]byte, error) {
	raw, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	if e.SHA256, err = digest(raw); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err = encoder.Encode(e)
	return out.Bytes(), err
}

// digest returns the SHA-256 of a document without its field sha256.
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
	f, err := os.CreateTemp(filepath.Dir(path), ".evidence-*") // mode 0600
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
