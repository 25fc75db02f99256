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

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// recorder keeps all that goes through it, decompressed.
type recorder struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (r *recorder) keep(body io.Reader) []byte {
	raw, _ := io.ReadAll(body)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all.Write(raw)
	return raw
}

// No value of a secret crosses the wire between the plugin and the API server, in
// either direction, nor does the plugin print one at the highest verbosity.
func TestNoValueOnTheWire(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", "50", "--size", "200").Must(t)
	const marker = "the-value-that-nobody-may-see"
	l.Run(t, "kubectl", "create", "secret", "generic", "marked", "--from-literal=password="+marker).Must(t)
	values := secretValues(t, l)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	record := &recorder{}
	config := recordingConfig(t, l, record)
	said := ""
	for _, args := range [][]string{{"verify"}, {"verify", "--sample", "10"}, {"rewrite"}, {"rewrite", "--all-resources"}} {
		out := l.Run(t, "kubectl-eks_encrypt", append(append(args, byName(config)...), "-v=10")...)
		if out.Code == 2 || !strings.Contains(out.Stdout, "secrets") {
			t.Errorf("%v: exit code %d\n%.2000s", args, out.Code, out.Stderr)
		}
		said += out.Stdout + out.Stderr
	}
	if record.all.Len() < 10_000 {
		t.Fatalf("only %d bytes were recorded", record.all.Len())
	}
	if !strings.Contains(said, "marked") && !strings.Contains(record.all.String(), "marked") {
		t.Error("the marked secret's name was not seen: the recorder doesn't record")
	}
	for _, value := range append(values, marker) {
		for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
			if strings.Contains(record.all.String(), form) || strings.Contains(said, form) {
				t.Fatalf("the value %q crossed the wire or was printed", form)
			}
		}
	}
}

// secretValues are all values of all secrets, by the admin.
func secretValues(t *testing.T, l *labtest.Lab) (values []string) {
	t.Helper()
	var list struct {
		Items []struct{ Data map[string][]byte }
	}
	if err := json.Unmarshal([]byte(l.Run(t, "kubectl", "get", "secrets", "-A", "-o", "json").Must(t)), &list); err != nil {
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
		t.Fatalf("only %d values", len(values))
	}
	return values
}

// recordingConfig is a kubeconfig that leads through the recorder.
func recordingConfig(t *testing.T, l *labtest.Lab, record *recorder) string {
	t.Helper()
	return between(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader(record.keep(r.Body)))
			next.ServeHTTP(w, r)
		})
	}, func(r *http.Response) error {
		body := record.keep(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Length", fmt.Sprint(len(body)))
		return nil
	})
}
