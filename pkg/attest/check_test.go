package attest

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestSignAndCheck(t *testing.T) {
	for name, key := range keys(t) {
		public, err := ParsePublicKey(publicPEM(t, key))
		must(t, err)
		for kind, report := range reports() {
			file := signedFile(t, report, signer(t, key))
			checked := Check("dir/e.json", file, &Key{Public: public, Name: "e.pub"})
			if checked.Result != v1alpha1.EvidenceVerified || checked.Name != "e.json" || checked.Signature.Key != "e.pub" {
				t.Fatalf("%s, %s: Check = %+v, want Verified", name, kind, checked)
			}
			content := checked.Content
			if len(content.Clusters) != 1 || content.Clusters[0] != clusterARN || content.FinishedAt == nil ||
				content.Caller == nil || kind != "list" && (content.Verdict == "" || content.Tool.Version != "v1.2.3") {
				t.Errorf("%s: content = %+v", kind, content)
			}
			if without := Check("e.json", file, nil); without.Result != v1alpha1.EvidenceNotChecked {
				t.Errorf("%s: Check without a key = %s, want NotChecked", kind, without.Result)
			}
		}
	}
}

// foreignVerifier gives the DSSE library of another project the bare verification of Go.
type foreignVerifier struct{ public crypto.PublicKey }

func (foreignVerifier) KeyID() (string, error)     { return "", nil } // the library computes it
func (v foreignVerifier) Public() crypto.PublicKey { return v.public }
func (v foreignVerifier) Verify(_ context.Context, data, signature []byte) error {
	if !verifies(v.public, data, signature) {
		return errors.New("wrong")
	}
	return nil
}

// TestForeignLibrary checks that another DSSE implementation accepts the envelopes and computes the same key ID.
func TestForeignLibrary(t *testing.T) {
	for name, key := range keys(t) {
		file := signedFile(t, coverage(), signer(t, key))
		var envelope dsse.Envelope
		must(t, json.Unmarshal(file, &envelope))
		verifier, err := dsse.NewEnvelopeVerifier(foreignVerifier{key.Public()})
		must(t, err)
		accepted, err := verifier.Verify(context.Background(), &envelope)
		if err != nil || len(accepted) != 1 || accepted[0].KeyID != envelope.Signatures[0].KeyID {
			t.Errorf("%s: accepted = %v, error = %v, want the key of %v", name, accepted, err, envelope.Signatures)
		}
		payload, err := envelope.DecodeB64Payload()
		must(t, err)
		if !bytes.Equal(dsse.PAE(envelope.PayloadType, payload), preAuthEncoding(payload)) {
			t.Errorf("%s: the pre-authentication encodings differ", name)
		}
	}
}

// TestEveryByteCounts changes, inserts or removes one byte of signed files, everywhere and at random.
func TestEveryByteCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, key := range keys(t) {
		file, public := signedFile(t, coverage(), signer(t, key)), &Key{Public: key.Public(), Name: "k"}
		for range 500 {
			changed := bytes.Clone(file)
			i := random.IntN(len(file))
			switch random.IntN(4) {
			case 0:
				changed = append(changed[:i], changed[i+1:]...)
			case 1:
				changed = append(changed[:i:i], append([]byte(" \n\t=A{,"[random.IntN(7):][:1]), file[i:]...)...)
			default:
				changed[i] ^= byte(1 + random.IntN(255))
			}
			if bytes.Equal(changed, file) {
				continue
			}
			if got := Check("e", changed, public); got.Result != v1alpha1.EvidenceFailed || got.Content != nil {
				t.Fatalf("%s: byte %d of %d: Check = %+v, want Failed\n%s", name, i, len(file), got, changed)
			}
		}
		for i := range file { // every byte, in a bit that a parser may ignore
			changed := bytes.Clone(file)
			changed[i] ^= 0x20
			if name != "Ed25519" { // the fastest key; the envelope is the same for all
				break
			}
			if got := Check("e", changed, public); got.Result != v1alpha1.EvidenceFailed {
				t.Fatalf("case of byte %d: Check = %+v, want Failed", i, got)
			}
		}
	}
}

