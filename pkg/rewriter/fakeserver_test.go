package rewriter

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// fakeServer is one of the API servers of a fake. All share its storage.
type fakeServer struct {
	fake *fake
	name string // of its Lease
	// lags means that the server still writes with the old key; blind, that it cannot read
	// the new one.
	lags, blind bool
	noMetrics   bool
	health      int       // status of /readyz
	series      string    // its metrics, instead of those about the keys
	down        bool      // connections fail
	ended       time.Time // it renews its Lease no more
	lastWrite   string    // key of its last write, if it is another than the write key
	wroteBoth   bool      // it has just been reloaded, so that it wrote with both keys lately
	remembers   bool      // its metrics name each key that it wrote with
	started     float64
	reads       map[string]float64
	wrote       map[string]float64
}

const firstStart = 1000 // Unix seconds

// addServer adds an API server with a Lease.
func (f *fake) addServer() *fakeServer {
	s := &fakeServer{
		fake: f, name: fmt.Sprintf("apiserver-%d", len(f.servers)), started: float64(firstStart + len(f.servers)),
		reads: map[string]float64{}, wrote: map[string]float64{},
	}
	f.servers = append(f.servers, s)
	f.leases[s.name] = 0
	return s
}

func (s *fakeServer) key() string {
	if s.lags {
		return oldKey
	}
	return s.fake.writeKey
}

func (s *fakeServer) canRead(o *cell) bool { return o.key != "" && (!s.blind || o.key != newKey) }

// restConfig connects to the fake without a socket, so that synctest can control time.
func (f *fake) restConfig() *rest.Config {
	return &rest.Config{Host: "http://fake", Dial: f.dial, UserAgent: "test"}
}

// dial connects to the API server that the balancer chooses.
func (f *fake) dial(context.Context, string, string) (net.Conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.servers[f.balance(f.dialled)]
	f.dialled++
	if s.down {
		return nil, syscall.ECONNREFUSED
	}
	client, server := net.Pipe()
	f.open = append(f.open, client, server)
	serve := http.Server{Handler: s, ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = serve.Serve(&oneConnection{conn: server}) }()
	return &numbered{client, f.dialled}, nil
}

func (f *fake) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, conn := range f.open {
		_ = conn.Close()
	}
}

// numbered is a connection with an address of its own.
type numbered struct {
	net.Conn
	number int
}

func (c *numbered) LocalAddr() net.Addr { return &net.TCPAddr{Port: c.number} }

// oneConnection is a listener that accepts one connection.
type oneConnection struct{ conn net.Conn }

func (l *oneConnection) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, net.ErrClosed
	}
	conn := l.conn
	l.conn = nil
	return conn, nil
}
func (l *oneConnection) Close() error   { return nil }
func (l *oneConnection) Addr() net.Addr { return &net.TCPAddr{} }

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := s.fake
	f.mu.Lock()
	n := f.requests
	f.requests++
	down := s.down
	f.mu.Unlock()
	if down && breakConnection(w) {
		return
	}
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	if f.latency > 0 {
		time.Sleep(f.latency)
	}
	if f.intercept != nil && f.intercept(n, w, r) {
		return
	}
	if f.pool {
		s = f.servers[n%len(f.servers)]
	}
	s.serve(w, r)
}

func (s *fakeServer) serve(w http.ResponseWriter, r *http.Request) {
	f := s.fake
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case r.URL.Path == recordPath:
		f.serveRecord(w, r)
		return
	case r.URL.Path == "/api":
		address := s.name
		if f.oneAddress {
			address = "cluster"
		}
		respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &metav1.APIVersions{
			ServerAddressByClientCIDRs: []metav1.ServerAddressByClientCIDR{{ServerAddress: address}},
		})
		return
	case strings.HasPrefix(r.URL.Path, "/readyz"):
		http.Error(w, "kms-providers", cmp.Or(s.health, http.StatusNotFound))
		return
	case r.URL.Path == "/metrics":
		s.serveMetrics(w)
		return
	case strings.HasPrefix(r.URL.Path, "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"):
		f.serveLeases(w)
		return
	case r.URL.Path == "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations":
		list := admissionv1.MutatingWebhookConfigurationList{Items: f.webhooks}
		list.Kind, list.APIVersion = "MutatingWebhookConfigurationList", "admissionregistration.k8s.io/v1"
		for i := range list.Items {
			list.Items[i].Kind, list.Items[i].APIVersion = "MutatingWebhookConfiguration", list.APIVersion
		}
		respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &list)
		return
	case strings.HasPrefix(r.URL.Path, "/apis/admissionregistration.k8s.io/"):
		respondError(w, apierrors.NewNotFound(schema.GroupResource{}, ""))
		return
	}
	resource, namespace, name := parsePath(r.URL.Path)
	switch {
	case r.Method == http.MethodGet && name == "":
		f.serveList(s, w, r, resource, namespace)
	case r.Method == http.MethodGet:
		f.serveGet(s, w, r, resource, namespace, name)
	case r.Method == http.MethodPatch && name != "":
		f.servePatch(s, w, r, resource, namespace, name)
	default:
		http.NotFound(w, r)
	}
}

