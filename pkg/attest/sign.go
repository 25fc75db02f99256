package attest

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/runtime"
)

// Signer signs with a private key.
type Signer interface {
	Public() crypto.PublicKey
	// Sign returns the signature of the message, not of its digest.
	Sign(ctx context.Context, message []byte) ([]byte, error)
}

// Encode returns the evidence file of a report. Without a signer, it is not signed.
func Encode(ctx context.Context, report runtime.Object, signer Signer) ([]byte, error) {
	payload, err := encodeStatement(report)
	if err != nil {
		return nil, err
	}
	e := Envelope{
		PayloadType: PayloadType, Payload: base64.StdEncoding.EncodeToString(payload), Signatures: []Signature{},
	}
	if signer != nil {
		signature, err := sign(ctx, signer, preAuthEncoding(payload))
		if err != nil {
			return nil, fmt.Errorf("sign the evidence: %w", err)
		}
		e.Signatures = append(e.Signatures, signature)
	}
	return e.encode()
}

// sign returns a signature that verifies with the public key of the signer.
func sign(ctx context.Context, signer Signer, message []byte) (Signature, error) {
	id, err := Fingerprint(signer.Public())
	if err != nil {
		return Signature{}, err
	}
	raw, err := signer.Sign(ctx, message)
	if err != nil {
		return Signature{}, err
	}
	if !verifies(signer.Public(), message, raw) {
		return Signature{}, errors.New("the signature does not verify with the public key of the same key")
	}
	return Signature{KeyID: id, Sig: base64.StdEncoding.EncodeToString(raw)}, nil
}
