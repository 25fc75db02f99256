// Package pki creates the lab's certificate authority and the certificates that
// it signs.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names of the certificates in the folder; each is a NAME.crt and a NAME.key.
const (
	CA                = "ca"
	Webhook           = "webhook"
	Etcd              = "etcd"
	Operator          = "operator"           // the lab itself, in system:masters
	ControllerManager = "controller-manager" // system:kube-controller-manager
	// APIServer is the certificate of one API server, in a folder of its own.
	APIServer = "apiserver"
	// ServiceAccounts is a key pair without a certificate.
	ServiceAccounts = "service-accounts"
)

const validity = 10 * 365 * 24 * time.Hour

// Folder is the path of a folder with certificates and keys as PEM files.
type Folder string

// Cert returns the path of a certificate.
func (f Folder) Cert(name string) string { return filepath.Join(string(f), name+".crt") }

// Key returns the path of a private key.
func (f Folder) Key(name string) string { return filepath.Join(string(f), name+".key") }

// Fill creates all certificates and keys, unless the folder is already complete.
func (f Folder) Fill(now time.Time) error {
	if _, err := os.Stat(f.Key(ServiceAccounts)); err == nil {
		return nil // this file is written last
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := template(pkix.Name{CommonName: "eks-lab"}, now)
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	if err := f.sign(CA, ca, ca, key, key); err != nil {
		return err
	}
	for name, subject := range map[string]pkix.Name{
		Webhook: {CommonName: "token-webhook"}, Etcd: {CommonName: "etcd"},
		Operator:          {CommonName: "eks-lab", Organization: []string{"system:masters"}},
		ControllerManager: {CommonName: "system:kube-controller-manager"},
	} {
		if err := f.issue(name, subject, nil, ca, key, now); err != nil {
			return err
		}
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return f.writeKey(ServiceAccounts, tokens)
}

// Issue creates the certificate and the key of the API server on this host in the
// folder server, signed by the certificate authority in f.
func (f Folder) Issue(server Folder, host string, now time.Time) error {
	pair, err := tls.LoadX509KeyPair(f.Cert(CA), f.Key(CA))
	if err != nil {
		return err
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return fmt.Errorf("%s is not an ECDSA key", f.Key(CA))
	}
	return server.issue(APIServer, pkix.Name{CommonName: "kube-apiserver"}, []string{host}, pair.Leaf, key, now)
}

// issue creates a certificate for clients and servers on 127.0.0.1, and its key.
func (f Folder) issue(
	name string, subject pkix.Name, hosts []string, ca *x509.Certificate, caKey *ecdsa.PrivateKey, now time.Time,
) error {
	leaf := template(subject, now)
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 100, 0, 1)}
	leaf.DNSNames = append([]string{
		"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
		"kubernetes.default.svc.cluster.local",
	}, hosts...)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return f.sign(name, leaf, ca, key, caKey)
}

func template(subject pkix.Name, now time.Time) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120)) // never fails, see crypto/rand
	return &x509.Certificate{
		SerialNumber: serial, Subject: subject, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(validity),
	}
}

func (f Folder) sign(name string, leaf, ca *x509.Certificate, leafKey, caKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, &leafKey.PublicKey, caKey)
	if err != nil {
		return err
	}
	if err := write(f.Cert(name), "CERTIFICATE", der); err != nil {
		return err
	}
	return f.writeKey(name, leafKey)
}

func (f Folder) writeKey(name string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return write(f.Key(name), "EC PRIVATE KEY", der)
}

func write(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
