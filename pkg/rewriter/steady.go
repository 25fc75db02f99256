package rewriter

import (
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// steady reports whether no API server can have written with another key since the earlier
// connections were opened, that long ago. The comparisons before the first write and at the
// end show the key at these moments only: a server may have begun with the old key in
// between, and have followed, or ended, before the end.
func (s *servers) steady(earlier *servers, elapsed time.Duration) bool {
	if earlier.pooled() || s.roster != nil && earlier.roster == nil {
		return false
	}
	before, shown := earlier.ids(), map[string]bool{}
	for _, lane := range s.identified() {
		_, names := lane.server.WriteKey()
		if lane.server.ChangedKey(elapsed) || !names && !before[lane.server.ID] {
			return false
		}
		shown[lane.server.ID] = names
	}
	if s.roster == nil {
		return true
	}
	for name := range earlier.met.with(s.roster) {
		if _, known := earlier.roster.Renewed[name]; !known && !shown[apiserver.Hash(name)] {
			return false
		}
	}
	return true
}

// restarted reports whether the metrics of a server are those of another process than before.
func (s *servers) restarted(earlier *servers) bool {
	for _, lane := range s.identified() {
		for _, before := range earlier.identified() {
			if before.server.ID == lane.server.ID && !before.server.Metrics.SameProcess(lane.server.Metrics) {
				return true
			}
		}
	}
	return false
}
