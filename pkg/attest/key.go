package attest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	_ "crypto/sha512" // for the hashes of algorithmOf
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/big"
)

// algorithm is how a kind of key signs. Other DSSE tools use the same for these keys.
type algorithm struct {
	name string
	hash crypto.Hash // 0 if the algorithm takes the message itself
}

// minRSABits is the smallest RSA key that is considered safe.
const minRSABits = 2048

// algorithmOf returns the algorithm for a public key, or why the key cannot be used.
func algorithmOf(public crypto.PublicKey) (algorithm, error) {
	switch key := public.(type) {
	case ed25519.PublicKey:
		return algorithm{name: "Ed25519"}, nil
	case *ecdsa.PublicKey:
		switch key.Curve {
		case elliptic.P256():
			return algorithm{"ECDSA P-256 with SHA-256", crypto.SHA256}, nil
		case elliptic.P384():
			return algorithm{"ECDSA P-384 with SHA-384", crypto.SHA384}, nil
		case elliptic.P521():
			return algorithm{"ECDSA P-521 with SHA-512", crypto.SHA512}, nil
		}
		return algorithm{}, fmt.Errorf("the curve %s is not supported: use P-256, P-384 or P-521", key.Params().Name)
	case *rsa.PublicKey:
		if key.N.BitLen() < minRSABits {
			return algorithm{}, fmt.Errorf("an RSA key of %d bits is too weak: use %d or more", key.N.BitLen(), minRSABits)
		}
		return algorithm{"RSASSA-PKCS1-v1_5 with SHA-256", crypto.SHA256}, nil
	}
	return algorithm{}, fmt.Errorf("a key of type %T cannot be used: use Ed25519, ECDSA or RSA", public)
}

// digest returns what the key signs for a message.
func (a algorithm) digest(message []byte) []byte {
	if a.hash == 0 {
		return message
	}
	h := a.hash.New()
	h.Write(message)
	return h.Sum(nil)
}

// verifies reports whether the signature is one of the message with the key.
func verifies(public crypto.PublicKey, message, signature []byte) bool {
	a, err := algorithmOf(public)
	if err != nil {
		return false
	}
	switch key := public.(type) {
	case ed25519.PublicKey:
		return ed25519.Verify(key, message, signature)
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, a.digest(message), signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, a.hash, a.digest(message), signature) == nil
	}
	return false
}

// Fingerprint returns the fingerprint of a public key as ssh-keygen -l prints it. DSSE tools
// use it as the key ID of a key that has no other.
func Fingerprint(public crypto.PublicKey) (string, error) {
	if _, err := algorithmOf(public); err != nil {
		return "", err
	}
	var blob []byte
	add := func(fields ...[]byte) {
		for _, field := range fields {
			blob = binary.BigEndian.AppendUint32(blob, uint32(len(field)))
			blob = append(blob, field...)
		}
	}
	switch key := public.(type) {
	case ed25519.PublicKey:
		add([]byte("ssh-ed25519"), key)
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			return "", err
		}
		name := fmt.Sprintf("nistp%d", key.Params().BitSize)
		add([]byte("ecdsa-sha2-"+name), []byte(name), point)
	case *rsa.PublicKey:
		add([]byte("ssh-rsa"), signed(big.NewInt(int64(key.E))), signed(key.N))
	}
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:]), nil
}

// signed returns a positive number in two's complement.
func signed(n *big.Int) []byte {
	raw := n.Bytes()
	if len(raw) > 0 && raw[0]&0x80 != 0 {
		raw = append([]byte{0}, raw...)
	}
	return raw
}
