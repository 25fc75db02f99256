package attest

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

const (
	clusterARN = "arn:aws:eks:eu-central-1:111122223333:cluster/prod"
	keyARN     = "arn:aws:kms:eu-central-1:111122223333:key/11111111-0000-0000-0000-000000000001"
)

func cluster() v1alpha1.Cluster {
	return v1alpha1.Cluster{ARN: clusterARN, Name: "prod <&>", Context: "prod", Guard: v1alpha1.GuardMatch}
}

func provenance() v1alpha1.Provenance {
	return v1alpha1.Provenance{
		Tool: &v1alpha1.ToolVersion{Version: "v1.2.3"}, Caller: &v1alpha1.Caller{ARN: "arn:aws:iam::111122223333:user/ann"},
		Guard: &v1alpha1.GuardResult{Result: v1alpha1.GuardMatch, Evidence: v1alpha1.EvidenceCertificate},
	}
}

func at(minute int) *metav1.Time {
	return &metav1.Time{Time: time.Date(2026, 11, 26, 10, minute, 0, 0, time.UTC)}
}

// coverage returns a report whose verdict is Proven.
func coverage() *v1alpha1.CoverageReport {
	return &v1alpha1.CoverageReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindCoverageReport), Provenance: provenance(), Cluster: cluster(),
		Method: v1alpha1.MethodRewrite, KeyARN: keyARN, StartedAt: at(0), FinishedAt: at(5),
		Servers:   &v1alpha1.CoverageServers{Live: 2, Reached: 2, WriteKey: v1alpha1.WriteKeyMatchesARN},
		Agreement: &v1alpha1.CoverageAgreement{Before: v1alpha1.Agree, After: v1alpha1.Agree, Connections: 2},
		Control:   v1alpha1.ControlPassed,
		Resources: []v1alpha1.ResourceCoverage{{
			Resource: "secrets", Total: 6, Current: 2, Rewritten: 3, Gone: 1, Stale: 1,
			ResourceVersions: &v1alpha1.ResourceVersions{Before: "100", After: "120"},
		}},
		Verdict: v1alpha1.CoverageProven, Statement: "All 5 secrets are encrypted.",
	}
}

func status() *v1alpha1.EncryptionReport {
	r := &v1alpha1.EncryptionReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReport), Provenance: provenance(), Cluster: cluster(),
		ObjectMeta: metav1.ObjectMeta{Name: "prod", CreationTimestamp: *at(1)},
		Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictCustomerManagedKey, Scope: v1alpha1.ScopeAllAPIData,
			KeyARN: keyARN},
		Key: &v1alpha1.Key{ARN: keyARN, Usable: v1alpha1.UsableYes},
	}
	r.Controls = encryption.Controls(r)
	return r
}

func list() *v1alpha1.EncryptionReportList {
	return &v1alpha1.EncryptionReportList{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReportList), Items: []v1alpha1.EncryptionReport{*status()},
	}
}

func audit() *v1alpha1.AuditReport {
	unreached := v1alpha1.EncryptionReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReport), Cluster: v1alpha1.Cluster{Name: "kind"},
		Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictNotApplicable, Scope: v1alpha1.ScopeUnknown},
	}
	r := &v1alpha1.AuditReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport), Provenance: provenance(), StartedAt: at(0), FinishedAt: at(1),
		Scope: v1alpha1.AuditScope{Contexts: []string{"prod", "kind"}},
		Items: []v1alpha1.EncryptionReport{*status(), unreached}, Coverage: []v1alpha1.CoverageReport{*coverage()},
		Findings: []v1alpha1.Finding{{Cluster: clusterARN, Control: "ENC-4"}},
		Summary: v1alpha1.AuditSummary{Clusters: 1, NotEKS: 1, Findings: 1, Outcome: v1alpha1.OutcomeFinding,
			ByVerdict: map[v1alpha1.Verdict]int{v1alpha1.VerdictCustomerManagedKey: 1},
			ByControl: map[string]map[v1alpha1.Result]int{}},
	}
	for _, c := range r.Items[0].Controls {
		r.Summary.ByControl[c.ID] = map[v1alpha1.Result]int{c.Result: 1}
	}
	return r
}

// reports returns a report of each kind that can be evidence.
func reports() map[string]runtime.Object {
	return map[string]runtime.Object{"coverage": coverage(), "status": status(), "list": list(), "audit": audit()}
}

// newKey returns a private key of a supported kind.
func newKey(t testing.TB, kind string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch kind {
	case "Ed25519":
		var private ed25519.PrivateKey
		_, private, err = ed25519.GenerateKey(rand.Reader)
		key = private
	case "RSA":
		key, err = rsa.GenerateKey(rand.Reader, minRSABits)
	default:
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[kind]
		key, err = ecdsa.GenerateKey(curve, rand.Reader)
	}
	must(t, err)
	return key
}

// keys returns a private key of each supported kind.
func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	all := map[string]crypto.Signer{}
	for _, kind := range []string{"P-256", "P-384", "P-521", "Ed25519", "RSA"} {
		all[kind] = newKey(t, kind)
	}
	return all
}

// privatePEM returns the private key as openssl genpkey writes it.
func privatePEM(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// publicPEM returns the public key as openssl pkey -pubout writes it.
func publicPEM(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// signer returns the signer of a PEM file with the key.
func signer(t testing.TB, key crypto.Signer) Signer {
	t.Helper()
	s, err := ParsePrivateKey(privatePEM(t, key))
	must(t, err)
	return s
}

// signedFile returns the evidence of the report.
func signedFile(t testing.TB, report runtime.Object, s Signer) []byte {
	t.Helper()
	file, err := Encode(context.Background(), report, s)
	must(t, err)
	return file
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
