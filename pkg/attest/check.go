package attest

import (
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Key is a public key to check a signature with.
type Key struct {
	Public crypto.PublicKey
	// Name is the file of the key, or its ARN.
	Name string
}

// Check checks an evidence file. It needs nothing but its arguments. Without a key, the
// signature is not checked, and the result is never Verified.
func Check(name string, file []byte, key *Key) *v1alpha1.EvidenceReport {
	sum := sha256.Sum256(file)
	c := checker{report: &v1alpha1.EvidenceReport{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindEvidenceReport),
		ObjectMeta: metav1.ObjectMeta{Name: filepath.Base(name)},
		File:       name, SHA256: hex.EncodeToString(sum[:]), Result: v1alpha1.EvidenceFailed,
	}}
	if content := c.run(file, key); content != nil {
		c.report.Content, c.report.Result = content, c.unsigned
		if c.unsigned == "" {
			c.report.Result = v1alpha1.EvidenceVerified
		}
	}
	return c.report
}

// checker makes the checks in order, until one fails.
type checker struct {
	report *v1alpha1.EvidenceReport
	// unsigned is the best possible result if no signature was verified; empty otherwise.
	unsigned v1alpha1.EvidenceResult
}

// run returns the content of the file, or nil if a check failed.
func (c *checker) run(file []byte, key *Key) *v1alpha1.EvidenceContent {
	envelope, payload, err := parseEnvelope(file)
	if !c.passes("envelope", err, "a DSSE envelope in the form in which evidence is written") ||
		!c.signature(envelope, payload, key) {
		return nil
	}
	statement, err := parseStatement(payload)
	if !c.passes("statement", err, "an in-toto Statement v1") {
		return nil
	}
	report, err := statement.report()
	if !c.passes("report", err, "its predicate is a valid "+kindOf(report)) {
		return nil
	}
	clusters := Clusters(report)
	subjects := fmt.Sprintf("the clusters that it is proven to be about: %d", len(clusters))
	if n := Unproven(report); n > 0 {
		subjects += fmt.Sprintf("; the report has %d more", n)
	}
	if !c.passes("subject", statement.checkSubjects(report), subjects) ||
		!c.passes("consistency", CheckConsistency(report), "its counts add up, and its verdicts agree") {
		return nil
	}
	return contentOf(report, clusters)
}

// passes adds the result of a check.
func (c *checker) passes(name string, err error, passed string) bool {
	result, message := v1alpha1.ResultPass, passed
	if err != nil {
		result, message = v1alpha1.ResultFail, err.Error()
	}
	c.add(name, result, message)
	return err == nil
}

func (c *checker) add(name string, result v1alpha1.Result, message string) {
	c.report.Checks = append(c.report.Checks, v1alpha1.Check{Name: name, Result: result, Message: message})
}

// signature checks the signature. It returns false if the signature is wrong.
func (c *checker) signature(e Envelope, payload []byte, key *Key) bool {
	if len(e.Signatures) == 0 {
		c.unsigned = v1alpha1.EvidenceUnsigned
		c.add("signature", v1alpha1.ResultUnknown, "it is not signed: anyone can have written or changed it")
		return true
	}
	s := e.Signatures[0]
	c.report.Signature = &v1alpha1.EvidenceSignature{KeyID: s.KeyID}
	if key == nil {
		c.unsigned = v1alpha1.EvidenceNotChecked
		c.add("signature", v1alpha1.ResultUnknown, "it was not checked, because no key was given")
		return true
	}
	c.report.Signature.Key = key.Name
	a, err := checkSignature(s, payload, key.Public)
	c.report.Signature.Algorithm = a.name
	return c.passes("signature", err, "it is one of this key")
}

func checkSignature(s Signature, payload []byte, public crypto.PublicKey) (algorithm, error) {
	a, err := algorithmOf(public)
	if err != nil {
		return a, err
	}
	id, err := Fingerprint(public)
	if err != nil {
		return a, err
	}
	if s.KeyID != id {
		return a, fmt.Errorf("the file names the key %s, and the given key is %s", s.KeyID, id)
	}
	raw, err := decodeBase64(s.Sig)
	if err != nil {
		return a, fmt.Errorf("the signature is not valid base64: %w", err)
	}
	if !verifies(public, preAuthEncoding(payload), raw) {
		return a, fmt.Errorf("the signature is not one of this key for this content, so the file was changed")
	}
	return a, nil
}

func kindOf(report runtime.Object) string {
	if report == nil {
		return "report"
	}
	return report.GetObjectKind().GroupVersionKind().Kind
}
