package rewriter

import (
	"maps"
	"sync"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// maxUnseen is how long a run may go without reading the Leases, and still know every server: the Lease of a
// server that has ended is deleted after an hour.
const maxUnseen = 50 * time.Minute

// met is what the Leases have shown during a run. It is safe for concurrent use.
type met struct {
	mu      sync.Mutex
	renewed map[string]time.Time // latest renewal, by name
	created map[string]time.Time // earliest creation, by name
	read    time.Time            // when they were read last
	unseen  time.Duration        // longest time between two reads
}

// add adds a roster that was read at a time by the clock of this computer.
func (m *met) add(r *apiserver.Roster, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.renewed == nil {
		m.renewed, m.created, m.read = map[string]time.Time{}, map[string]time.Time{}, at
	}
	m.read, m.unseen = at, max(m.unseen, elapsed(m.read, at))
	for name, renewed := range r.Renewed {
		if known, ok := m.renewed[name]; !ok || renewed.After(known) {
			m.renewed[name] = renewed
		}
		if known, ok := m.created[name]; !ok || r.Created[name].Before(known) {
			m.created[name] = r.Created[name]
		}
	}
}

// renewals returns the latest renewal of each Lease.
func (m *met) renewals() map[string]time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return maps.Clone(m.renewed)
}
