package binding

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// authority is a certificate authority.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, name string) authority {
	t.Helper()
	a := authority{}
	a.cert, a.key = issue(t, authority{}, x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
	return a
}

func (a authority) data() string { return base64.StdEncoding.EncodeToString(a.pem) }

// issue returns a certificate by the authority, or a self-signed one.
func issue(t *testing.T, by authority, template x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	parent, signer := by.cert, by.key
	if parent == nil {
		parent, signer = &template, key
	}
	raw, err := x509.CreateCertificate(rand.Reader, &template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// apiServer is a TLS server with a certificate for the names.
type apiServer struct {
	*httptest.Server
	requests atomic.Int64
	issuer   string
}

func newAPIServer(t *testing.T, by authority, names ...string) *apiServer {
	t.Helper()
	return serve(t, by, x509.Certificate{DNSNames: names, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
}

func serve(t *testing.T, by authority, template x509.Certificate) *apiServer {
	t.Helper()
	cert, key := issue(t, by, template)
	s := &apiServer{}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.requests.Add(1)
		if s.issuer == "" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `{"issuer":"`+s.issuer+`"}`)
	}))
	s.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

// connection returns a connection to the server: by its own address, or by another one as with a hosts file.
func (s *apiServer) connection(server string, trusted authority) *rest.Config {
	c := &rest.Config{Host: server, TLSClientConfig: rest.TLSClientConfig{CAData: trusted.pem}}
	if server == "" {
		c.Host = s.URL
		return c
	}
	c.Dial = (&hosts{s.Listener.Addr().String()}).dial
	return c
}

const labHost = hash + ".gr7.us-west-2.eks.amazonaws.com"

// guardOf checks the cluster "lab" with this CA over the connection.
func guardOf(t *testing.T, ca authority, c *rest.Config, change func(*Target, *Described)) v1alpha1.GuardResult {
	t.Helper()
	target := Target{Server: c.Host, TLSServerName: c.ServerName, Insecure: c.Insecure,
		Claims: []Claim{{Name: "lab", Region: "us-west-2", From: "a flag"}}}
	d := Described{ARN: labARN, Endpoint: labEndpoint, CA: ca.data(), Issuer: "https://oidc.eks.us-west-2.amazonaws.com/id/A"}
	if change != nil {
		change(&target, &d)
	}
	return New(target, c, nil).Check(t.Context(), d)
}

func wantGuard(t *testing.T, got v1alpha1.GuardResult, result v1alpha1.Guard, evidence v1alpha1.GuardEvidence,
	why string) {
	t.Helper()
	if got.Result != result || got.Evidence != evidence || !strings.Contains(got.Reason, why) || got.Reason == "" {
		t.Errorf("guard = %+v, want %s by %s with %q", got, result, evidence, why)
	}
}

// TestGuardByCertificate checks each way in which kubectl reaches an API server.
func TestGuardByCertificate(t *testing.T) {
	ca, other := newAuthority(t, "kubernetes"), newAuthority(t, "other")
	lab := newAPIServer(t, ca, labHost, apiServerName)
	stranger := newAPIServer(t, other, labHost, apiServerName, "api.example.com")
	const certificate, none = v1alpha1.EvidenceCertificate, v1alpha1.EvidenceNone
	const match, mismatch, unverified = v1alpha1.GuardMatch, v1alpha1.GuardMismatch, v1alpha1.GuardUnverified

	wantGuard(t, guardOf(t, ca, lab.connection("", ca), nil), match, certificate, "presents the certificate of "+labHost)
	wantGuard(t, guardOf(t, ca, lab.connection(labEndpoint+":4443", ca), nil), match, certificate, "own CA")
	wantGuard(t, guardOf(t, ca, lab.connection("https://internal.example.com", ca), nil), match, certificate, "internal")
	named := lab.connection("https://10.0.0.1", ca)
	named.ServerName = labHost
	wantGuard(t, guardOf(t, ca, named, nil), match, certificate, "10.0.0.1")

	wantGuard(t, guardOf(t, ca, stranger.connection("", other), nil), mismatch, certificate, `"CN=other"`)
	wantGuard(t, guardOf(t, ca, stranger.connection(labEndpoint, other), nil), mismatch, certificate, "not that of")
	wantGuard(t, guardOf(t, ca, stranger.connection("https://api.example.com", other), nil), mismatch, certificate, "")
	impostor := newAPIServer(t, other, labHost)
	wantGuard(t, guardOf(t, ca, impostor.connection(labEndpoint, other), nil), mismatch, certificate, "")
	kubelet := newAPIServer(t, ca, "ip-10-0-0-1")
	wantGuard(t, guardOf(t, ca, kubelet.connection("", ca), nil), mismatch, certificate, "")

	insecure := func(c *rest.Config) *rest.Config { c.Insecure, c.CAData = true, nil; return c }
	wantGuard(t, guardOf(t, ca, insecure(lab.connection("", ca)), nil), unverified, none, "insecure")
	wantGuard(t, guardOf(t, ca, insecure(lab.connection(labEndpoint, ca)), nil), unverified, none, "insecure")
	wantGuard(t, guardOf(t, ca, insecure(stranger.connection("", ca)), nil), mismatch, certificate, "")

	expired := serve(t, ca, x509.Certificate{DNSNames: []string{labHost}, NotAfter: time.Now().Add(-time.Hour)})
	wantGuard(t, guardOf(t, ca, expired.connection("https://10.0.0.1", ca), nil), unverified, none, "expired")
	if n := lab.requests.Load() + stranger.requests.Load(); n != 0 {
		t.Errorf("requests = %d, want 0: a handshake sends none", n)
	}
}

// TestGuardByIssuer checks proxies that have certificates of their own.
func TestGuardByIssuer(t *testing.T) {
	ca, public := newAuthority(t, "kubernetes"), newAuthority(t, "public")
	proxy := newAPIServer(t, public, "rancher.example.com")
	c := func() *rest.Config { return proxy.connection("https://rancher.example.com/k8s/clusters/c-1", public) }
	wantGuard(t, guardOf(t, ca, c(), nil), v1alpha1.GuardUnverified, v1alpha1.EvidenceNone, "a proxy")
	proxy.issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/A"
	wantGuard(t, guardOf(t, ca, c(), nil), v1alpha1.GuardMatch, v1alpha1.EvidenceIssuer, "/id/A")
	proxy.issuer = "https://oidc.eks.us-west-2.amazonaws.com/id/B"
	wantGuard(t, guardOf(t, ca, c(), nil), v1alpha1.GuardMismatch, v1alpha1.EvidenceIssuer, "/id/B")
	proxy.issuer = "https://rancher.example.com"
	wantGuard(t, guardOf(t, ca, c(), nil), v1alpha1.GuardUnverified, v1alpha1.EvidenceNone, "a proxy")
}

// TestGuardThroughProxy checks proxy-url: the certificate is that of the server behind it.
func TestGuardThroughProxy(t *testing.T) {
	ca := newAuthority(t, "kubernetes")
	lab := newAPIServer(t, ca, labHost, apiServerName)
	var connected atomic.Int64
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		connected.Add(1)
		up, err := net.Dial("tcp", lab.Listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		down, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
		_, _ = io.Copy(down, up)
		_ = down.Close()
	})
	plain := httptest.NewServer(handler)
	defer plain.Close()
	secure := httptest.NewUnstartedServer(handler)
	cert, key := issue(t, ca, x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw}, PrivateKey: key}}}
	secure.StartTLS()
	defer secure.Close()
	for _, proxy := range []string{plain.URL, secure.URL} {
		u, _ := url.Parse(proxy)
		c := &rest.Config{Host: labEndpoint, Proxy: http.ProxyURL(u), TLSClientConfig: rest.TLSClientConfig{CAData: ca.pem}}
		wantGuard(t, guardOf(t, ca, c, nil), v1alpha1.GuardMatch, v1alpha1.EvidenceCertificate, "own CA")
	}
	if connected.Load() != 2 || lab.requests.Load() != 0 {
		t.Errorf("connections by proxy = %d, requests = %d, want 2 and 0", connected.Load(), lab.requests.Load())
	}
}

