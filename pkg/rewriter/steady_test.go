package rewriter

import (
	"maps"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// A server begins during the run with the old key, calls stale objects current, and has the new key at the end.
// Its Lease may be one of an earlier server, and it may have restarted, so that its metrics do not show the old key.
func TestServerThatComesBack(t *testing.T) {
	for _, metrics := range []bool{false, true} {
		for _, known := range []bool{false, true} {
			f := newFake(t)
			f.secrets("a", 60, oldKey)
			f.noMetrics(!metrics)
			f.keyID = "opaque"
			record := &Record{ClusterARN: "arn:c", KeyARN: "arn:key", ResourceVersionBefore: strconv.FormatUint(f.rev, 10)}
			for _, c := range f.objects {
				if c.name >= "a-00020" { // written since the association, by a server that lagged
					f.rev++
					c.rv = f.rev
				}
			}
			if known {
				f.leases["apiserver-1"] = time.Minute
			}
			patches, lists := 0, 0
			started := time.Now()
			var late *fakeServer
			f.intercept = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				f.mu.Lock()
				defer f.mu.Unlock()
				if known && late == nil {
					f.leases["apiserver-1"] = time.Minute + 2*time.Since(started) // its server does not renew it
				}
				switch {
				case r.Method == http.MethodPatch:
					patches++
				case listsSecrets(r):
					lists++
				}
				if patches == 30 && late == nil {
					f.servers[0].end()
					late = f.addServer()
					late.lags, late.noMetrics, late.remembers = true, !metrics, true
					f.balance = func(int) int { return 1 }
					return breakConnection(w)
				}
				if lists == 2 && late != nil {
					late.lags = false
					if late.started = 5000; metrics {
						clear(late.wrote)
					}
				}
				return false
			}
			o := options(f, v1alpha1.MethodRewrite)
			o.Sleep, o.MaxConcurrency, o.Namespace, o.Record = noSleep, 1, "default", record
			result, err := Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if f.byKey()[oldKey] == 0 {
				t.Error("no object is under the old key, so the test shows nothing")
			}
			if r := result.Report; r.Verdict == v1alpha1.CoverageProven {
				t.Errorf("metrics %t, known Lease %t: Proven: %s, but the storage has %v", metrics, known, r.Statement, f.byKey())
			}
			f.close()
		}
	}
}

func TestSteady(t *testing.T) {
	now := time.Unix(10_000, 0)
	newHash, oldHash := apiserver.Key{Hash: apiserver.Hash("new")}, apiserver.Key{Hash: apiserver.Hash("old")}
	wrote := func(started, newAt, oldAt float64) *apiserver.Metrics {
		m := &apiserver.Metrics{
			Server: apiserver.Hash("a"), Started: started, LastWrite: map[apiserver.Key]float64{newHash: newAt},
		}
		if oldAt > 0 {
			m.LastWrite[oldHash] = oldAt
		}
		return m
	}
	const created, elapsed = 5_000, 100 * time.Second
	tests := []struct {
		name       string
		start, end *apiserver.Metrics
		change     func(*met)
		want       bool
	}{
		{"one key", wrote(4_990, 9_899, 0), wrote(4_990, 9_999, 0), nil, true},
		{"another key shortly before the start", wrote(4_990, 9_890, 9_899.9), wrote(4_990, 9_999, 9_899.9), nil, true},
		{"another key after the start", wrote(4_990, 9_890, 9_899.9), wrote(4_990, 9_999, 9_901), nil, false},
		{"a restart in place", wrote(4_990, 9_899, 0), wrote(9_950, 9_999, 0), nil, true},
		{"a restart in place with another key", wrote(4_990, 9_899, 0), wrote(9_950, 9_999, 9_960), nil, false},
		{"a server that joins", nil, wrote(4_990, 9_999, 0), nil, true},
		{"a server that joins with another key", nil, wrote(4_990, 9_999, 9_960), nil, false},
		{"a server that joins and restarts", nil, wrote(5_010, 9_999, 0), nil, false},
		{"a server that joins without metrics", nil, nil, nil, false},
		{"a server that joins with a second Lease of its name", nil, wrote(4_990, 9_999, 0), func(m *met) {
			m.created["a"] = time.Unix(created-7200, 0)
		}, false},
		{"the Leases were read often enough", wrote(4_990, 9_899, 0), wrote(4_990, 9_999, 0), func(m *met) {
			m.unseen = maxUnseen
		}, true},
		{"the Leases were not read for too long", wrote(4_990, 9_899, 0), wrote(4_990, 9_999, 0), func(m *met) {
			m.unseen = maxUnseen + time.Second
		}, false},
	}
	for _, test := range tests {
		id := apiserver.Hash("a")
		start := &baseline{
			live: map[string]bool{}, ids: map[string]bool{}, metrics: map[string]*apiserver.Metrics{},
			renewed: map[string]time.Time{},
		}
		if test.start != nil {
			start.live[id], start.ids[id], start.metrics[id] = true, true, test.start
		}
		s := &servers{
			lanes:  []serverLane{{server: apiserver.Server{ID: id, Metrics: test.end, Now: now}}},
			roster: &apiserver.Roster{Now: now, Created: map[string]time.Time{"a": time.Unix(created, 0)}},
		}
		m := &met{renewed: map[string]time.Time{"a": now}, created: maps.Clone(s.roster.Created)}
		if test.change != nil {
			test.change(m)
		}
		if got := s.steady(start, m, elapsed); got != test.want {
			t.Errorf("%s: steady = %t, want %t", test.name, got, test.want)
		}
	}
}

func TestMet(t *testing.T) {
	at := func(minutes int) time.Time { return time.Unix(0, 0).Add(time.Duration(minutes) * time.Minute) }
	var m met
	for _, read := range []struct{ at, renewed, created int }{{100, 99, 10}, {120, 119, 10}, {180, 179, 150}} {
		m.add(&apiserver.Roster{
			Renewed: map[string]time.Time{"a": at(read.renewed)}, Created: map[string]time.Time{"a": at(read.created)},
		}, at(read.at))
	}
	if got := m.renewals()["a"]; m.unseen != time.Hour || !got.Equal(at(179)) || !m.created["a"].Equal(at(10)) {
		t.Errorf("unseen for %v, renewed at %v, created at %v; want 1h, the latest and the earliest", m.unseen, got,
			m.created["a"])
	}
}
