package binding

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"k8s.io/client-go/rest"
)

// issuerTimeout bounds the request for the issuer. kubectl's credential plugin may have to run first.
const issuerTimeout = 5 * time.Second

// Issuer returns the OIDC issuer of the API server to which the pod connects. EKS describes each cluster with its
// issuer, which contains the region. Only an answer over verified TLS counts. The region of the binding is set if
// neither a flag nor the kubeconfig names it.
func (b *Binding) Issuer(ctx context.Context) (string, error) {
	issuer, err := "", errors.New("the API server is not verified by TLS")
	if b.verifiesTLS() {
		issuer, err = b.issuer(ctx)
	}
	if err != nil {
		why := fmt.Sprintf("could not read the OIDC issuer of its API server: %v", err)
		return "", &UnnamedError{InPod: b.InPod, Why: why}
	}
	if b.Region = cmp.Or(b.Region, issuerRegion(issuer)); b.Region != "" {
		b.Partition = PartitionOf(b.Region)
	}
	return issuer, nil
}

// issuer returns the OIDC issuer of the API server.
func (b *Binding) issuer(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, issuerTimeout)
	defer cancel()
	client, err := rest.HTTPClientFor(b.connection)
	if err != nil {
		return "", err
	}
	address := strings.TrimSuffix(b.connection.Host, "/") + "/.well-known/openid-configuration"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := client.Do(request)
	if err != nil {
		return "", innermost(err)
	}
	defer response.Body.Close() //nolint:errcheck // the body is only read
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("/.well-known/openid-configuration returned %q", response.Status)
	}
	var document struct {
		Issuer string `json:"issuer"`
	}
	const limit = 1 << 16
	if err := json.NewDecoder(io.LimitReader(response.Body, limit)).Decode(&document); err != nil {
		return "", fmt.Errorf("/.well-known/openid-configuration: %w", err)
	}
	if document.Issuer == "" {
		return "", errors.New("/.well-known/openid-configuration names none")
	}
	return document.Issuer, nil
}

// issuerRegion returns the region in an issuer of EKS, such as https://oidc.eks.eu-central-1.amazonaws.com/id/…, or "".
func issuerRegion(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil || !strings.HasPrefix(u.Hostname(), "oidc") {
		return ""
	}
	for label := range strings.SplitSeq(u.Hostname(), ".") {
		if validRegion(label) {
			return label
		}
	}
	return ""
}
