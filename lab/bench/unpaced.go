package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

const (
	// unpacedRequests is the number of concurrent requests of the unpaced client. It
	// keeps every core of a small API server busy, also behind a round trip of 40 ms.
	unpacedRequests = 256
	// unpacedLanes is its number of connections, so that each API server has some.
	unpacedLanes = 8

	acceptTable = "application/json;as=Table;v=v1;g=meta.k8s.io"
)

// unpaced sends the plugin's requests as fast as the server accepts them, without
// pacing, proof and closing pass. Its rate is the server's limit.
func unpaced(objects int) method { return fixed(methodLoader, unpacedRequests, objects) }

// fixed writes with a fixed number of concurrent requests.
func fixed(name string, level, objects int) method {
	run := func(ctx context.Context, l *benchLab, server, namespace string) (int64, error) {
		w, err := newWriter(ctx, l, server)
		if err != nil {
			return 0, err
		}
		defer w.close()
		names, err := w.list(ctx, namespace)
		if err != nil {
			return 0, err
		}
		if n := w.writeAll(ctx, namespace, names, level); n > 0 || len(names) != objects {
			return 0, fmt.Errorf("%d of %d writes failed, want 0 of %d", n, len(names), objects)
		}
		return 0, nil
	}
	return method{name: name, objects: objects, run: run}
}

// writer sends the plugin's requests over several connections.
type writer struct {
	lanes []*apiserver.Lane
	next  atomic.Uint64
}

func newWriter(ctx context.Context, l *benchLab, server string) (*writer, error) {
	config, err := l.as(ctx, "cluster-admin", server)
	if err != nil {
		return nil, err
	}
	w := &writer{}
	for i := range unpacedLanes {
		lane, err := apiserver.Open(rest.CopyConfig(config), i)
		if err != nil {
			return nil, err
		}
		w.lanes = append(w.lanes, lane)
	}
	return w, nil
}

func (w *writer) close() {
	for _, lane := range w.lanes {
		lane.Close()
	}
}

func (w *writer) do(ctx context.Context, r apiserver.Request) (*http.Response, error) {
	r.Accept = acceptTable
	r.Query.Set("includeObject", "None")
	return w.lanes[w.next.Add(1)%uint64(len(w.lanes))].Do(ctx, r)
}

// list returns the names of the secrets in a namespace.
func (w *writer) list(ctx context.Context, namespace string) ([]string, error) {
	var names []string
	for token := ""; ; {
		resp, err := w.do(ctx, apiserver.Request{
			Method: http.MethodGet, Path: "/api/v1/namespaces/" + namespace + "/secrets",
			Query: url.Values{"limit": {"2000"}, "continue": {token}},
		})
		if err != nil {
			return nil, err
		}
		var page struct {
			Metadata struct{ Continue string }
			Rows     []struct{ Cells []any }
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		for _, row := range page.Rows {
			name, ok := row.Cells[0].(string)
			if !ok {
				return nil, fmt.Errorf("the first cell of a row is %v, want a name", row.Cells[0])
			}
			names = append(names, name)
		}
		if token = page.Metadata.Continue; token == "" {
			return names, nil
		}
	}
}

// writeAll writes the objects with a fixed number of concurrent requests, and
// returns how many writes failed.
func (w *writer) writeAll(ctx context.Context, namespace string, names []string, inFlight int) (failed int64) {
	var next, failures atomic.Int64
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(names); i = int(next.Add(1)) - 1 {
				if w.write(ctx, namespace, names[i]) != nil {
					failures.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return failures.Load()
}

// write sends a patch that changes nothing, and repeats it while the server
// returns 429, at most 20 times.
func (w *writer) write(ctx context.Context, namespace, name string) error {
	path := "/api/v1/namespaces/" + namespace + "/secrets/" + name
	for try := 0; ; try++ {
		resp, err := w.do(ctx, apiserver.Request{
			Method: http.MethodPatch, Path: path, Query: url.Values{"fieldValidation": {"Ignore"}},
			ContentType: "application/merge-patch+json", Body: []byte("{}"),
		})
		if err != nil {
			return err
		}
		raw, _ := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusTooManyRequests && try < 20:
			continue
		case resp.StatusCode != http.StatusOK, !strings.HasPrefix(string(raw), `{"kind":"Table"`):
			return fmt.Errorf("PATCH %s: %s", path, resp.Status)
		}
		return nil
	}
}