func (f *fake) serveGet(s *fakeServer, w http.ResponseWriter, r *http.Request, resource, namespace, name string) {
	o := f.objects[resource+"/"+namespace+"/"+name]
	switch {
	case o == nil:
		respondError(w, apierrors.NewNotFound(schema.GroupResource{Resource: resource}, name))
	case !s.canRead(o):
		respondError(w, unreadableError())
	default:
		s.reads[o.key]++
		respondTable(w, r, metav1.ListMeta{ResourceVersion: fmt.Sprint(o.rv)}, o)
	}
}

// serveMetrics serves the series that matter. The id of the new key is arn:key.
func (s *fakeServer) serveMetrics(w http.ResponseWriter) {
	if s.noMetrics {
		http.Error(w, "forbidden", http.StatusForbidden)
		return
	}
	if s.series != "" {
		fmt.Fprint(w, s.series)
		return
	}
	ids := map[string]string{newKey: cmp.Or(s.fake.keyID, "arn:key"), oldKey: "aws-owned"}
	for key, n := range s.reads {
		fmt.Fprintf(w, "apiserver_envelope_encryption_key_id_hash_total{apiserver_id_hash=%q,key_id_hash=%q,"+
			"provider_name=%q,transformation_type=\"from_storage\"} %v\n", apiserver.Hash(s.name),
			apiserver.Hash(ids[key]), key, n)
	}
	const wrote = "apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds{apiserver_id_hash=%q," +
		"key_id_hash=%q,provider_name=%q,transformation_type=\"to_storage\"} %v\n"
	if s.wroteBoth {
		for key, id := range ids {
			fmt.Fprintf(w, wrote, apiserver.Hash(s.name), apiserver.Hash(id), key, time.Now().Unix()-10)
		}
	}
	for key := range s.wrote {
		if s.remembers && key != s.key() {
			fmt.Fprintf(w, wrote, apiserver.Hash(s.name), apiserver.Hash(ids[key]), key,
				float64(time.Now().Unix())-0.001)
		}
	}
	// Each server renews its Lease all the time.
	key := cmp.Or(s.lastWrite, s.key())
	fmt.Fprintf(w, wrote, apiserver.Hash(s.name), apiserver.Hash(ids[key]), key, time.Now().Unix())
	fmt.Fprintf(w, "process_start_time_seconds %v\n", s.started)
}

// created returns when a Lease was created, in Unix seconds: when its first server started.
func (f *fake) created(lease string) int64 {
	n, _ := strconv.ParseInt(strings.TrimPrefix(lease, "apiserver-"), 10, 64)
	return firstStart + n
}

func (f *fake) serveLeases(w http.ResponseWriter) {
	if f.leases == nil {
		respondError(w, apierrors.NewForbidden(schema.GroupResource{Resource: "leases"}, "", nil))
		return
	}
	list := coordinationv1.LeaseList{}
	for name, age := range f.leases {
		renewed := metav1.NewMicroTime(time.Now().Add(-age))
		for _, s := range f.servers {
			if s.name == name && !s.ended.IsZero() {
				renewed = metav1.NewMicroTime(s.ended)
			}
		}
		list.Items = append(list.Items, coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.Unix(f.created(name), 0)},
			Spec:       coordinationv1.LeaseSpec{RenewTime: &renewed},
		})
	}
	respondJSON(w, http.StatusOK, runtime.ContentTypeJSON, &list)
}

// end ends the server a minute ago, as its Lease shows. The caller holds the lock.
func (s *fakeServer) end() { s.down, s.ended = true, time.Now().Add(-time.Minute) }

// listsSecrets reports whether a request lists the secrets of the namespace, and not only one to learn the newest
// version.
func listsSecrets(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Path == "/api/v1/namespaces/default/secrets" &&
		r.URL.Query().Get("limit") != "1"
}
