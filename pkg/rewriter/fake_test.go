package rewriter

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
)

// fake is an API server whose storage knows the key of each object. Like a real one,
// it skips a write only if the object is encrypted with the write key and the write
// changes nothing. It responds in protobuf.
type fake struct {
	mu       sync.Mutex
	rev      uint64
	nextUID  int
	writeKey string
	objects  map[string]*cell // by "resource/namespace/name"
	lists    map[int][]*cell  // unfinished lists
	nextList int

	// intercept returns true if it responded itself. It is called without the lock. n
	// is the number of earlier requests.
	intercept intercept
	// mutate is an admission webhook. It reports whether it changed the object.
	mutate func(*cell) bool
	// latency is that of each request.
	latency time.Duration

	requests int
	writes   int               // writes to the storage
	patches  map[string]int    // number of requests by object
	config   map[string]string // ConfigMap kube-system/eks-encrypt, nil if there is none
}

type intercept = func(n int, w http.ResponseWriter, r *http.Request) bool

type cell struct {
	resource, namespace, name string
	uid                       string
	rv                        uint64
	key                       string // "" if the object cannot be decrypted
	labels                    map[string]string
	written                   time.Time
}

func (o *cell) path() string { return o.resource + "/" + o.namespace + "/" + o.name }

const (
	oldKey = "old"
	newKey = "new"
)

func newFake() *fake {
	f := &fake{
		rev: 100, writeKey: newKey, objects: map[string]*cell{}, lists: map[int][]*cell{}, patches: map[string]int{},
	}
	f.put("namespaces", "", "default", newKey)
	f.put("namespaces", "", "kube-system", newKey)
	return f
}

// put stores an object and replaces one of the same name.
func (f *fake) put(resource, namespace, name, key string) *cell {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rev++
	f.nextUID++
	o := &cell{resource: resource, namespace: namespace, name: name, rv: f.rev, key: key, written: time.Now(),
		uid: fmt.Sprintf("00000000-0000-4000-8000-%012d", f.nextUID)}
	f.objects[o.path()] = o
	return o
}

// secrets stores n secrets encrypted with key, named prefix-00000 and so on.
func (f *fake) secrets(prefix string, n int, key string) {
	for i := range n {
		f.put("secrets", "default", fmt.Sprintf("%s-%05d", prefix, i), key)
	}
}

func (f *fake) remove(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.rev++
	delete(f.objects, path)
}

// touch is a write by another client.
func (f *fake) touch(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(f.objects[path])
}

func (f *fake) store(o *cell) {
	f.rev++
	o.rv, o.key, o.written = f.rev, f.writeKey, time.Now()
}

// byKey counts the secrets by the key that they are encrypted with.
func (f *fake) byKey() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	counts := map[string]int{}
	for _, o := range f.objects {
		if o.resource == "secrets" {
			counts[o.key]++
		}
	}
	return counts
}

// restConfig connects to the fake without a socket, so that synctest can control time.
func (f *fake) restConfig() *rest.Config {
	return &rest.Config{Host: "http://fake", Transport: roundTripper(f.ServeHTTP), UserAgent: "test"}
}

type roundTripper http.HandlerFunc

func (h roundTripper) CloseIdleConnections() {}

func (h roundTripper) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	w := httptest.NewRecorder()
	h(w, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	n := f.requests
	f.requests++
	f.mu.Unlock()
	if f.latency > 0 {
		time.Sleep(f.latency)
	}
	if f.intercept != nil && f.intercept(n, w, r) {
		return
	}
	f.serve(w, r)
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if r.URL.Path == recordPath {
		f.serveRecord(w, r)
		return
	}
	resource, namespace, name := parsePath(r.URL.Path)
	switch {
	case r.Method == http.MethodGet && name == "":
		f.serveList(w, r, resource, namespace)
	case r.Method == http.MethodPatch && name != "":
		f.servePatch(w, r, resource, namespace, name)
	default:
		http.NotFound(w, r)
	}
}

// parsePath parses /api/v1/… and /apis/GROUP/VERSION/….
func parsePath(path string) (resource, namespace, name string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	parts = parts[2:]
	if strings.HasPrefix(path, "/apis/") {
		parts = parts[1:]
	}
	if len(parts) >= 3 && parts[0] == "namespaces" {
		namespace, parts = parts[1], parts[2:]
	}
	resource = parts[0]
	if len(parts) > 1 {
		name = parts[1]
	}
	return resource, namespace, name
}