// TestChangedFiles changes what a lenient parser would not notice.
func TestChangedFiles(t *testing.T) {
	key, other := newKey(t, "P-256"), newKey(t, "P-256")
	file := string(signedFile(t, coverage(), signer(t, key)))
	var envelope Envelope
	must(t, json.Unmarshal([]byte(file), &envelope))
	statement, err := base64.StdEncoding.DecodeString(envelope.Payload)
	must(t, err)
	resign := func(old, new string) string {
		payload := strings.Replace(string(statement), old, new, 1)
		if payload == string(statement) {
			t.Fatalf("%s is not in the statement:\n%s", old, statement)
		}
		signature, err := sign(context.Background(), signer(t, key), preAuthEncoding([]byte(payload)))
		must(t, err)
		e := Envelope{PayloadType, base64.StdEncoding.EncodeToString([]byte(payload)), []Signature{signature}}
		raw, err := e.encode()
		must(t, err)
		return string(raw)
	}
	edit := func(old, new string) string { return strings.Replace(file, old, new, 1) }
	for name, test := range map[string]struct{ file, failed, message string }{
		"not JSON":            {"x", "envelope", "not a DSSE envelope"},
		"empty":               {"", "envelope", "not a DSSE envelope"},
		"another document":    {"{}", "envelope", "payload type"},
		"null":                {"null", "envelope", "payload type"},
		"second document":     {file + file, "envelope", "not a DSSE envelope"},
		"line break at end":   {file + "\n", "envelope", "it was changed"},
		"no line break":       {strings.TrimSuffix(file, "\n"), "envelope", "it was changed"},
		"CR LF":               {strings.ReplaceAll(file, "\n", "\r\n"), "envelope", "it was changed"},
		"unknown field":       {edit(`{`, `{"x": 1,`), "envelope", `unknown field "x"`},
		"duplicate field":     {edit(`{`, `{"payload": "",`), "envelope", `duplicate field "payload"`},
		"case of a field":     {edit(`payloadType`, `PayloadType`), "envelope", `unknown field "PayloadType"`},
		"escaped character":   {edit(`"keyid": "S`, `"keyid": "\u0053`), "envelope", "it was changed"},
		"payload type":        {edit(`in-toto+json`, `x+json`), "envelope", "payload type"},
		"signatures removed":  {edit(`"signatures"`, `"Signatures"`), "envelope", "unknown field"},
		"line break, base64":  {edit(`"payload": "`, `"payload": "\n`), "envelope", "line breaks"},
		"payload, not base64": {edit(`"payload": "`, `"payload": "*`), "envelope", "base64"},
		"key ID":              {edit(`"SHA256:`, `"SHA256:A`), "signature", "the file names the key"},
		"signature, base64":   {edit(`"sig": "`, `"sig": "*`), "signature", "base64"},
		"signed by another": {string(signedFile(t, coverage(), signer(t, other))), "signature",
			"the file names the key"},
		"two signatures": {edit(`"signatures": [`, `"signatures": [
    {
      "keyid": "",
      "sig": ""
    },`), "envelope", "2 signatures"},
		// Signed by the right key, and wrong all the same.
		"statement type":     {resign(`/v1",`, `/v0.1",`), "statement", "its type"},
		"field of statement": {resign(`{"_type"`, `{"x":1,"_type"`), "statement", "unknown field"},
		"predicate type":     {resign(`v1alpha1/Coverage`, `v1alpha1/Color`), "report", "not known to this version"},
		"plan as predicate":  {resign(`v1alpha1/CoverageReport`, `v1alpha1/AssociationPlan`), "report", "not known"},
		"other kind":         {resign(`"kind":"CoverageReport"`, `"kind":"AuditReport"`), "report", "is a AuditReport"},
		"field of report":    {resign(`"verdict"`, `"x":1,"verdict"`), "report", "unknown field"},
		"duplicate verdict":  {resign(`"verdict"`, `"verdict":"Stale","verdict"`), "report", "duplicate field"},
		"other subject":      {resign(`/prod","digest"`, `/dev","digest"`), "subject", "not the clusters"},
		"other digest":       {resign(`"sha256":"`, `"sha256":"0`), "subject", "not the clusters"},
		"unverified guard":   {resign(`"guard":"Match"`, `"guard":"Unverified"`), "subject", ErrNoSubject.Error()},
		"other count":        {resign(`"rewritten":3`, `"rewritten":4`), "consistency", "the total 6 is not"},
	} {
		got := Check("e", []byte(test.file), &Key{Public: key.Public(), Name: "k"})
		failed := got.Checks[len(got.Checks)-1]
		if got.Result != v1alpha1.EvidenceFailed || got.Content != nil || failed.Name != test.failed ||
			!strings.Contains(failed.Message, test.message) {
			t.Errorf("%s: Check = %+v, want that %s fails: %s", name, got, test.failed, test.message)
		}
	}
}

