package rewriter

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

// Requests go to the path of the configured server, with the configured user agent and
// user. After reconnect, the next request uses another connection.
func TestClient(t *testing.T) {
	connections := map[string]bool{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr] = true
		if r.URL.Path != "/prefix/api/v1/secrets" || r.Header.Get("Accept") != acceptList ||
			r.Header.Get("User-Agent") != "test" || r.Header.Get("Impersonate-User") != "jane" {
			t.Errorf("request = %s %v", r.URL, r.Header)
		}
		respond(w, http.StatusOK, "meta.k8s.io/v1", kindList, &metav1.PartialObjectMetadataList{})
	}))
	defer server.Close()
	c, err := newClient(&rest.Config{
		Host: server.URL + "/prefix/", UserAgent: "test", Impersonate: rest.ImpersonationConfig{UserName: "jane"},
		TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for range 3 {
			if _, err := c.list(t.Context(), scope{resource: Secrets()}, "", 1); err != nil {
				t.Fatal(err)
			}
		}
		c.reconnect()
	}
	if len(connections) != 2 {
		t.Errorf("connections = %d, want 2", len(connections))
	}
}

func TestNewClientRejectsInvalidConfigs(t *testing.T) {
	for _, config := range []*rest.Config{
		{Host: "http://a b"},
		{Host: "https://x", TLSClientConfig: rest.TLSClientConfig{CAFile: "/does/not/exist"}},
	} {
		if _, err := newClient(config); err == nil {
			t.Errorf("newClient(%+v) = nil error, want an error", config)
		}
		if _, _, err := Discover(t.Context(), config, nil); err == nil {
			t.Errorf("Discover(%+v) = nil error, want an error", config)
		}
		if _, err := LoadRecord(t.Context(), config); err == nil {
			t.Errorf("LoadRecord(%+v) = nil error, want an error", config)
		}
	}
}

// FuzzDecode checks that decode does not panic for any response.
func FuzzDecode(f *testing.F) {
	item := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: "a"}}
	list := &metav1.PartialObjectMetadataList{Items: []metav1.PartialObjectMetadata{item}}
	raw, _ := list.Marshal()
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kindList}, Raw: raw}
	body, _ := envelope.Marshal()
	f.Add(append([]byte(protobufMagic), body...))
	f.Add([]byte(`{"kind":"Secret"}`))
	f.Add([]byte("k8s\x00\x0a\x7f"))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, body []byte) {
		var list metav1.PartialObjectMetadataList
		_ = decode(bytes.NewReader(body), kindList, &list)
	})
}

// A response with a whole Secret is dropped before its values are read.
func TestDecodeDropsWholeObjects(t *testing.T) {
	secret := runtime.TypeMeta{APIVersion: "v1", Kind: "Secret"}
	envelope := runtime.Unknown{TypeMeta: secret, Raw: bytes.Repeat([]byte("value"), 1000)}
	body, _ := envelope.Marshal()
	reader := &countingReader{Reader: bytes.NewReader(append([]byte(protobufMagic), body...))}
	var object metav1.PartialObjectMetadata
	if err := decode(reader, kindObject, &object); !errors.Is(err, errUnexpectedKind) {
		t.Errorf("decode = %v, want %v", err, errUnexpectedKind)
	}
	if reader.n > 128 {
		t.Errorf("decode read %d bytes, want at most 128", reader.n)
	}
}

// A response that breaks off is worth another attempt, wherever it breaks off.
func TestDecodeBrokenResponse(t *testing.T) {
	item := metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: strings.Repeat("a", 200)}}
	raw, _ := item.Marshal()
	envelope := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: kindObject}, Raw: raw}
	encoded, _ := envelope.Marshal()
	body := append([]byte(protobufMagic), encoded...)
	for n := range body {
		broken := io.MultiReader(bytes.NewReader(body[:n]), iotest.ErrReader(io.ErrUnexpectedEOF))
		var object metav1.PartialObjectMetadata
		if err := decode(broken, kindObject, &object); !transient(err) {
			t.Fatalf("decode of the first %d bytes = %v, want a transient error", n, err)
		}
	}
	var object metav1.PartialObjectMetadata
	if err := decode(strings.NewReader(""), kindObject, &object); !transient(err) {
		t.Errorf("decode of an empty response = %v, want a transient error", err)
	}
}
