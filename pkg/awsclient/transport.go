package awsclient

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"golang.org/x/net/http/httpproxy"
)

const defaultTimeout = 20 * time.Second // of one request

// httpClient returns the client for calls to AWS. It uses the proxies of the environment, which may be other ones than
// those of the process, and trusts the certificates in the file caBundle instead of the system's, unless it is empty.
func (e environment) httpClient(timeout time.Duration, caBundle string) (*awshttp.BuildableClient, error) {
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	proxy := (&httpproxy.Config{
		HTTPProxy:  e.get("HTTP_PROXY", "http_proxy"),
		HTTPSProxy: e.get("HTTPS_PROXY", "https_proxy"),
		NoProxy:    e.get("NO_PROXY", "no_proxy"),
	}).ProxyFunc()
	roots, err := certificates(caBundle)
	if err != nil {
		return nil, err
	}
	client := awshttp.NewBuildableClient().WithTimeout(timeout)
	return client.WithTransportOptions(func(t *http.Transport) {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return proxy(r.URL) }
		if roots != nil {
			if t.TLSClientConfig == nil {
				t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
			}
			t.TLSClientConfig.RootCAs = roots
		}
	}), nil
}

func certificates(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read AWS_CA_BUNDLE: %s contains no certificate", file)
	}
	return roots, nil
}

// localClient returns the client for agents on this computer, which no proxy reaches.
func localClient(timeout time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(timeout).WithTransportOptions(func(t *http.Transport) {
		t.Proxy = nil
	})
}
