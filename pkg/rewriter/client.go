package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

const (
	mergePatch    = "application/merge-patch+json"
	listTimeout   = 90 * time.Second // the API server times out after 60 s
	objectTimeout = 40 * time.Second // the API server times out after 34 s
)

// client lists and writes objects, of which it sees the names and versions only. It
// spreads its requests over its lanes, and is safe for concurrent use.
type client struct {
	lanes []*apiserver.Lane
	next  atomic.Uint64
}

// newClient returns a client with a number of lanes. It does not connect.
func newClient(config *rest.Config, lanes int) (*client, error) {
	c := &client{}
	for number := range lanes {
		lane, err := apiserver.Open(config, number)
		if err != nil {
			return nil, err
		}
		c.lanes = append(c.lanes, lane)
	}
	return c, nil
}

// lane returns the lanes in turn.
func (c *client) lane() *apiserver.Lane {
	return c.lanes[c.next.Add(1)%uint64(len(c.lanes))]
}

// dials returns how many connections the lanes have opened.
func (c *client) dials() (n int64) {
	for _, lane := range c.lanes {
		n += lane.Dials()
	}
	return n
}

func (c *client) close() {
	for _, lane := range c.lanes {
		lane.Close()
	}
}

// page is one page of a list.
type page struct {
	names           []string
	resourceVersion uint64
	next            string    // continue token
	remaining       int64     // number of objects after this page; 0 if unknown
	bytes           int       // size of the response
	date            time.Time // clock of the API server
}

// list requests one page of names.
func (c *client) list(ctx context.Context, s scope, token string, limit int) (_ *page, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	resp, err := c.requestPage(ctx, s, token, limit, acceptTable, tableQuery())
	if err != nil {
		return nil, err
	}
	defer func() { finish(resp.Body, err) }()
	p := &page{date: apiserver.Date(resp)}
	body := &countingReader{Reader: resp.Body}
	meta, err := decodeTable(body, func(name string) error {
		p.names = append(p.names, plainName(s.resource, name))
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.next, p.bytes = meta.Continue, body.n
	if meta.RemainingItemCount != nil {
		p.remaining = *meta.RemainingItemCount
	}
	p.resourceVersion, err = parseVersion(meta.ResourceVersion)
	return p, err
}

// requestPage requests one page of a list in the format of accept. The caller finishes the body of the response,
// whose status code is 200.
func (c *client) requestPage(
	ctx context.Context, s scope, token string, limit int, accept string, query url.Values,
) (*http.Response, error) {
	query.Set("limit", strconv.Itoa(limit))
	if s.selector != "" {
		query.Set("labelSelector", s.selector)
	}
	switch {
	case token != "":
		query.Set("continue", token)
	case s.version > 0:
		query.Set("resourceVersion", strconv.FormatUint(s.version, 10))
		query.Set("resourceVersionMatch", string(metav1.ResourceVersionMatchExact))
	}
	resp, err := c.lane().Do(ctx, apiserver.Request{
		Method: http.MethodGet, Path: s.resource.path(s.namespace, ""), Query: query, Accept: accept,
	})
	if err == nil && resp.StatusCode != http.StatusOK {
		err = statusError(resp, "list", s.resource.GroupResource())
		drain(resp.Body)
	}
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// tableQuery returns the query for rows without objects.
func tableQuery() url.Values { return url.Values{"includeObject": {"None"}} }

func parseVersion(resourceVersion string) (uint64, error) {
	rv, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion %q is not a number", resourceVersion)
	}
	return rv, nil
}

// noopWrite sends the write that changes nothing over a lane, and returns the object's
// resourceVersion after it. If resourceVersion is 0, the write is unconditional.
func noopWrite(
	ctx context.Context, lane *apiserver.Lane, r Resource, namespace, name string, resourceVersion uint64,
) (uint64, error) {
	query := tableQuery()
	// Do not fail or warn because of unknown fields that the object already has.
	query.Set("fieldValidation", "Ignore")
	return oneObject(ctx, lane, "patch", r, apiserver.Request{
		Method: http.MethodPatch, Path: r.path(namespace, name), Query: query, Accept: acceptTable,
		ContentType: mergePatch, Body: noopBody(resourceVersion),
	})
}

// readVersion returns the resourceVersion of an object. The API server reads the object
// from the storage for it.
func readVersion(ctx context.Context, lane *apiserver.Lane, r Resource, namespace, name string) (uint64, error) {
	return oneObject(ctx, lane, "get", r, apiserver.Request{
		Method: http.MethodGet, Path: r.path(namespace, name), Query: tableQuery(), Accept: acceptTable,
	})
}

// oneObject sends a request whose answer is a Table of one object. The Table has the
// resourceVersion of the object.
func oneObject(
	ctx context.Context, lane *apiserver.Lane, verb string, r Resource, request apiserver.Request,
) (_ uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	resp, err := lane.Do(ctx, request)
	if err != nil {
		return 0, err
	}
	defer func() { finish(resp.Body, err) }()
	if resp.StatusCode != http.StatusOK {
		return 0, statusError(resp, verb, r.GroupResource())
	}
	meta, err := decodeTable(resp.Body, nil)
	if err != nil {
		return 0, err
	}
	return parseVersion(meta.ResourceVersion)
}

// noopBody returns the merge patch that changes nothing.
func noopBody(resourceVersion uint64) []byte {
	if resourceVersion == 0 {
		return []byte(`{}`)
	}
	return fmt.Appendf(nil, `{"metadata":{"resourceVersion":"%d"}}`, resourceVersion)
}

// finish drains and closes the body of a response. If err shows that the response is of another kind than
// requested, the rest may have values: finish closes the body without reading it.
func finish(body io.ReadCloser, err error) {
	if errors.Is(err, errUnexpectedKind) {
		_ = body.Close()
		return
	}
	drain(body)
}

// drain reads up to 64 KiB of the rest, so that the connection can be used again, and
// closes the body.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
}

// withTimeout returns a copy of config that limits each request to objectTimeout,
// unless config has a limit.
func withTimeout(config *rest.Config) *rest.Config {
	limited := rest.CopyConfig(config)
	limited.Timeout = cmp.Or(config.Timeout, objectTimeout)
	return limited
}

type countingReader struct {
	io.Reader
	n int
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += n
	return n, err
}
