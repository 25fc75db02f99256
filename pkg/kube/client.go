// Package kube sends plain HTTP requests to the API server of a rest.Config.
//
// It does not use the clients of client-go, for two reasons. They log response bodies
// at high verbosity and have a rate limit of their own. And client-go's metadata client
// sends a last-resort Accept header without "as=" and unmarshals whatever it receives,
// so a server or proxy that ignores "as" would put the values of Secrets into memory.
// With Do the caller sees the response before it reads the body.
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

// JSON is the media type that Get accepts.
const JSON = "application/json"

// maxResponse is the number of bytes that Get reads at most.
const maxResponse = 64 << 20

// Client sends requests to one API server. It is safe for concurrent use.
type Client struct {
	http      *http.Client
	base      string // without a slash at the end
	userAgent string
}

// New returns a client. It does not connect.
func New(config *rest.Config) (*Client, error) {
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("configure the connection to the API server: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("parse API server address %q: %w", config.Host, err)
	}
	return &Client{http: httpClient, base: strings.TrimRight(base.String(), "/"), userAgent: config.UserAgent}, nil
}

// Request is one request. Accept lists the acceptable media types of the response.
type Request struct {
	Method, Path        string
	Query               url.Values
	Accept, ContentType string
	Body                []byte
}

// Do sends the request. Whatever the status code is, the caller must close the body of
// the response.
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
	if c.userAgent != "" {
		req.Header.Set("User-Agent", c.userAgent)
	}
	return c.http.Do(req)
}

// Get returns a resource that is not secret, such as namespaces or custom resources.
// Do not use it for Secrets: it reads the whole response.
func (c *Client) Get(ctx context.Context, path string, query url.Values) ([]byte, error) {
	resp, err := c.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: query, Accept: JSON})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // the body was only read
	if resp.StatusCode != http.StatusOK {
		resource := schema.GroupResource{}
		return nil, apierrors.NewGenericServerResponse(resp.StatusCode, "get "+path, resource, "", "", 0, true)
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxResponse))
}

// Reconnect closes the idle connections, so that the next request uses a new one. A
// load balancer may then pick another API server.
func (c *Client) Reconnect() { c.http.CloseIdleConnections() }
