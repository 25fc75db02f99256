// Package attest writes and checks evidence: a report that auditors keep, as an in-toto
// Statement in a DSSE envelope, with a signature if a key was given. Evidence contains no
// value of any object.
package attest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	strict "sigs.k8s.io/json"
)

// PayloadType is the media type of the payload of an envelope.
const PayloadType = "application/vnd.in-toto+json"

// Envelope is a DSSE envelope: https://github.com/secure-systems-lab/dsse
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // in base64
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	// KeyID is the Fingerprint of the public key.
	KeyID string `json:"keyid"`
	Sig   string `json:"sig"` // in base64
}

// encode returns the one form in which an envelope is written and accepted.
func (e Envelope) encode() ([]byte, error) {
	raw, err := json.MarshalIndent(e, "", "  ")
	return append(raw, '\n'), err
}

// preAuthEncoding returns the bytes that the signatures of a DSSE envelope are for.
func preAuthEncoding(payload []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(PayloadType), PayloadType, len(payload), payload)
}

// parseEnvelope returns the envelope in a file, and its payload. It accepts only what encode
// writes, byte for byte: whatever else is in a file is not covered by a signature.
func parseEnvelope(file []byte) (Envelope, []byte, error) {
	var e Envelope
	if err := unmarshalStrict(file, &e); err != nil {
		return e, nil, fmt.Errorf("not a DSSE envelope: %w", err)
	}
	canonical, err := e.encode()
	switch {
	case err != nil:
		return e, nil, err
	case e.PayloadType != PayloadType:
		return e, nil, fmt.Errorf("the payload type is %q, not %q", e.PayloadType, PayloadType)
	case e.Signatures == nil:
		return e, nil, errors.New("not a DSSE envelope: it has no list of signatures")
	case len(e.Signatures) > 1:
		return e, nil, fmt.Errorf("the envelope has %d signatures, and evidence has one or none", len(e.Signatures))
	case !bytes.Equal(file, canonical):
		return e, nil, errors.New("the file is not in the form in which evidence is written, so it was changed")
	}
	payload, err := decodeBase64(e.Payload)
	if err != nil {
		return e, nil, fmt.Errorf("the payload is not valid base64: %w", err)
	}
	return e, payload, nil
}

// decodeBase64 refuses every text except the one that encoding returns.
func decodeBase64(text string) ([]byte, error) {
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if err == nil && base64.StdEncoding.EncodeToString(raw) != text {
		err = errors.New("it contains line breaks")
	}
	return raw, err
}

// unmarshalStrict refuses unknown and duplicate fields, and names in another case.
func unmarshalStrict(raw []byte, v any) error {
	problems, err := strict.UnmarshalStrict(raw, v)
	return errors.Join(append(problems, err)...)
}
