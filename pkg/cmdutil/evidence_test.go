package cmdutil

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/attest"
)

// failingSigner is a KMS key that is disabled during the run.
type failingSigner struct{}

func (failingSigner) Public() crypto.PublicKey { return make(ed25519.PublicKey, ed25519.PublicKeySize) }
func (failingSigner) Sign(context.Context, []byte) ([]byte, error) {
	return nil, errors.New("the key is disabled")
}

func evidenceReport() *v1alpha1.CoverageReport {
	return &v1alpha1.CoverageReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindCoverageReport), Verdict: v1alpha1.CoverageNotProven,
		Cluster: v1alpha1.Cluster{ARN: "arn:aws:eks:eu-central-1:111122223333:cluster/c", Guard: v1alpha1.GuardMatch},
	}
}

// TestEvidenceOfFailedSignature checks that the report of a long run is not lost, and not called signed.
func TestEvidenceOfFailedSignature(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	f := NewFactory(streams, "v1")
	e := EvidenceFlags{File: filepath.Join(t.TempDir(), "e.json"), SignWith: "alias/x", signer: failingSigner{}}
	err := e.Write(context.Background(), f, evidenceReport())
	if err == nil || !strings.Contains(err.Error(), "WITHOUT a signature: sign the evidence: the key is disabled") {
		t.Errorf("Write = %v, want that the file has no signature", err)
	}
	file, err := os.ReadFile(e.File)
	if err != nil {
		t.Fatal(err)
	}
	if got := attest.Check("e", file, nil); got.Result != v1alpha1.EvidenceUnsigned {
		t.Errorf("Check = %+v, want Unsigned", got)
	}
	if errOut.Len() > 0 {
		t.Errorf("stderr = %s, want nothing", errOut)
	}
}

// TestEvidenceWithoutCheckedKey checks that no unsigned file takes the place of a signed one.
func TestEvidenceWithoutCheckedKey(t *testing.T) {
	streams, _, _, _ := genericiooptions.NewTestIOStreams()
	f := NewFactory(streams, "v1")
	e := EvidenceFlags{File: filepath.Join(t.TempDir(), "e.json"), SignWith: "alias/x"}
	if err := e.Prepare(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if err := e.Write(context.Background(), f, evidenceReport()); err == nil {
		t.Error("Write = nil, want an error")
	}
	if _, err := os.Stat(e.File); err == nil {
		t.Error("a file was written")
	}
}

// TestInconsistentEvidence checks that a report which contradicts itself is kept, with a warning.
func TestInconsistentEvidence(t *testing.T) {
	streams, _, _, errOut := genericiooptions.NewTestIOStreams()
	f := NewFactory(streams, "v1")
	e := EvidenceFlags{File: filepath.Join(t.TempDir(), "e.json")}
	r := evidenceReport()
	r.Resources = []v1alpha1.ResourceCoverage{{Resource: "secrets", Total: 1}}
	err := e.Write(context.Background(), f, r)
	if err != nil || !strings.Contains(errOut.String(), "evidence verify will not accept") {
		t.Errorf("Write = %v, stderr = %s, want a warning", err, errOut)
	}
}
