package e2e

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// keyPair writes a private and a public key to files, and returns their paths.
func keyPair(t *testing.T) (private, public string) {
	t.Helper()
	known, secret, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	private, public = filepath.Join(dir, "key.pem"), filepath.Join(dir, "key.pub.pem")
	secretDER, secretErr := x509.MarshalPKCS8PrivateKey(secret)
	knownDER, knownErr := x509.MarshalPKIXPublicKey(known)
	err = errors.Join(secretErr, knownErr,
		os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secretDER}), 0o600),
		os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: knownDER}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// The evidence of each method verifies, whatever its verdict: no real report contradicts itself.
func TestEvidence(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", "60", "--namespaces", "3").Must(t)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)
	private, public := keyPair(t)
	dir := t.TempDir()
	for i, test := range []struct {
		verdict string
		command []string
	}{
		{"CustomerManagedKey", []string{"status", "--api-servers"}},
		{"NotProven", []string{"verify"}},
		{"Stale", []string{"verify", "--by-metrics"}},
		{"", []string{"verify", "--sample", "20"}},
		{"NotProven", []string{"rewrite", "--dry-run=client"}},
		{"Proven", []string{"rewrite", "--all-resources"}},
		{"Recorded", []string{"verify", "--read-metadata"}},
		{"Proven", []string{"verify", "--by-metrics"}},
		{"Proven", []string{"verify", "--probe", "-n", "default"}},
		{"", []string{"audit", "--verify-data", "--sample", "20"}},
	} {
		file := filepath.Join(dir, fmt.Sprint(i, ".json"))
		out := l.Plugin(t, append(test.command, "--evidence", file, "--sign-with", private)...)
		if strings.Contains(out.Stderr, "will not accept") {
			t.Errorf("%v: %s", test.command, out.Stderr)
		}
		checked := l.Plugin(t, "evidence", "verify", file, "--key", public,
			"-o", "jsonpath={.result} {.content.verdict}")
		if want := "Verified " + test.verdict; checked.Code != 0 || !strings.HasPrefix(checked.Stdout, want) {
			t.Errorf("%v: exit code = %d, output = %q, want 0 and %q\n%s\n%s", test.command, checked.Code,
				checked.Stdout, want, checked.Stderr, out.Stderr)
		}
	}
}
