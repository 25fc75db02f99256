package attest

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// localSigner signs with a private key in memory.
type localSigner struct{ key crypto.Signer }

func (s localSigner) Public() crypto.PublicKey { return s.key.Public() }

func (s localSigner) Sign(_ context.Context, message []byte) ([]byte, error) {
	a, err := algorithmOf(s.key.Public())
	if err != nil {
		return nil, err
	}
	return s.key.Sign(rand.Reader, a.digest(message), a.hash)
}

// ParsePrivateKey returns the signer of a private key in PEM form.
func ParsePrivateKey(text []byte) (Signer, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	var key any
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY", strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED"):
		return nil, hint.New("the private key is encrypted with a passphrase, which this command does not read",
			"openssl pkey -in KEY -out PLAIN decrypts it; a KMS key needs no file")
	case block.Type == "OPENSSH PRIVATE KEY":
		return nil, hint.New("the private key is in the format of OpenSSH, not PKCS #8",
			"openssl genpkey -algorithm ed25519 creates a key in the right format")
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case block.Type == "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		return nil, fmt.Errorf("it contains a %s, and signing needs a private key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("the private key is not valid: %w", err)
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		_, err := algorithmOf(key)
		return nil, err
	}
	_, err = algorithmOf(signer.Public())
	return localSigner{signer}, err
}

// ParsePublicKey returns a public key in PEM form, or that of a certificate.
func ParsePublicKey(text []byte) (crypto.PublicKey, error) {
	block, err := onlyBlock(text)
	if err != nil {
		return nil, err
	}
	var key any
	switch {
	case block.Type == "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case block.Type == "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certificate.PublicKey
		}
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, hint.New("it contains a private key, and a check needs only the public key",
			"openssl pkey -in KEY -pubout prints the public key")
	default:
		return nil, fmt.Errorf("it contains a %s, and a check needs a public key", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("the public key is not valid: %w", err)
	}
	_, err = algorithmOf(key)
	return key, err
}

// onlyBlock returns the only key or certificate in the text. Curve parameters may precede it,
// as openssl ecparam writes them.
func onlyBlock(text []byte) (*pem.Block, error) {
	var found []*pem.Block
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		if block.Type != "EC PARAMETERS" {
			found = append(found, block)
		}
		text = rest
	}
	switch len(found) {
	case 0:
		return nil, errors.New("it contains no key in PEM form")
	case 1:
		return found[0], nil
	}
	return nil, fmt.Errorf("it contains %d keys or certificates, and only one is allowed", len(found))
}