func TestUnsigned(t *testing.T) {
	file := signedFile(t, coverage(), nil)
	if !strings.Contains(string(file), `"signatures": []`) {
		t.Errorf("file = %s, want an empty list of signatures", file)
	}
	for name, key := range map[string]*Key{"without a key": nil, "with a key": {Public: newKey(t, "P-256").Public()}} {
		got := Check("e", file, key)
		if got.Result != v1alpha1.EvidenceUnsigned || got.Content == nil || got.Signature != nil {
			t.Errorf("%s: Check = %+v, want Unsigned", name, got)
		}
	}
}

// TestSubjects checks that evidence is about clusters only that the guard has proven.
func TestSubjects(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.Cluster){
		"unverified": func(c *v1alpha1.Cluster) { c.Guard = v1alpha1.GuardUnverified },
		"mismatch":   func(c *v1alpha1.Cluster) { c.Guard = v1alpha1.GuardMismatch },
		"no ARN":     func(c *v1alpha1.Cluster) { c.ARN = "" },
		"no context": func(c *v1alpha1.Cluster) { c.Guard, c.Context = v1alpha1.GuardUnverified, "" },
	} {
		r, s, l, a := coverage(), status(), list(), audit()
		for _, c := range []*v1alpha1.Cluster{&r.Cluster, &s.Cluster, &l.Items[0].Cluster, &a.Items[0].Cluster} {
			change(c)
		}
		if _, err := Encode(context.Background(), r, nil); !errors.Is(err, ErrNoSubject) {
			t.Errorf("%s: Encode = %v, want ErrNoSubject", name, err)
		}
		if n := len(Clusters(s)) + len(Clusters(l)) + len(Clusters(a)); n != 0 {
			t.Errorf("%s: %d clusters, want none", name, n)
		}
		if n := Unproven(a); n != 1 && name != "no ARN" {
			t.Errorf("%s: %d other clusters, want 1", name, n)
		}
		a.Scope.Contexts = nil // an audit of AWS accounts
		if got := len(Clusters(a)) == 1; got != (name == "no context") {
			t.Errorf("%s: cluster of an audit of AWS accounts = %v", name, got)
		}
	}
	if _, err := Encode(context.Background(), &v1alpha1.AssociationPlan{}, nil); err == nil {
		t.Error("Encode of a plan = nil, want an error")
	}
}

func FuzzCheck(f *testing.F) {
	key := newKey(f, "Ed25519")
	for _, report := range reports() {
		f.Add(signedFile(f, report, signer(f, key)))
		f.Add(signedFile(f, report, nil))
	}
	f.Add([]byte(`{"payloadType":"application/vnd.in-toto+json","payload":"e30=","signatures":null}`))
	f.Fuzz(func(t *testing.T, file []byte) {
		got := Check("e", file, &Key{Public: key.Public()})
		if len(got.Checks) == 0 || (got.Content == nil) != (got.Result == v1alpha1.EvidenceFailed) {
			t.Errorf("Check = %+v", got)
		}
		if got.Result == v1alpha1.EvidenceVerified || got.Result == v1alpha1.EvidenceUnsigned {
			e, _, err := parseEnvelope(file)
			must(t, err)
			if again, err := e.encode(); err != nil || !bytes.Equal(again, file) {
				t.Errorf("the file has another form: %s", again)
			}
		}
	})
}

// FuzzStatement checks payloads as if they were signed.
func FuzzStatement(f *testing.F) {
	for _, report := range reports() {
		payload, err := encodeStatement(report)
		must(f, err)
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := parseStatement(payload)
		if err != nil {
			return
		}
		report, err := s.report()
		if err != nil || s.checkSubjects(report) != nil || CheckConsistency(report) != nil {
			return
		}
		_, err = Encode(context.Background(), report, nil)
		must(t, err)
	})
}
