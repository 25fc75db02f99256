package cmd_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/docs"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// signer ALIAS SPEC [USAGE] adds an asymmetric KMS key, for signatures unless there is another usage.
func signer(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(addSigner(server(ts), args[0], args[1], append(args, "SIGN_VERIFY")[2]))
}

func addSigner(s *fakeaws.Server, alias, spec, usage string) error {
	return s.Update(func(w *fakeaws.State) {
		key := w.AddKey(fakeaws.Key{Region: awstest.Region, Account: awstest.Account, Spec: spec, Usage: usage})
		w.AddAlias(fakeaws.Alias{Name: "alias/" + alias, Region: key.Region, Account: key.Account, Target: key.ID})
	})
}

// keypair NAME writes an Ed25519 key to NAME.pem and its public key to NAME.pub.pem.
func keypair(ts *testscript.TestScript, _ bool, args []string) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	ts.Check(err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	ts.Check(err)
	known, err := x509.MarshalPKIXPublicKey(public)
	ts.Check(err)
	for file, block := range map[string]*pem.Block{
		args[0] + ".pem": {Type: "PRIVATE KEY", Bytes: secret}, args[0] + ".pub.pem": {Type: "PUBLIC KEY", Bytes: known},
	} {
		ts.Check(os.WriteFile(ts.MkAbs(file), pem.EncodeToMemory(block), 0o600))
	}
}

// tamper FILE OFFSET changes the byte at the offset; a negative one counts from the end.
func tamper(ts *testscript.TestScript, _ bool, args []string) {
	raw := []byte(ts.ReadFile(args[0]))
	offset, err := strconv.Atoi(args[1])
	ts.Check(err)
	if offset < 0 {
		offset += len(raw)
	}
	raw[offset] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), raw, 0o600))
}

// documented is a shell in which the commands of a document run: kubectl calls the plugin as kubectl does.
type documented struct {
	*wireTest
	dir string
}