// TestGuardWithoutCertificate checks what remains if the server does not respond.
func TestGuardWithoutCertificate(t *testing.T) {
	const match, mismatch, unverified = v1alpha1.GuardMatch, v1alpha1.GuardMismatch, v1alpha1.GuardUnverified
	const endpoint, none = v1alpha1.EvidenceEndpoint, v1alpha1.EvidenceNone
	other := "https://ffff456789abcdef0123456789abcdef.gr7.us-west-2.eks.amazonaws.com"
	tests := []struct {
		name     string
		target   Target
		d        Described
		want     v1alpha1.Guard
		evidence v1alpha1.GuardEvidence
		why      string
	}{
		{"the same", Target{Server: labEndpoint}, Described{}, match, endpoint, "could not be checked"},
		{"case, port and a final dot don't matter", Target{Server: strings.ToUpper(labEndpoint) + ".:443"},
			Described{}, match, endpoint, ""},
		{"another port", Target{Server: labEndpoint + ":8443"}, Described{}, match, endpoint, ""},
		{"tls-server-name", Target{Server: "https://localhost:1", TLSServerName: labHost}, Described{}, match, endpoint, ""},
		{"tls-server-name without TLS", Target{Server: "http://localhost:1", TLSServerName: labHost}, Described{},
			unverified, none, "without TLS"},
		{"without verification", Target{Server: labEndpoint, Insecure: true}, Described{}, unverified, none, "insecure"},
		{"tls-server-name without verification", Target{Server: "https://localhost:1", TLSServerName: labHost, Insecure: true},
			Described{}, unverified, none, "insecure"},
		{"another cluster's endpoint", Target{Server: other}, Described{}, mismatch, endpoint, "another EKS cluster"},
		{"another cluster's endpoint without verification", Target{Server: other, Insecure: true}, Described{},
			mismatch, endpoint, "another EKS cluster"},
		{"a tunnel", Target{Server: "https://localhost:8443"}, Described{}, unverified, none, "tunnel"},
		{"a tunnel to an endpoint that is local itself", Target{Server: "https://127.0.0.1:8443"},
			Described{Endpoint: "https://127.0.0.1:6443"}, unverified, none, "127.0.0.1:6443"},
		{"an endpoint that is local itself", Target{Server: "https://127.0.0.1:6443"},
			Described{Endpoint: "https://127.0.0.1:6443"}, match, endpoint, ""},
		{"a private address", Target{Server: "https://10.1.2.3"}, Described{}, unverified, none, "private address"},
		{"a proxy", Target{Server: "https://k8s.example.com"}, Described{}, unverified, none, "a proxy or another cluster"},
		{"no kube context", Target{}, Described{}, unverified, none, "named by flag"},
		{"an endpoint that is not reported", Target{Server: labEndpoint}, Described{Endpoint: "none"}, unverified, none,
			"no endpoint"},
		{"no ARN", Target{Server: labEndpoint}, Described{ARN: "x"}, unverified, none, "not the ARN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := Described{ARN: labARN, Endpoint: labEndpoint}
			if test.d.Endpoint != "" {
				d.Endpoint = strings.TrimPrefix(test.d.Endpoint, "none")
			}
			if test.d.ARN != "" {
				d.ARN = test.d.ARN
			}
			wantGuard(t, New(test.target, nil, nil).Check(t.Context(), d), test.want, test.evidence, test.why)
		})
	}
}

