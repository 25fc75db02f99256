package rewriter

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
)

const (
	protobufType  = runtime.ContentTypeProtobuf
	acceptObject  = protobufType + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	acceptList    = protobufType + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	mergePatch    = "application/merge-patch+json"
	listTimeout   = 90 * time.Second // the API server times out after 60 s
	objectTimeout = 40 * time.Second // the API server times out after 34 s

	// protobufMagic starts every protobuf response of an API server
	// (k8s.io/apimachinery/pkg/runtime/serializer/protobuf).
	protobufMagic = "k8s\x00"
)

// Kinds that a response may have. Any other kind is dropped without being read.
const (
	kindList   = "PartialObjectMetadataList"
	kindObject = "PartialObjectMetadata"
	kindStatus = "Status"
)

// client lists and writes the metadata of objects. It is safe for concurrent use.
type client struct {
	http *http.Client
	base string // URL of the API server, without a slash at the end
}

// newClient does not connect.
func newClient(config *rest.Config) (*client, error) {
	httpClient, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("configure the connection to the API server: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(config)
	if err != nil {
		return nil, fmt.Errorf("parse API server address %q: %w", config.Host, err)
	}
	return &client{http: httpClient, base: strings.TrimRight(base.String(), "/")}, nil
}

// do sends one request. Whatever the status code is, the caller must close the body of
// the response.
func (c *client) do(
	ctx context.Context, method, path string, query url.Values, accept string, patch []byte,
) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path+"?"+query.Encode(), bytes.NewReader(patch))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", accept)
	if patch != nil {
		req.Header.Set("Content-Type", mergePatch)
	}
	return c.http.Do(req)
}

// reconnect closes the idle connections, so that the next request uses a new one. A
// load balancer may then pick another API server.
func (c *client) reconnect() { utilnet.CloseIdleConnectionsFor(c.http.Transport) }

// listed is what the client keeps of a listed object.
type listed struct {
	namespace, name string
	uid             uuid.UUID
	resourceVersion uint64
	// written is the time of the latest write in the metadata; zero if there is none.
	written time.Time
}

// page is one page of a list.
type page struct {
	items           []listed
	resourceVersion string
	next            string // continue token
	remaining       int64  // number of objects after this page; 0 if unknown
	bytes           int    // size of the response
}

// list requests one page of metadata.
func (c *client) list(ctx context.Context, s scope, token string, limit int) (*page, error) {
	r, query := s.resource, url.Values{"limit": {strconv.Itoa(limit)}}
	if s.selector != "" {
		query.Set("labelSelector", s.selector)
	}
	if token != "" {
		query.Set("continue", token)
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	resp, err := c.do(ctx, http.MethodGet, r.path(s.namespace, ""), query, acceptList, nil)
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp, "list", r.GroupResource())
	}
	body := &countingReader{Reader: resp.Body}
	var list metav1.PartialObjectMetadataList
	if err := decode(body, kindList, &list); err != nil {
		return nil, err
	}
	p := &page{resourceVersion: list.ResourceVersion, next: list.Continue, bytes: body.n}
	if list.RemainingItemCount != nil {
		p.remaining = *list.RemainingItemCount
	}
	p.items = make([]listed, 0, len(list.Items))
	for i := range list.Items {
		m := &list.Items[i].ObjectMeta
		rv, err := parseVersion(m.ResourceVersion)
		if err != nil {
			return nil, fmt.Errorf("%s/%s: %w", m.Namespace, m.Name, err)
		}
		uid, _ := uuid.Parse(string(m.UID)) // a uid of another format is omitted from the write
		p.items = append(p.items, listed{m.Namespace, m.Name, uid, rv, lastWrite(m)})
	}
	return p, nil
}

func parseVersion(resourceVersion string) (uint64, error) {
	rv, err := strconv.ParseUint(resourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion %q is not a number", resourceVersion)
	}
	return rv, nil
}

// lastWrite returns the time of the latest write that the metadata mentions.
func lastWrite(m *metav1.ObjectMeta) time.Time {
	t := m.CreationTimestamp.Time
	for i := range m.ManagedFields {
		if w := m.ManagedFields[i].Time; w != nil && w.After(t) {
			t = w.Time
		}
	}
	return t
}

