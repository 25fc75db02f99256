package apiserver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
)

// serve starts a TLS server and returns a lane to it.
func serve(t *testing.T, handler http.HandlerFunc) *Lane {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	lane, err := Open(&rest.Config{Host: server.URL, TLSClientConfig: rest.TLSClientConfig{Insecure: true}}, 3)
	if err != nil {
		t.Fatal(err)
	}
	return lane
}

// A server is identified by its metrics, or by its certificate, once per connection.
func TestIdentify(t *testing.T) {
	var scrapes atomic.Int64
	page, code := samplePage, http.StatusOK
	lane := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			scrapes.Add(1)
		}
		w.WriteHeader(code)
		fmt.Fprint(w, page)
	})
	traced, connection := lane.Trace(t.Context())
	ask := func() {
		resp, err := lane.Do(traced, Request{Method: http.MethodGet, Path: "/version", Accept: "application/json"})
		if err != nil {
			t.Fatal(err)
		}
		drain(resp.Body)
	}
	ask()
	for range 3 {
		server, err := lane.Identify(t.Context(), connection())
		if err != nil || server.ID != "sha256:s" || server.Metrics == nil {
			t.Fatalf("Identify = %+v, %v", server, err)
		}
	}
	if scrapes.Load() != 1 {
		t.Errorf("scrapes = %d, want 1", scrapes.Load())
	}

	// After the connection has ended, the server behind the next one is not known.
	lane.Close()
	old := connection()
	ask()
	if connection() == old {
		t.Fatalf("connection = %s, want another one", old)
	}
	code, page = http.StatusForbidden, "forbidden"
	server, err := lane.Identify(t.Context(), connection())
	if err != nil || server.ID[:12] != "certificate " || server.Metrics != nil || server.Err == nil {
		t.Errorf("Identify without metrics = %+v, %v, want the certificate", server, err)
	}
}

// Identity belongs to a connection: that of another one is not taken for it.
func TestIdentifyAnotherConnection(t *testing.T) {
	lane := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, samplePage) })
	if server, err := lane.Identify(t.Context(), "a connection that has ended"); err != nil || server.ID != "" {
		t.Errorf("Identify = %+v, %v, want no server", server, err)
	}
}

func TestLive(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	roster := func(renewed map[string]time.Duration) *Roster {
		r := &Roster{Now: now, Renewed: map[string]time.Time{}}
		for name, ago := range renewed {
			r.Renewed[name] = now.Add(-ago)
		}
		return r
	}
	earlier := roster(map[string]time.Duration{"slow": 2 * time.Hour, "dead": time.Hour})
	latest := roster(map[string]time.Duration{
		"fresh": time.Second, "ahead": -3 * time.Hour, "slow": 2*time.Hour - 10*time.Second, "dead": time.Hour,
	})
	for _, test := range []struct {
		earlier *Roster
		want    []string
	}{
		{nil, []string{"ahead", "fresh"}},
		{earlier, []string{"ahead", "fresh", "slow"}}, // a slow clock, but renewed since
	} {
		got := latest.Live(test.earlier)
		if slices.Sort(got); !slices.Equal(got, test.want) {
			t.Errorf("Live = %v, want %v", got, test.want)
		}
	}
	before := roster(map[string]time.Duration{"ahead": time.Second, "slow": time.Second, "dead": time.Second})
	if fresh, live := latest.New(before); fresh != 1 || live != 2 {
		t.Errorf("New = %d of %d, want 1 of 2", fresh, live)
	}
	if !latest.Doubtful() {
		t.Error("Doubtful = false, want true")
	}
}

func TestReadRosterErrors(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"forbidden": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
		"no Leases": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"items":[]}`) },
		"HTML":      func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `<html>`) },
	} {
		if r, err := ReadRoster(t.Context(), serve(t, handler)); err == nil {
			t.Errorf("%s: ReadRoster = %+v, want an error", name, r)
		}
	}
}

func TestKMSHealthReason(t *testing.T) {
	const verbose = "[+]ping ok\n[-]kms-providers failed: reason withheld\nreadyz check failed\n"
	tests := []struct {
		name, check, all string
		checkCode        int
		want             Health
	}{
		{"healthy", "ok", "", 200, Health{Known: true, OK: true}},
		{"the reason", "internal server error: kms-providers failed: KMS is disabled", "", 500,
			Health{Known: true, Reason: "internal server error: kms-providers failed: KMS is disabled"}},
		{"not allowed, failed", "forbidden", verbose, 403,
			Health{Known: true, Reason: "kms-providers failed: reason withheld"}},
		{"not allowed, healthy", "forbidden", "[+]ping ok\n[+]kms-providers ok\n", 403,
			Health{Known: true, OK: true, Reason: "kms-providers ok"}},
		{"no such check", "404 page not found", "[+]ping ok\n", 404, Health{}},
	}
	for _, test := range tests {
		lane := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/readyz" {
				w.WriteHeader(http.StatusInternalServerError)
				fmt.Fprint(w, test.all)
				return
			}
			w.WriteHeader(test.checkCode)
			fmt.Fprint(w, test.check)
		})
		if got, err := KMSHealthReason(t.Context(), lane); err != nil || got != test.want {
			t.Errorf("%s: KMSHealthReason = %+v, %v, want %+v", test.name, got, err, test.want)
		}
	}
}