// TestGuardContradiction checks that a name in the kubeconfig or a flag is a mismatch even if the certificate matches.
func TestGuardContradiction(t *testing.T) {
	ca := newAuthority(t, "kubernetes")
	lab := newAPIServer(t, ca, labHost, apiServerName)
	for _, claim := range []Claim{
		{Name: "prod", From: "the ARN of the cluster entry"},
		{Name: "lab", Region: "us-west-2", Account: "999999999999", From: "the ARN of the cluster entry"},
		{Name: "lab", Region: "eu-west-1", From: "aws eks get-token"},
		{Name: "prod", Region: "us-west-2", From: "the eksctl name of the cluster entry"},
		{Name: "lab", Region: "us-west-2", Account: "999999999999", From: "--cluster-name"},
	} {
		got := guardOf(t, ca, lab.connection("", ca), func(target *Target, _ *Described) {
			target.Claims = append(target.Claims, claim)
		})
		wantGuard(t, got, v1alpha1.GuardMismatch, v1alpha1.EvidenceNone, "but EKS describes "+labARN)
	}
}

// TestGuardUnresponsive checks that a server that accepts connections and does not answer does not block.
func TestGuardUnresponsive(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	silent := &apiServer{Server: &httptest.Server{Listener: listener}}
	got := guardOf(t, newAuthority(t, "kubernetes"), silent.connection(labEndpoint, authority{}), nil)
	wantGuard(t, got, v1alpha1.GuardMatch, v1alpha1.EvidenceEndpoint, "no response within")
}

// hosts resolves every name to one address.
type hosts struct{ address string }

func (h *hosts) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, h.address)
}
