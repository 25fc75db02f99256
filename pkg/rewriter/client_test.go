package rewriter

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"k8s.io/client-go/rest"
)

const emptyTable = `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},"rows":[]}`

// Requests go to the path of the configured server, with the configured user agent and
// user. Each lane has a connection of its own.
func TestClient(t *testing.T) {
	connections := map[string]int{}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		connections[r.RemoteAddr]++
		if r.URL.Path != "/prefix/api/v1/secrets" || r.Header.Get("Accept") != acceptTable ||
			r.URL.Query().Get("includeObject") != "None" ||
			r.Header.Get("User-Agent") != "test" || r.Header.Get("Impersonate-User") != "jane" {
			t.Errorf("request = %s %v", r.URL, r.Header)
		}
		_, _ = io.WriteString(w, emptyTable)
	}))
	defer server.Close()
	c, err := newClient(&rest.Config{
		Host: server.URL + "/prefix/", UserAgent: "test", Impersonate: rest.ImpersonationConfig{UserName: "jane"},
		TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	}, 3)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 {
		p, err := c.list(t.Context(), scope{resource: Secrets()}, "", 1)
		if err != nil || p.resourceVersion != 7 {
			t.Fatalf("list = %+v, %v", p, err)
		}
	}
	if len(connections) != 3 {
		t.Errorf("connections = %v, want 3", connections)
	}
}

func TestNewClientRejectsInvalidConfigs(t *testing.T) {
	for _, config := range []*rest.Config{
		{Host: "http://a b"},
		{Host: "https://x", TLSClientConfig: rest.TLSClientConfig{CAFile: "/does/not/exist"}},
	} {
		if _, err := newClient(config, 1); err == nil {
			t.Errorf("newClient(%+v) = nil error, want an error", config)
		}
		if _, err := Discover(t.Context(), config, nil); err == nil {
			t.Errorf("Discover(%+v) = nil error, want an error", config)
		}
		if _, err := LoadRecord(t.Context(), config); err == nil {
			t.Errorf("LoadRecord(%+v) = nil error, want an error", config)
		}
	}
}

func TestDecodeTable(t *testing.T) {
	const start = `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},` +
		`"columnDefinitions":[{"name":"Age"},{"name":"Name","format":"name"}],"rows":`
	tests := []struct {
		name, body string
		want       []string
		err        string
	}{
		{"rows", start + `[{"cells":["5d","a"],"object":null},{"cells":[null,"b\u002d1"]}]}` + "\n", []string{"a", "b-1"}, ""},
		{"a column with a title alone", strings.NewReplacer(`{"name":"Age"},`, "", `,"format":"name"`, "").Replace(start) +
			`[{"cells":["a","5d"]}]}`, []string{"a"}, ""},
		{"a title alone in another column", strings.Replace(start, `,"format":"name"`, "", 1) + `[{"cells":["5d","a"]}]}`,
			nil, "a row has no name"},
		{"no rows", start + `null}`, nil, ""},
		{"a Secret", `{"kind":"Secret","data":{"password":"value"}}`, nil, `got "Secret"`},
		{"a list", `{"kind":"SecretList","items":[{"data":{"password":"value"}}]}`, nil, `got "SecretList"`},
		{"the kind comes late", `{"data":{"password":"value"},"kind":"Table"}`, nil, "does not begin with its kind"},
		{"a row with an object", start + `[{"cells":["5d","a"],"object":{"data":"value"}}]}`, nil, "a row has an object"},
		{"no name", start + `[{"cells":["5d"]}]}`, nil, "a row has no name"},
		{"rows of another kind", start + `"value"}`, nil, "the rows are not an array"},
		{"a row of another kind", start + `["value"]}`, nil, "a row is not an object"},
		{"a Secret in a row with duplicate names", start + `[{"cells":["5d","a"],"object":null,"object":{"data":"value"}}]}`,
			nil, "a row has an object"},
		{"HTML", `<html>value</html>`, nil, "not a JSON object"},
		{"protobuf", "k8s\x00value", nil, "not a JSON object"},
		{"white space only", strings.Repeat(" ", 200), nil, "not a JSON object"},
		{"an array", `["value"]`, nil, "not a JSON object"},
	}
	for _, test := range tests {
		var names []string
		meta, err := decodeTable(strings.NewReader(test.body), func(name string) error {
			names = append(names, name)
			return nil
		})
		if test.err == "" && (err != nil || meta.ResourceVersion != "7" || !slices.Equal(names, test.want)) {
			t.Errorf("%s: decodeTable = %v, %v, %v, want %v", test.name, names, meta, err, test.want)
		}
		if test.err != "" && (!errors.Is(err, errUnexpectedKind) || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: decodeTable = %v, want %q", test.name, err, test.err)
		}
		if err != nil && strings.Contains(err.Error(), "value") {
			t.Errorf("%s: the error %q has a value", test.name, err)
		}
		want := test.err != "" && !strings.Contains(test.err, "no name")
		if meta, err := decodeTable(strings.NewReader(test.body), nil); errors.Is(err, errUnexpectedKind) != want {
			t.Errorf("%s: decodeTable without a visitor = %v, %v, want an error: %t", test.name, meta, err, want)
		}
	}
}

