// Package kube sends plain requests to the API server that a rest.Config leads to.
// It is no client of client-go on purpose: those log bodies at high verbosity,
// have a rate limit of their own, and weigh a megabyte.
package kube

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// JSON is the media type of what Get asks for.
const JSON = "application/json"

// largest answer that Get reads.
const largest = 64 << 20

// Client speaks to one API server. It is safe for concurrent use.
type Client struct {
	http  *http.Client
	base  string // no slash at the end
	agent string
}

// New prepares a client; it makes no connection.
func New(config *rest.Config) (*Client, error) {
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("preparing the connection to the API server: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("API server address %q: %w", config.Host, err)
	}
	return &Client{http: httpClient, base: strings.TrimRight(base.String(), "/"), agent: config.UserAgent}, nil
}

// Request is one request. Accept is what the answer may be.
type Request struct {
	Method, Path        string
	Query               url.Values
	Accept, ContentType string
	Body                []byte
}

// Do sends the request. The caller closes the answer's body, whatever its status.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	address := c.base + r.Path
	if len(r.Query) > 0 {
		address += "?" + r.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, address, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", r.Accept)
	if r.ContentType != "" {
		req.Header.Set("Content-Type", r.ContentType)
	}
	if c.agent != "" {
		req.Header.Set("User-Agent", c.agent)
	}
	return c.http.Do(req)
}

// Get reads something that is no secret of anybody: namespaces, custom resources.
// Never ask it for Secrets: it reads whatever comes.
func (c *Client) Get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	resp, err := c.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: query, Accept: JSON})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was read
	if resp.StatusCode != http.StatusOK {
		return nil, apierrors.NewGenericServerResponse(resp.StatusCode, "get "+path, schema.GroupResource{}, "", "", 0, true)
	}
	return io.ReadAll(io.LimitReader(resp.Body, largest))
}

// Reconnect makes the next request use a new connection, which a load balancer may
// lead to another API server.
func (c *Client) Reconnect() { c.http.CloseIdleConnections() }
