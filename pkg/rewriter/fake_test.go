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

// fake is an API server over a storage that knows under which key each object
// stands, and that skips a write just as the real one does: only if the object is
// under the write key and the write changes nothing. It speaks protobuf.
type fake struct {
	mu       sync.Mutex
	rev      uint64
	nextUID  int
	writeKey string
	objects  map[string]*cell // by "resource/namespace/name"
	lists    map[int][]*cell  // consistent lists under way
	nextList int

	// intercept answers a request in the server's place and returns true. It is
	// called without the lock, with the number of requests before this one.
	intercept func(n int, w http.ResponseWriter, r *http.Request) bool
	// mutate is an admission webhook: it tells whether it changes the object.
	mutate func(*cell) bool
	// latency of each request.
	latency time.Duration

	requests int
	writes   int               // that the storage took
	patches  map[string]int    // requests, by object
	config   map[string]string // ConfigMap kube-system/eks-encrypt, nil if there is none
}

type cell struct {
	resource, namespace, name string
	uid                       string
	rv                        uint64
	key                       string // "" when it can't be decrypted
	labels                    map[string]string
	written                   time.Time
}

func (o *cell) path() string { return o.resource + "/" + o.namespace + "/" + o.name }

const (
	oldKey = "old"
	newKey = "new"
)

func newFake() *fake {
	f := &fake{rev: 100, writeKey: newKey, objects: map[string]*cell{}, lists: map[int][]*cell{}, patches: map[string]int{}}
	f.put("namespaces", "", "default", newKey)
	f.put("namespaces", "", "kube-system", newKey)
	return f
}

// put stores an object, in the place of any of the same name.
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

// secrets stores n secrets under a key, named prefix-0001 and so on.
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

// touch is a write by somebody else.
func (f *fake) touch(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.store(f.objects[path])
}

func (f *fake) store(o *cell) {
	f.rev++
	o.rv, o.key, o.written = f.rev, f.writeKey, time.Now()
}

// byKey counts the secrets by the key they stand under: the oracle.
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

// restConfig leads to the fake without a socket, so that time can be a bubble's.
func (f *fake) restConfig() *rest.Config {
	return &rest.Config{Host: "http://fake", Transport: roundTripper(f.ServeHTTP), UserAgent: "test"}
}

type roundTripper http.HandlerFunc

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

// parsePath understands /api/v1/…, and /apis/GROUP/VERSION/… without the group.
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
			answerError(w, apierrors.NewResourceExpired("The provided continue parameter is too old"))
			return
		}
		delete(f.lists, id)
		rest = all
	} else {
		for _, o := range f.objects {
			key, value, _ := strings.Cut(label, "=")
			if o.resource == resource && (namespace == "" || o.namespace == namespace) && (label == "" || o.labels[key] == value) {
				snapshot := *o
				rest = append(rest, &snapshot)
			}
		}
		slices.SortFunc(rest, func(a, b *cell) int { return strings.Compare(a.path(), b.path()) })
	}
	list := &metav1.PartialObjectMetadataList{ListMeta: metav1.ListMeta{ResourceVersion: strconv.FormatUint(rev, 10)}}
	for len(rest) > 0 && len(list.Items) < limit {
		if rest[0].key == "" {
			answerError(w, apierrors.NewInternalError(fmt.Errorf("unable to transform key %q: no matching prefix found", "/registry/"+rest[0].path())))
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
	answer(w, http.StatusOK, "meta.k8s.io/v1", "PartialObjectMetadataList", list)
}

func metadata(o *cell) *metav1.PartialObjectMetadata {
	at := metav1.NewTime(o.written)
	return &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
		Name: o.name, Namespace: o.namespace, UID: types.UID(o.uid), ResourceVersion: strconv.FormatUint(o.rv, 10),
		Labels: o.labels, ManagedFields: []metav1.ManagedFieldsEntry{{Time: &at}},
	}}
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
		answerError(w, apierrors.NewBadRequest(fmt.Sprint("not a no-op: ", err)))
		return
	}
	o := f.objects[resource+"/"+namespace+"/"+name]
	gr := schema.GroupResource{Resource: resource}
	f.patches[resource+"/"+namespace+"/"+name]++
	switch {
	case o == nil:
		answerError(w, apierrors.NewNotFound(gr, name))
		return
	case o.key == "":
		answerError(w, apierrors.NewInternalError(fmt.Errorf("unable to transform key %q", "/registry/"+o.path())))
		return
	case patch.Metadata.UID != "" && patch.Metadata.UID != o.uid:
		err := apierrors.NewInvalid(schema.GroupKind{Kind: "Secret"}, name, nil)
		err.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: metav1.CauseTypeFieldValueInvalid, Field: "metadata.uid", Message: "field is immutable"}}
		answerError(w, err)
		return
	case patch.Metadata.ResourceVersion != "" && patch.Metadata.ResourceVersion != strconv.FormatUint(o.rv, 10):
		answerError(w, apierrors.NewConflict(gr, name, fmt.Errorf("the object has been modified")))
		return
	}
	changed := f.mutate != nil && f.mutate(o)
	if changed || o.key != f.writeKey {
		f.store(o)
		f.writes++
	}
	answer(w, http.StatusOK, "meta.k8s.io/v1", "PartialObjectMetadata", metadata(o))
}

func (f *fake) serveRecord(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPatch {
		var m configMap
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			answerError(w, apierrors.NewBadRequest(err.Error()))
			return
		}
		f.config = m.Data
	}
	if f.config == nil {
		answerError(w, apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, "eks-encrypt"))
		return
	}
	w.Header().Set("Content-Type", jsonType)
	_ = json.NewEncoder(w).Encode(map[string]any{"metadata": map[string]string{"uid": "config-uid"}, "data": f.config})
}

type marshaler interface{ Marshal() ([]byte, error) }

func answer(w http.ResponseWriter, code int, apiVersion, kind string, object marshaler) {
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
	_, _ = w.Write(append(slices.Clone(protobufMagic), body...))
}

func answerError(w http.ResponseWriter, err apierrors.APIStatus) {
	status := err.Status()
	if d := status.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
	}
	answer(w, int(status.Code), "v1", "Status", &status)
}

// law checks what every report promises: that its counts add up.
func law(t *testing.T, result *Result) {
	t.Helper()
	for _, c := range result.Report.Resources {
		if sum := c.Current + c.Rewritten + c.Gone + c.Unproven + c.Failed; sum != c.Total {
			t.Errorf("%s: total %d, but the parts sum up to %d: %+v", c.Resource, c.Total, sum, c)
		}
	}
}
