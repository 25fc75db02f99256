package rewriter

import (
	"context"
	"maps"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// startMargin is how much later than the creation of its Lease a server may seem to have started: the times
// are those of different clocks.
const startMargin = 3 * time.Second

// baseline is what was known about the API servers before the first object was judged.
type baseline struct {
	pooled  bool
	covered bool                          // every live server was reached
	live    map[string]bool               // by the hash of the Lease's name
	ids     map[string]bool               // of the servers that were reached
	metrics map[string]*apiserver.Metrics // by server
	renewed map[string]time.Time          // the Leases, by name; nil if they are unknown
	hash    string                        // of the key that all servers named; empty if they named none
}

// begin notes the baseline of a run, once.
func (s *servers) begin() {
	if s.start != nil {
		return
	}
	s.start = &baseline{
		pooled: s.pooled(), covered: s.covers(s.ids()), live: maps.Clone(s.live), ids: s.ids(), hash: s.writeHash(),
		metrics: map[string]*apiserver.Metrics{},
	}
	if s.roster != nil {
		s.start.renewed = s.met.renewals()
	}
	for _, lane := range s.identified() {
		s.start.metrics[lane.server.ID] = lane.server.Metrics
	}
}

// steady reports whether no API server can have written with another key since the run began, that long ago.
// m is what the Leases have shown since then. The comparisons before the first write and at the end show the
// key at these moments only: a server may have begun with the old key in between, and have followed, or ended,
// before the end.
func (s *servers) steady(start *baseline, m *met, elapsed time.Duration) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if start.pooled || s.roster != nil && (start.renewed == nil || m.unseen > maxUnseen) {
		return false
	}
	shown := map[string]bool{}
	for _, lane := range s.identified() {
		server := lane.server
		_, names := server.WriteKey()
		switch earlier := start.metrics[server.ID]; {
		case server.Metrics.SameProcess(earlier):
			if server.ChangedKeySince(earlier) {
				return false
			}
		case server.ChangedKey(elapsed):
			return false
		case !start.ids[server.ID] && (!names || !s.firstProcess(server, m.created)):
			return false
		}
		shown[server.ID] = names
	}
	if s.roster == nil {
		return true
	}
	for name, renewed := range m.renewed {
		before, known := start.renewed[name]
		ended := known && !renewed.After(before) // it has not run since
		if id := apiserver.Hash(name); !start.live[id] && !ended && !shown[id] {
			return false
		}
	}
	return true
}

// firstProcess reports whether a server is the process that created its Lease, and the first Lease of that name
// during the run, given when each was created. An earlier process may have written with another key, which the
// metrics of the present one do not show.
func (s *servers) firstProcess(server apiserver.Server, first map[string]time.Time) bool {
	if s.roster == nil || server.Metrics == nil || server.Metrics.Started == 0 {
		return false
	}
	for name, created := range s.roster.Created {
		if apiserver.Hash(name) == server.ID {
			started := time.UnixMilli(int64(server.Metrics.Started * 1000))
			return !created.IsZero() && !first[name].Before(created) && started.Before(created.Add(startMargin))
		}
	}
	return false
}

// restarted reports whether the metrics of a server are those of another process than at the start.
func (s *servers) restarted(start *baseline) bool {
	for _, lane := range s.identified() {
		if earlier, known := start.metrics[lane.server.ID]; known && !lane.server.Metrics.SameProcess(earlier) {
			return true
		}
	}
	return false
}

// keepKey reads the metrics of all servers, and reports whether they name the key of the start.
func (s *servers) keepKey(ctx context.Context) bool {
	s.refresh(ctx)
	return s.start != nil && s.start.hash != "" && s.writeHash() == s.start.hash && !s.restarted(s.start) &&
		len(s.identified()) == len(s.voters())
}
