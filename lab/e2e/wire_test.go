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

// No value of a secret is sent between the plugin and the API server, in either
// direction. The plugin prints no value, even at the highest verbosity.
func TestNoValueOnTheWire(t *testing.T) {
	l := labtest.Start(t, "--association-time", "1s")
	l.Lab(t, "seed", "--secrets", "50", "--size", "200").Must(t)
	const marker = "the-value-that-must-stay-secret"
	// apply copies the value into an annotation.
	kubectl(t, l, "apply", `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"marked","namespace":"default"},`+
		`"stringData":{"password":"`+marker+`"}}`)
	values := secretValues(t, l)
	l.Plugin(t, "associate", "alias/lab", "--yes").Must(t)

	recorder := &recorder{}
	config := recordingConfig(t, l, recorder)
	printed := ""
	for _, args := range [][]string{
		{"verify"}, {"verify", "--sample", "10"}, {"verify", "--by-metrics"}, {"rewrite"}, {"verify", "--probe"},
		{"rewrite", "--all-resources"},
	} {
		out := l.Run(t, "kubectl-eks_encrypt", append(append(args, proxyFlags(config)...), "-v=10")...)
		if out.Code == 2 || !strings.Contains(out.Stdout, "secrets") {
			t.Errorf("%v: exit code = %d\n%.2000s", args, out.Code, out.Stderr)
		}
		printed += out.Stdout + out.Stderr
	}
	if recorder.all.Len() < 10_000 {
		t.Fatalf("%d bytes were recorded, want at least 10000", recorder.all.Len())
	}
	if !strings.Contains(printed, "marked") && !strings.Contains(recorder.all.String(), "marked") {
		t.Error("the name of the marked secret was not recorded")
	}
	for _, value := range append(values, marker) {
		for _, form := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
			if strings.Contains(recorder.all.String(), form) || strings.Contains(printed, form) {
				t.Fatalf("the value %q was sent or printed", form)
			}
		}
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

// recordingConfig returns a kubeconfig for a proxy that records all bodies.
func recordingConfig(t *testing.T, l *labtest.Lab, recorder *recorder) string {
	t.Helper()
	return startProxy(t, l, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Body = io.NopCloser(bytes.NewReader(recorder.record(r.Body)))
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
