package rewriter

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// fake is an API server whose storage knows the key of each object. Like a real one,
// it skips a write only if the object is encrypted with the write key and the write
// changes nothing.
type fake struct {
	mu       sync.Mutex
	rev      uint64
	nextUID  int
	writeKey string
	objects  map[string]*cell // by "resource/namespace/name"
	lists    map[int][]*cell  // unfinished lists
	nextList int
	old      map[string][]*cell // the objects of a resource at a version, after a list of the whole cluster
	forgets  bool               // lists of a version expire

	// intercept returns true if it responded itself. It is called without the lock. n
	// is the number of earlier requests.
	intercept intercept
	// mutate is an admission webhook. It reports whether it changed the object.
	mutate func(*cell) bool
	// latency is that of each request.
	latency time.Duration

	keyID string // of the new key; arn:key if empty
	// servers are the API servers; balance chooses the one of each connection.
	servers []*fakeServer
	balance func(connection int) int
	dialled int
	pool    bool // a proxy chooses the server of each request
	noCount bool // lists do not tell how many objects remain
	// oneAddress means that all servers name the same address.
	oneAddress bool
	open       []net.Conn
	// leases are served if they are not nil. webhooks are the mutating ones.
	leases   map[string]time.Duration // since the last renewal, by name
	webhooks []admissionv1.MutatingWebhookConfiguration

	requests  int
	writes    int               // writes to the storage
	movedBack int               // writes that replaced the new key by the old one
	patches   map[string]int    // number of requests by object
	config    map[string]string // ConfigMap kube-system/eks-encrypt, nil if there is none
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

func newFake(t *testing.T) *fake {
	f := &fake{
		rev: 100, writeKey: newKey, objects: map[string]*cell{}, lists: map[int][]*cell{}, old: map[string][]*cell{},
		patches: map[string]int{}, balance: func(int) int { return 0 }, leases: map[string]time.Duration{},
	}
	f.addServer()
	t.Cleanup(f.close)
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

// resource returns copies of the objects of a resource.
func (f *fake) resource(name string) []*cell {
	all := []*cell{}
	for _, o := range f.objects {
		if o.resource == name {
			snapshot := *o
			all = append(all, &snapshot)
		}
	}
	return all
}

func (f *fake) serveList(s *fakeServer, w http.ResponseWriter, r *http.Request, resource, namespace string) {
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
		all, exact := f.resource(resource), r.URL.Query().Get("resourceVersionMatch") == "Exact"
		version := resource + " " + strconv.FormatUint(f.rev, 10)
		if exact {
			rev, _ = strconv.ParseUint(r.URL.Query().Get("resourceVersion"), 10, 64)
			all = f.old[resource+" "+strconv.FormatUint(rev, 10)]
		} else if namespace == "" && f.old[version] == nil {
			f.old[version] = all
		}
		if exact && (all == nil || f.forgets) {
			respondError(w, apierrors.NewResourceExpired("The resourceVersion for the provided list is too old"))
			return
		}
		for _, o := range all {
			key, value, _ := strings.Cut(label, "=")
			if (namespace == "" || o.namespace == namespace) && (label == "" || o.labels[key] == value) {
				rest = append(rest, o)
			}
		}
		slices.SortFunc(rest, func(a, b *cell) int { return strings.Compare(a.path(), b.path()) })
	}
	list := metav1.ListMeta{ResourceVersion: strconv.FormatUint(rev, 10)}
	var page []*cell
	for len(rest) > 0 && len(page) < limit {
		if !s.canRead(rest[0]) {
			respondError(w, undecryptableError(rest[0]))
			return
		}
		page = append(page, rest[0])
		rest = rest[1:]
	}
	if len(rest) > 0 {
		f.nextList++
		f.lists[f.nextList] = rest
		list.Continue = fmt.Sprintf("%d-%d", f.nextList, rev)
		if label == "" && !f.noCount {
			n := int64(len(rest))
			list.RemainingItemCount = &n
		}
	}
	if strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") {
		respondMetadata(w, list, page)
		return
	}
	respondTable(w, r, list, page...)
}

func undecryptableError(o *cell) *apierrors.StatusError {
	return apierrors.NewInternalError(
		fmt.Errorf("unable to transform key %q: no matching prefix found", "/registry/"+o.path()))
}

// unreadableError is the response to a request for one object.
func unreadableError() *apierrors.StatusError {
	return apierrors.NewInternalError(
		errors.New("data from the storage is not transformable revision=0: no matching prefix found"))
}

func (f *fake) servePatch(s *fakeServer, w http.ResponseWriter, r *http.Request, resource, namespace, name string) {
	var patch struct {
		Metadata struct {
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
	case !s.canRead(o):
		respondError(w, unreadableError())
		return
	case patch.Metadata.ResourceVersion != "" && patch.Metadata.ResourceVersion != strconv.FormatUint(o.rv, 10):
		respondError(w, apierrors.NewConflict(gr, name, fmt.Errorf("the object has been modified")))
		return
	}
	s.reads[o.key]++
	changed := f.mutate != nil && f.mutate(o)
	if key := s.key(); changed || o.key != key {
		if o.key == newKey && key == oldKey {
			f.movedBack++
		}
		s.lastWrite = ""
		f.store(o)
		o.key = key
		s.wrote[key]++
		f.writes++
	}
	respondTable(w, r, metav1.ListMeta{ResourceVersion: strconv.FormatUint(o.rv, 10)}, o)
}

// respondTable responds with a Table, or with 406 if the request would also take objects.
func respondTable(w http.ResponseWriter, r *http.Request, list metav1.ListMeta, cells ...*cell) {
	if r.Header.Get("Accept") != acceptTable || r.URL.Query().Get("includeObject") != "None" {
		http.Error(w, "the request is not for names only", http.StatusNotAcceptable)
		return
	}
	table := metav1.Table{
		TypeMeta: metav1.TypeMeta{Kind: "Table", APIVersion: "meta.k8s.io/v1"}, ListMeta: list,
		ColumnDefinitions: []metav1.TableColumnDefinition{
			{Name: "Age", Type: "string"}, {Name: "Name", Type: "string", Format: "name"},
		},
		Rows: []metav1.TableRow{},
	}
	for _, o := range cells {
		table.Rows = append(table.Rows, metav1.TableRow{Cells: []any{"5d", o.name}})
	}
	respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &table)
}

func respondMetadata(w http.ResponseWriter, list metav1.ListMeta, cells []*cell) {
	l := metav1.PartialObjectMetadataList{ListMeta: list}
	l.Kind = "PartialObjectMetadataList"
	for _, o := range cells {
		at := metav1.NewTime(o.written)
		l.Items = append(l.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
			Name: o.name, Namespace: o.namespace, UID: types.UID(o.uid), ResourceVersion: strconv.FormatUint(o.rv, 10),
			Labels: o.labels, ManagedFields: []metav1.ManagedFieldsEntry{{Time: &at}},
		}})
	}
	respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &l)
}

func respondError(w http.ResponseWriter, err apierrors.APIStatus) {
	status := err.Status()
	status.Kind, status.APIVersion = "Status", "v1"
	if d := status.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(d.RetryAfterSeconds)))
	}
	respondJSON(w, int(status.Code), runtime.ContentTypeJSON, &status)
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
