package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// recorder records the bodies of all requests and responses.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// record reads the body, appends it to the recording and returns it.
func (r *recorder) record(body io.Reader) []byte {
	raw, _ := io.ReadAll(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Write(raw)
	return raw
}

// No value of a secret is sent between the plugin and the API server, in either direction, or is in
// the memory of the plugin, in any mode. The plugin prints no value, even at the highest verbosity.
func TestNoValue(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", "50", "--size", "200").Must(t)
	const marker = "the-value-that-must-stay-secret"
	var items []string // apply copies the value into an annotation
	for i := range 60 {
		items = append(items, fmt.Sprintf(`{"apiVersion":"v1","kind":"Secret","metadata":{"name":"applied-%d",`+
			`"namespace":"default"},"stringData":{"password":"%s"}}`, i, marker))
	}
	kubectl(t, l, "apply", `{"apiVersion":"v1","kind":"List","items":[`+strings.Join(items, ",")+`]}`)
	var forbidden []string
	for _, value := range append([]string{marker}, secretValues(t, l)...) {
		forbidden = append(forbidden, value, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	recorder := &recorder{}
	config := recordingConfig(t, l, recorder)
	for _, test := range []struct {
		args  []string
		names bool // it takes long enough that the search must find names of secrets in the memory
	}{
		{[]string{"verify"}, false},
		{[]string{"verify", "--sample", "10"}, false},
		{[]string{"verify", "--by-metrics"}, false},
		{[]string{"rewrite", "--max-concurrency", "2"}, true},
		{[]string{"verify", "--probe", "--max-concurrency", "2"}, false},
		{[]string{"rewrite", "--all-resources"}, false},
		{[]string{"audit", "--verify-data"}, false},
		{[]string{"audit", "--verify-data", "--sample", "20"}, false},
	} {
		recorder.all.Reset()
		cmd := l.Command(t, "kubectl-eks_encrypt", append(append(test.args, proxyFlags(config)...), "-v=10")...)
		stdout, stderr, found := searchedMemory(t, cmd, "/secrets/applied-", forbidden[:10])
		if code := cmd.ProcessState.ExitCode(); code == 2 || !strings.Contains(stdout, "ecrets") {
			t.Errorf("%v: exit code = %d\n%.2000s", test.args, code, stderr)
		}
		recorded := recorder.all.String()
		if !strings.Contains(recorded, "applied-") || test.names && !found {
			t.Errorf("%v: names of secrets were recorded: %t, in the memory: %t, want both", test.args,
				strings.Contains(recorded, "applied-"), found)
		}
		for _, value := range forbidden {
			if strings.Contains(recorded, value) || strings.Contains(stdout+stderr, value) {
				t.Fatalf("%v: the value %q was sent or printed", test.args, value)
			}
		}
	}
	// The recording finds values where they are read: metadata has them.
	recorder.all.Reset()
	l.Run(t, "kubectl-eks_encrypt", append([]string{"verify", "--read-metadata"}, proxyFlags(config)...)...)
	if !strings.Contains(recorder.all.String(), marker) {
		t.Error("verify --read-metadata has read no value, want that the annotations have some")
	}
}

// secretValues returns the first 64 bytes of all values above 16 bytes of all secrets.
func secretValues(t *testing.T, l *labtest.Lab) (values []string) {
	t.Helper()
	var list struct {
		Items []struct{ Data map[string][]byte }
	}
	raw := l.Run(t, "kubectl", "get", "secrets", "-A", "-o", "json").Must(t)
	if err := json.Unmarshal([]byte(raw), &list); err != nil {
		t.Fatal(err)
	}
	for _, item := range list.Items {
		for _, value := range item.Data {
			if len(value) > 16 {
				values = append(values, string(value[:min(len(value), 64)]))
			}
		}
	}
	if len(values) < 50 {
		t.Fatalf("%d values, want at least 50", len(values))
	}
	return values
}

// slowdown delays the requests for secrets, so that the process can be examined in between.
const slowdown = 20 * time.Millisecond

// recordingConfig returns a kubeconfig for a proxy that records all bodies.
func recordingConfig(t *testing.T, l *labtest.Lab, recorder *recorder) string {
	t.Helper()
	return startProxy(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader(recorder.record(r.Body)))
			if strings.Contains(r.URL.Path, "/secrets") {
				time.Sleep(slowdown)
			}
			next.ServeHTTP(w, r)
		})
	}, func(r *http.Response) error {
		body := recorder.record(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	})
}