// noopWrite sends the write that changes nothing and returns the object's
// resourceVersion after it. If resourceVersion is 0, the write is unconditional.
func (c *client) noopWrite(
	ctx context.Context, r Resource, namespace, name string, uid uuid.UUID, resourceVersion uint64,
) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	// Ignore: do not fail or warn because of unknown fields that the object already has.
	query := url.Values{"fieldValidation": {"Ignore"}}
	resp, err := c.do(ctx, http.MethodPatch, r.path(namespace, name), query, acceptObject, noopBody(uid, resourceVersion))
	if err != nil {
		return 0, err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return 0, statusError(resp, "patch", r.GroupResource())
	}
	var object metav1.PartialObjectMetadata
	if err := decode(resp.Body, kindObject, &object); err != nil {
		return 0, err
	}
	return parseVersion(object.ResourceVersion)
}

// noopBody returns the merge patch that changes nothing.
func noopBody(uid uuid.UUID, resourceVersion uint64) []byte {
	var fields []string
	if uid != uuid.Nil {
		fields = append(fields, `"uid":"`+uid.String()+`"`)
	}
	if resourceVersion != 0 {
		fields = append(fields, fmt.Sprintf(`"resourceVersion":"%d"`, resourceVersion))
	}
	return []byte(`{"metadata":{` + strings.Join(fields, ",") + `}}`)
}

// statusError converts an error response to the error that the predicates of
// k8s.io/apimachinery expect. If the response is not a Status, the error names no
// object.
func statusError(resp *http.Response, verb string, r schema.GroupResource) error {
	wait, _ := strconv.Atoi(resp.Header.Get("Retry-After"))
	status := decodeStatus(resp)
	if status == nil {
		return apierrors.NewGenericServerResponse(resp.StatusCode, verb, r, "", "", wait, true)
	}
	status.Code = int32(resp.StatusCode)
	if wait > 0 {
		if status.Details == nil {
			status.Details = &metav1.StatusDetails{}
		}
		status.Details.RetryAfterSeconds = int32(wait)
	}
	return &apierrors.StatusError{ErrStatus: *status}
}

// message is implemented by the generated types of k8s.io/apimachinery.
type message interface{ Unmarshal([]byte) error }

// decode reads a response of the given kind. It checks the kind in the first 128
// bytes before it reads the rest.
func decode(body io.Reader, kind string, into message) error {
	const headLength = 128
	// Not io.ReadFull: its io.ErrUnexpectedEOF for a short response would hide that of a
	// broken connection, which is worth another attempt.
	head, err := io.ReadAll(io.LimitReader(body, headLength))
	if err == nil && len(head) == 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	got, err := kindOf(head)
	if err != nil {
		return err
	}
	if got != kind {
		return fmt.Errorf("%w: wanted %s, got %s", errUnexpectedKind, kind, got)
	}
	buf := bytes.NewBuffer(head)
	if len(head) == headLength {
		if _, err := buf.ReadFrom(body); err != nil {
			return fmt.Errorf("read the response: %w", err)
		}
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(buf.Bytes()[len(protobufMagic):]); err != nil {
		return fmt.Errorf("decode %s: %w", kind, err)
	}
	if err := into.Unmarshal(envelope.Raw); err != nil {
		return fmt.Errorf("decode %s: %w", kind, err)
	}
	return nil
}

// kindOf returns the kind of a protobuf response, given its first bytes: the magic
// bytes, then the envelope, whose first field is the type (0x0a, a length below 128).
func kindOf(head []byte) (string, error) {
	rest, ok := bytes.CutPrefix(head, []byte(protobufMagic))
	if !ok || len(rest) < 2 || rest[0] != 0x0a || int(rest[1]) > len(rest)-2 {
		return "", fmt.Errorf("%w: not a protobuf envelope", errUnexpectedKind)
	}
	var envelope runtime.Unknown
	if err := envelope.Unmarshal(rest[:2+int(rest[1])]); err != nil {
		return "", fmt.Errorf("%w: %w", errUnexpectedKind, err)
	}
	return envelope.Kind, nil
}

// decodeStatus reads an error response in protobuf or JSON. It returns nil if the
// response is not a Status of Kubernetes.
func decodeStatus(resp *http.Response) *metav1.Status {
	body := io.LimitReader(resp.Body, 1<<20)
	var status metav1.Status
	var err error
	if strings.HasPrefix(resp.Header.Get("Content-Type"), runtime.ContentTypeJSON) {
		err = json.NewDecoder(body).Decode(&status)
	} else {
		err = decode(body, kindStatus, &status)
	}
	if err != nil || status.Status != metav1.StatusFailure {
		return nil
	}
	return &status
}

// drain reads up to 64 KiB of the rest, so that the connection can be reused, and
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