func newDocumented(t *testing.T) documented {
	t.Helper()
	for _, program := range []string{"bash", "jq", "openssl", "aws"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("REQUIRE_AWS_CLI") != "" { // set by CI
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	d := documented{wireTest: newWireTest(t), dir: t.TempDir()}
	tools := t.TempDir()
	kubectl := "#!/bin/sh\nshift\nexec \"" + d.bin + "\" \"$@\" --context prod\n"
	awstest.Must(t, os.WriteFile(filepath.Join(tools, "kubectl"), []byte(kubectl), 0o700))
	d.env = append(d.env, "PATH="+tools+":"+os.Getenv("PATH"), "AWS_DEFAULT_REGION="+awstest.Region, "AWS_PAGER=")
	return d
}

// shell runs commands and returns what they print.
func (d documented) shell(t *testing.T, script string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	cmd.Env, cmd.Dir = d.env, d.dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s\n%v\n%s", script, err, out)
	}
	return string(out)
}

// TestEvidenceDocument runs every command of docs/evidence.md in order. The steps with openssl then verify a file of
// each other kind of KMS key.
func TestEvidenceDocument(t *testing.T) {
	t.Parallel()
	d := newDocumented(t)
	text, err := os.ReadFile("../../docs/evidence.md")
	awstest.Must(t, err)
	blocks, err := docs.Blocks("docs/evidence.md", string(text))
	awstest.Must(t, err)
	var withOpenSSL string
	for _, b := range blocks {
		if b.NotRun != "" {
			t.Errorf("%s is not run: %s", b.Where(), b.NotRun)
		}
		for _, step := range b.Steps {
			out := d.shell(t, step.Script)
			if want := strings.Join(step.Output, "\n"); !strings.Contains(out, want) {
				t.Errorf("%s: output = %q, want %q", step.Script, out, want)
			}
			if len(b.Steps) > 1 && strings.Contains(b.Steps[0].Script, "status.evidence.json") {
				withOpenSSL += step.Script + "\n"
			}
		}
	}
	if !strings.Contains(withOpenSSL, "openssl dgst -sha256 -verify") {
		t.Fatalf("the steps with openssl are missing:\n%s", withOpenSSL)
	}
	for spec, sum := range map[string]string{
		"ECC_NIST_P384": "-sha384", "ECC_NIST_P521": "-sha512", "RSA_2048": "-sha256",
	} {
		awstest.Must(t, addSigner(d.Server, spec, spec, "SIGN_VERIFY"))
		out := d.shell(t, `rm status.evidence.json
kubectl eks-encrypt status --evidence status.evidence.json --sign-with alias/`+spec+`
aws kms get-public-key --key-id alias/`+spec+` --query PublicKey --output text | base64 -d > auditors.der
openssl pkey -pubin -inform DER -in auditors.der -out auditors.pub.pem
kubectl eks-encrypt evidence verify status.evidence.json --key auditors.pub.pem
`+strings.Replace(withOpenSSL, "-sha256", sum, 1))
		if !strings.Contains(out, "Verified OK") || !strings.Contains(out, "\nVerified\n") {
			t.Errorf("%s: output = %s, want Verified OK", spec, out)
		}
	}
}

// TestVerifyWritesEvidence signs the result of verify with a KMS key. The API server lists two Secrets.
func TestVerifyWritesEvidence(t *testing.T) {
	t.Parallel()
	w := newWireTest(t)
	awstest.Must(t, addSigner(w.Server, "auditors", "ECC_NIST_P256", "SIGN_VERIFY"))
	w.prod.Config.Handler = http.HandlerFunc(serveSecrets)
	dir := t.TempDir()
	file := filepath.Join(dir, "verify.json")
	command := []string{"verify", "--context", "prod", "--evidence", file, "--sign-with", "alias/auditors"}

	awstest.Must(t, w.AddPrincipal(awstest.User(fakeaws.Allow("*"), fakeaws.Deny("kms:Sign"))))
	if _, stderr, code := w.run(t, command...); code != 2 || !strings.Contains(stderr, "kms:Sign") {
		t.Errorf("verify without kms:Sign: exit code = %d, want 2:\n%s", code, stderr)
	}
	if got := w.prod.take(); len(got) > 0 {
		t.Errorf("requests before the key was checked = %q, want none", got)
	}
	awstest.Must(t, w.AddPrincipal(awstest.User()))
	_, stderr, code := w.run(t, command...)
	if code != 3 || !strings.Contains(stderr, "signed with arn:aws:kms:") {
		t.Fatalf("verify: exit code = %d, want 3 and evidence:\n%s", code, stderr)
	}
	stdout, stderr, code := w.run(t, "evidence", "verify", file, "--key", "alias/auditors", "--region", awstest.Region)
	for _, want := range []string{"Verified\n", "CoverageReport", "NotProven", w.prod.arn, awstest.UserARN} {
		if code != 0 || !strings.Contains(stdout, want) {
			t.Errorf("evidence verify: exit code = %d, want 0 and %q:\n%s%s", code, want, stdout, stderr)
		}
	}
}

// serveSecrets is an API server with one namespace and two Secrets, listed by name.
func serveSecrets(w http.ResponseWriter, r *http.Request) {
	rows := map[string]string{"/api/v1/namespaces": `{"cells":["default"]}`,
		"/api/v1/secrets":                    `{"cells":["a"]},{"cells":["b"]}`,
		"/api/v1/namespaces/default/secrets": `{"cells":["a"]},{"cells":["b"]}`}[r.URL.Path]
	w.Header().Set("Content-Type", "application/json")
	if rows == "" {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}`))
		return
	}
	_, _ = w.Write([]byte(`{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},` +
		`"columnDefinitions":[{"name":"Name","type":"string","format":"name"}],"rows":[` + rows + `]}`))
}
