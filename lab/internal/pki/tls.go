package pki

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"

	"k8s.io/client-go/rest"
)

// TLS returns the configuration of a client or a server with the named certificate.
func (f Folder) TLS(name string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(f.Cert(name), f.Key(name))
	if err != nil {
		return nil, err
	}
	authority, err := os.ReadFile(f.Cert(CA))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s", f.Cert(CA))
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

// REST returns a client configuration for the API server at url with the named
// certificate and without client-go's rate limit.
func (f Folder) REST(url, name string) *rest.Config {
	return &rest.Config{
		Host: url, QPS: -1, UserAgent: "eks-lab",
		TLSClientConfig: rest.TLSClientConfig{CAFile: f.Cert(CA), CertFile: f.Cert(name), KeyFile: f.Key(name)},
	}
}