// A response of another kind is dropped before its values are read.
func TestDecodeTableDropsWholeObjects(t *testing.T) {
	body := `{"kind":"Secret","data":{"a":"` + strings.Repeat("value", 1000) + `"}}`
	reader := &countingReader{Reader: strings.NewReader(body)}
	if _, err := decodeTable(reader, nil); !errors.Is(err, errUnexpectedKind) {
		t.Errorf("decodeTable = %v, want %v", err, errUnexpectedKind)
	}
	if reader.n > headLength {
		t.Errorf("decodeTable read %d bytes, want at most %d", reader.n, headLength)
	}
}

// readCounter counts the bytes that are read from a connection.
type readCounter struct {
	net.Conn
	n *atomic.Int64
}

func (c readCounter) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// The client does not read the rest of a response that has an object, not even to use the connection again.
func TestClientDropsObjects(t *testing.T) {
	values := strings.Repeat("value", 8<<10)
	for name, body := range map[string]string{
		"another kind":         `{"kind":"Secret","data":{"a":"` + values + `"}}`,
		"a row with an object": `{"kind":"Table","rows":[{"cells":[],"object":{"data":{"a":"` + values + `"}}}]}`,
	} {
		f := newFake(t)
		f.intercept = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			_, _ = io.WriteString(w, body)
			return true
		}
		var read atomic.Int64
		config := f.restConfig()
		config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := f.dial(ctx, network, address)
			return readCounter{conn, &read}, err
		}
		c, err := newClient(config, 1)
		if err != nil {
			t.Fatal(err)
		}
		_, listed := c.list(t.Context(), scope{resource: Secrets()}, "", 1)
		_, written := noopWrite(t.Context(), c.lane(), Secrets(), "default", "a", 0)
		if !errors.Is(listed, errUnexpectedKind) || !errors.Is(written, errUnexpectedKind) {
			t.Errorf("%s: list = %v, noopWrite = %v, want %v", name, listed, written, errUnexpectedKind)
		}
		if n := read.Load(); n > 24<<10 { // the transport reads a few KiB ahead
			t.Errorf("%s: the client read %d bytes of 2 responses of %d bytes", name, n, len(body))
		}
		c.close()
	}
}

// A response that breaks off is worth another attempt, wherever it breaks off.
func TestDecodeTableBrokenResponse(t *testing.T) {
	const table = `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"7"},"columnDefinitions":` +
		`[{"name":"Name","format":"name"}],"rows":[{"cells":["a","5d"],"object":null},{"cells":["b","5d"],"object":null}]}`
	visitors := []func(string) error{nil, func(string) error { return nil }}
	for n := range len(table) - 1 {
		for _, visit := range visitors {
			for _, end := range []io.Reader{iotest.ErrReader(io.ErrUnexpectedEOF), strings.NewReader("")} {
				broken := io.MultiReader(strings.NewReader(table[:n]), end)
				if _, err := decodeTable(broken, visit); !transient(err) {
					t.Fatalf("decodeTable of the first %d bytes = %v, want a transient error", n, err)
				}
			}
		}
	}
	if _, err := decodeTable(strings.NewReader(""), nil); !transient(err) {
		t.Errorf("decodeTable of an empty response = %v, want a transient error", err)
	}
}

// FuzzDecodeTable checks that decodeTable does not panic for any response.
func FuzzDecodeTable(f *testing.F) {
	f.Add([]byte(emptyTable))
	f.Add([]byte(`{"kind":"Table","columnDefinitions":[{"format":"name"}],"rows":[{"cells":["a"],"object":null}]}`))
	f.Add([]byte(`{"kind":"Secret"}`))
	f.Add([]byte{})
	f.Fuzz(func(_ *testing.T, body []byte) {
		_, _ = decodeTable(strings.NewReader(string(body)), func(string) error { return nil })
	})
}

// BenchmarkDecodeTable measures the response to one write: the descriptions of the columns are most of it.
func BenchmarkDecodeTable(b *testing.B) {
	description := strings.Repeat("Name must be unique within a namespace. ", 10)
	column := `{"name":"Name","type":"string","format":"name","description":"` + description + `","priority":0}`
	body := `{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{"resourceVersion":"1234567"},` +
		`"columnDefinitions":[` + strings.Repeat(column+",", 3) + column + `],` +
		`"rows":[{"cells":["secret-000001","Opaque",1,"5d"],"object":null}]}`
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := decodeTable(strings.NewReader(body), nil); err != nil {
			b.Fatal(err)
		}
	}
}