func (f *fake) serveList(w http.ResponseWriter, r *http.Request, resource, namespace string) {
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	label := r.URL.Query().Get("labelSelector")
	var rest []*cell
	rev := f.rev
	if token := r.URL.Query().Get("continue"); token != "" {
		var id int
		fmt.Sscanf(token, "%d-%d", &id, &rev)
		all, ok := f.lists[id]
		if !ok {
			respondError(w, apierrors.NewResourceExpired("The provided continue parameter is too old"))
			return
		}
		delete(f.lists, id)
		rest = all
	} else {
		for _, o := range f.objects {
			key, value, _ := strings.Cut(label, "=")
			if o.resource == resource && (namespace == "" || o.namespace == namespace) &&
				(label == "" || o.labels[key] == value) {
				snapshot := *o
				rest = append(rest, &snapshot)
			}
		}
		slices.SortFunc(rest, func(a, b *cell) int { return strings.Compare(a.path(), b.path()) })
	}
	list := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.FormatUint(rev, 10)}}
	for len(rest) > 0 && len(list.Items) < limit {
		if rest[0].key == "" {
			respondError(w, undecryptableError(rest[0]))
			return
		}
		list.Items = append(list.Items, *metadata(rest[0]))
		rest = rest[1:]
	}
	if len(rest) > 0 {
		f.nextList++
		f.lists[f.nextList] = rest
		list.Continue = fmt.Sprintf("%d-%d", f.nextList, rev)
		if label == "" {
			n := int64(len(rest))
			list.RemainingItemCount = &n
		}
	}
	respond(w, http.StatusOK, "meta.k8s.io/v1", "PartialObjectMetadataList", list)
}

func metadata(o *cell) *metav1.PartialObjectMetadata {
	at := metav1.NewTime(o.written)
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: o.name, Namespace: o.namespace, UID: types.UID(o.uid), ResourceVersion: strconv.FormatUint(o.rv, 10),
		Labels: o.labels, ManagedFields: []metav1.ManagedFieldsEntry{{Time: &at}},
	}}
}

func undecryptableError(o *cell) *apierrors.StatusError {
	return apierrors.NewInternalError(
		fmt.Errorf("unable to transform key %q: no matching prefix found", "/registry/"+o.path()))
}

func (f *fake) servePatch(w http.ResponseWriter, r *http.Request, resource, namespace, name string) {
	var patch struct {
		Metadata struct {
			UID             string `json:"uid"`
			ResourceVersion string `json:"resourceVersion"`
		} `json:"metadata"`
	}
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&patch); err != nil || r.Header.Get("Content-Type") != mergePatch {
		respondError(w, apierrors.NewBadRequest(fmt.Sprint("not a no-op write: ", err)))
		return
	}
	o := f.objects[resource+"/"+namespace+"/"+name]
	gr := schema.GroupResource{Resource: resource}
	f.patches[resource+"/"+namespace+"/"+name]++
	switch {
	case o == nil:
		respondError(w, apierrors.NewNotFound(gr, name))
		return
	case o.key == "":
		respondError(w, undecryptableError(o))
		return
	case patch.Metadata.UID != "" && patch.Metadata.UID != o.uid:
		err := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, name, nil)
		err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: "FieldValueInvalid", Field: "metadata.uid"}}
		respondError(w, err)
		return
	case patch.Metadata.ResourceVersion != "" && patch.Metadata.ResourceVersion != strconv.FormatUint(o.rv, 10):
		respondError(w, apierrors.NewConflict(gr, name, fmt.Errorf("the object has been modified")))
		return
	}
	changed := f.mutate != nil && f.mutate(o)
	if changed || o.key != f.writeKey {
		f.store(o)
		f.writes++
	}
	respond(w, http.StatusOK, "meta.k8s.io/v1", "PartialObjectMetadata", metadata(o))
}

type marshaler interface{ Marshal() ([]byte, error) }

func respond(w http.ResponseWriter, code int, apiVersion, kind string, object marshaler) {
	raw, err := object.Marshal()
	if err != nil {
		panic(err)
	}
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: apiVersion, Kind: kind}, Raw: raw}
	body, err := envelope.Marshal()
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", protobufType)
	w.WriteHeader(code)
	_, _ = w.Write(append([]byte(protobufMagic), body...))
}

func respondError(w http.ResponseWriter, err apierrors.APIStatus) {
	status := err.Status()
	if d := status.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
	}
	respond(w, int(status.Code), "v1", "Status", &status)
}

// checkSum checks that the counts of the report add up to its total.
func checkSum(t *testing.T, result *Result) {
	t.Helper()
	for _, c := range result.Report.Resources {
		if sum := c.Current + c.Rewritten + c.Gone + c.Unproven + c.Failed; sum != c.Total {
			t.Errorf("%s: sum of the counts = %d, want the total %d: %+v", c.Resource, sum, c.Total, c)
		}
	}
}
