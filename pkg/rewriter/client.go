package rewriter

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
)

const (
	protobufType  = "application/vnd.kubernetes.protobuf"
	acceptObject  = protobufType + ";as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
	acceptList    = protobufType + ";as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
	mergePatch    = "application/merge-patch+json"
	applyPatch    = "application/apply-patch+yaml"
	jsonType      = kube.JSON
	listTimeout   = 90 * time.Second // the API server itself gives up after 60
	objectTimeout = 40 * time.Second // the API server itself gives up after 34
)

// client asks the API server for metadata alone.
type client struct{ *kube.Client }

func newClient(config *rest.Config) (*client, error) {
	c, err := kube.New(config)
	if err != nil {
		return nil, err
	}
	return &client{c}, nil
}

// listed is what is kept of one object of a list.
type listed struct {
	namespace, name string
	uid             uuid.UUID
	resourceVersion uint64
	// written is the latest time of the object's metadata at which the server
	// noted a write; zero when there is none.
	written time.Time
}

// page is one page of a list.
type page struct {
	items           []listed
	resourceVersion string
	next            string // continue token
	remaining       int64  // objects after this page, where the server says so
	bytes           int    // size of the answer
}

// list asks for one page of metadata.
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
	resp, err := c.Do(ctx, kube.Request{Method: http.MethodGet, Path: r.path(s.namespace, ""), Query: query, Accept: acceptList})
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	if resp.StatusCode != http.StatusOK {
		return nil, statusError(resp, "list", r.GroupResource())
	}
	counted := &countingReader{Reader: resp.Body}
	var list metav1.PartialObjectMetadataList
	if err := decode(counted, kindList, &list); err != nil {
		return nil, err
	}
	p := &page{resourceVersion: list.ResourceVersion, next: list.Continue, bytes: counted.n}
	if list.RemainingItemCount != nil {
		p.remaining = *list.RemainingItemCount
	}
	p.items = make([]listed, 0, len(list.Items))
	for i := range list.Items {
		m := &list.Items[i].ObjectMeta
		rv, err := strconv.ParseUint(m.ResourceVersion, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("resourceVersion %q of %s/%s is no number", m.ResourceVersion, m.Namespace, m.Name)
		}
		uid, _ := uuid.Parse(string(m.UID)) // a uid of another shape is left out of the write
		p.items = append(p.items, listed{m.Namespace, m.Name, uid, rv, lastWrite(m)})
	}
	return p, nil
}

// lastWrite is the latest write that the metadata tells of.
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
// resourceVersion after it. With resourceVersion 0 the write is unconditional.
func (c *client) noopWrite(ctx context.Context, r Resource, namespace, name string, uid uuid.UUID, resourceVersion uint64) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	// Ignore: the object's own unknown fields are not ours to be warned of.
	resp, err := c.Do(ctx, kube.Request{
		Method: http.MethodPatch, Path: r.path(namespace, name), Query: url.Values{"fieldValidation": {"Ignore"}},
		Accept: acceptObject, ContentType: mergePatch, Body: noopBody(uid, resourceVersion),
	})
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
	rv, err := strconv.ParseUint(object.ResourceVersion, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("resourceVersion %q is no number", object.ResourceVersion)
	}
	return rv, nil
}

// noopBody is the merge patch that changes nothing.
func noopBody(uid uuid.UUID, resourceVersion uint64) []byte {
	b := append(make([]byte, 0, 104), `{"metadata":{`...)
	if uid != uuid.Nil {
		b = append(b, `"uid":"`...)
		b = append(b, uid.String()...)
		b = append(b, `"`...)
	}
	if resourceVersion != 0 {
		if uid != uuid.Nil {
			b = append(b, ',')
		}
		b = append(b, `"resourceVersion":"`...)
		b = strconv.AppendUint(b, resourceVersion, 10)
		b = append(b, `"`...)
	}
	return append(b, `}}`...)
}

// json sends and receives an object that is no secret of anybody, such as the
// record or a migration.
func (c *client) json(ctx context.Context, r kube.Request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, objectTimeout)
	defer cancel()
	if r.Accept == "" {
		r.Accept = jsonType
	}
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	defer drain(resp.Body)
	if resp.StatusCode >= http.StatusBadRequest {
		return nil, statusError(resp, r.Method+" "+r.Path, schema.GroupResource{})
	}
	return io.ReadAll(io.LimitReader(resp.Body, 16<<20))
}

// statusError turns an error answer into the error that k8s.io/apimachinery's
// predicates know. An answer that Kubernetes did not write names no object.
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

// drain lets the connection be used again.
func drain(body io.ReadCloser) {
	_, _ = io.CopyN(io.Discard, body, 64<<10)
	_ = body.Close()
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
