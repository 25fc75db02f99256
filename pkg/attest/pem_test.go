package attest

import (
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestPrivateKeys(t *testing.T) {
	all := keys(t)
	ec, err := x509.MarshalECPrivateKey(all["P-384"].(*ecdsa.PrivateKey))
	must(t, err)
	pkcs1 := x509.MarshalPKCS1PrivateKey(all["RSA"].(*rsa.PrivateKey))
	for name, text := range map[string]string{
		"SEC 1 with parameters": block("EC PARAMETERS", []byte{6}) + block("EC PRIVATE KEY", ec),
		"PKCS #1":               block("RSA PRIVATE KEY", pkcs1),
		"PKCS #8, with text":    "bag attributes\n" + string(privatePEM(t, all["Ed25519"])),
	} {
		s, err := ParsePrivateKey([]byte(text))
		if err != nil {
			t.Errorf("%s: ParsePrivateKey = %v", name, err)
			continue
		}
		if got := Check("e", signedFile(t, coverage(), s), &Key{Public: s.Public()}); got.Result != "Verified" {
			t.Errorf("%s: Check = %+v", name, got)
		}
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	must(t, err)
	exchange, err := x509.MarshalPKCS8PrivateKey(x25519)
	must(t, err)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	must(t, err)
	encrypted := string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: []byte{1}, Headers: map[string]string{"Proc-Type": "4,ENCRYPTED"}}))
	for want, text := range map[string]string{
		"no key in PEM form":                 "key",
		"encrypted with a passphrase":        block("ENCRYPTED PRIVATE KEY", nil),
		"encrypted with a passphrase, which": encrypted,
		"format of OpenSSH":                  block("OPENSSH PRIVATE KEY", nil),
		"contains a PUBLIC KEY":              string(publicPEM(t, all["P-256"])),
		"contains a CERTIFICATE":             block("CERTIFICATE", nil),
		"the private key is not valid":       block("PRIVATE KEY", []byte{1}),
		"2 keys or certificates":             block("PRIVATE KEY", exchange) + block("PRIVATE KEY", exchange),
		"type *ecdh.PrivateKey":              block("PRIVATE KEY", exchange),
		"the curve P-224":                    string(privatePEM(t, p224)),
	} {
		if _, err := ParsePrivateKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePrivateKey = %v, want %q", err, want)
		}
	}
}

func TestPublicKeys(t *testing.T) {
	all := keys(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, all["P-256"].Public(), all["P-256"])
	must(t, err)
	for name, text := range map[string]string{
		"certificate": block("CERTIFICATE", certificate),
		"PKCS #1":     block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(all["RSA"].Public().(*rsa.PublicKey))),
	} {
		if _, err := ParsePublicKey([]byte(text)); err != nil {
			t.Errorf("%s: ParsePublicKey = %v", name, err)
		}
	}
	weak := &rsa.PublicKey{N: new(big.Int).SetBit(big.NewInt(1), 1023, 1), E: 65537}
	for want, text := range map[string]string{
		"no key in PEM form":          "",
		"contains a private key":      string(privatePEM(t, all["P-256"])),
		"a check needs a public key":  block("CERTIFICATE REQUEST", nil),
		"the public key is not valid": block("PUBLIC KEY", []byte{1}),
		"1024 bits is too weak":       block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(weak)),
	} {
		if _, err := ParsePublicKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParsePublicKey = %v, want %q", err, want)
		}
	}
}

func FuzzKeys(f *testing.F) {
	for _, key := range keys(f) {
		f.Add(privatePEM(f, key))
		f.Add(publicPEM(f, key))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if s, err := ParsePrivateKey(text); err == nil {
			if _, err := Fingerprint(s.Public()); err != nil {
				t.Errorf("Fingerprint = %v", err)
			}
		}
		if public, err := ParsePublicKey(text); err == nil {
			if _, err := Fingerprint(public); err != nil {
				t.Errorf("Fingerprint = %v", err)
			}
		}
	})
}
