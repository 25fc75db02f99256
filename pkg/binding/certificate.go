package binding

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

const (
	// handshakeTimeout bounds the TLS handshake with the API server. Where it does not respond, the report waits
	// this long.
	handshakeTimeout = 3 * time.Second
	// apiServerName is in the certificate of every kube-apiserver, and in no other.
	apiServerName = "kubernetes.default.svc"
)

// Presented is what the server showed in a TLS handshake.
type Presented struct {
	// Chain is empty if there was no handshake; Err is the reason.
	Chain []*x509.Certificate
	Err   error
	// Trusted is true if the chain verifies as kubectl verifies it.
	Trusted bool
}

func (p Presented) reason() string {
	if p.Err == nil {
		return "there was no TLS handshake"
	}
	return p.Err.Error()
}

// handshake returns the certificates of the address that kubectl connects to, through the same proxy and dialer. It
// sends neither a request nor any credentials: the connection is closed when the handshake is complete.
func handshake(ctx context.Context, config *rest.Config) Presented {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	p, err := dialTLS(ctx, config)
	if len(p.Chain) > 0 {
		return p
	}
	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("no response within %s", handshakeTimeout)
	case err == nil:
		err = errors.New("the server presented no certificate")
	}
	return Presented{Err: err}
}

func dialTLS(ctx context.Context, config *rest.Config) (Presented, error) {
	anonymous := rest.AnonymousClientConfig(config)
	server, err := url.Parse(anonymous.Host)
	if err != nil || server.Scheme != "https" {
		return Presented{}, errors.New("kubectl does not connect by TLS")
	}
	verify, err := rest.TLSConfigFor(anonymous)
	if err != nil {
		return Presented{}, err
	}
	if verify == nil {
		verify = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server.String(), http.NoBody)
	if err != nil {
		return Presented{}, err
	}
	proxyOf := http.ProxyFromEnvironment
	if config.Proxy != nil {
		proxyOf = config.Proxy
	}
	proxy, err := proxyOf(request)
	if err != nil {
		return Presented{}, err
	}
	c := &capture{verify: verify, server: server.Hostname(), shown: make(chan Presented, 1)}
	if proxy != nil && proxy.Scheme == "https" {
		c.proxy = proxy.Hostname()
	}
	c.dial = config.Dial
	if c.dial == nil {
		c.dial = (&net.Dialer{}).DialContext
	}
	transport := &http.Transport{
		Proxy: http.ProxyURL(proxy), TLSClientConfig: c.config(), DisableKeepAlives: true, DialContext: c.dialContext,
	}
	defer transport.CloseIdleConnections()
	trace := &httptrace.ClientTrace{TLSHandshakeDone: c.done}
	response, err := transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(ctx, trace)))
	if err == nil {
		_ = response.Body.Close()
	}
	select {
	case p := <-c.shown:
		return p, nil
	default:
		return Presented{}, innermost(err)
	}
}

// capture keeps what the server presents in a handshake, and ends the connection after it. One goroutine uses it.
type capture struct {
	verify        *tls.Config // as kubectl verifies
	server, proxy string      // proxy is the host of a proxy with TLS, which comes first
	dial          func(ctx context.Context, network, address string) (net.Conn, error)
	connection    net.Conn
	captured      bool
	shown         chan Presented
}

func (c *capture) dialContext(ctx context.Context, network, address string) (conn net.Conn, err error) {
	c.connection, err = c.dial(ctx, network, address)
	return c.connection, err
}

func (c *capture) config() *tls.Config {
	config := c.verify.Clone()
	config.InsecureSkipVerify = true // verifyConnection verifies a proxy, and only records the server
	config.NextProtos = []string{"http/1.1"}
	config.VerifyConnection = c.verifyConnection
	return config
}

func (c *capture) verifyConnection(state tls.ConnectionState) error {
	chain := state.PeerCertificates
	if name := c.proxy; name != "" {
		c.proxy = ""
		_, err := chain[0].Verify(options(chain, c.verify.RootCAs, cmp.Or(c.verify.ServerName, name)))
		return err
	}
	_, err := chain[0].Verify(options(chain, c.verify.RootCAs, cmp.Or(c.verify.ServerName, c.server)))
	c.captured = true
	c.shown <- Presented{Chain: chain, Trusted: err == nil}
	return nil
}

// done closes the connection before a request is written.
func (c *capture) done(tls.ConnectionState, error) {
	if c.captured {
		_ = c.connection.Close()
	}
}

// innermost returns the cause of a failed connection, without addresses and layers that change from run to run.
func innermost(err error) error {
	var operation *net.OpError
	if errors.As(err, &operation) && operation.Err != nil && !operation.Timeout() {
		return operation.Err
	}
	return err
}

func options(chain []*x509.Certificate, roots *x509.CertPool, name string) x509.VerifyOptions {
	intermediates := x509.NewCertPool()
	for _, c := range chain[1:] {
		intermediates.AddCert(c)
	}
	return x509.VerifyOptions{Roots: roots, Intermediates: intermediates, DNSName: name}
}

// parseCA returns the certificates of certificateAuthority.data.
func parseCA(data string) (*x509.CertPool, error) {
	pem, err := base64.StdEncoding.DecodeString(data)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("EKS describes no certificate authority to check the API server's certificate with")
	}
	return pool, nil
}

type chainKind int

const (
	chainForeign chainKind = iota
	chainVerified
	chainExpired // of the right CA or not, the clock decides
)

// verifyChain verifies the certificates with the cluster's CA for one of the names. The string is the reason if they do
// not verify.
func verifyChain(chain []*x509.Certificate, roots *x509.CertPool, names ...string) (string, chainKind) {
	var err error
	for _, name := range names {
		if _, err = chain[0].Verify(options(chain, roots, name)); err == nil {
			break
		}
	}
	var invalid x509.CertificateInvalidError
	switch {
	case err == nil:
		return "", chainVerified
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate of the API server has expired, or the clock is wrong", chainExpired
	}
	issuer := strings.TrimSpace(chain[0].Issuer.String())
	return fmt.Sprintf("it is issued by %q, and does not verify with the CA that EKS describes", issuer), chainForeign
}

func isIP(name string) bool { return net.ParseIP(name) != nil }
