package rewriter

import (
	"context"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// readRoster lists the Leases. If a server does not respond, it tries again over the connections in turn.
func (s *servers) readRoster(ctx context.Context) (roster *apiserver.Roster, err error) {
	for try := range rosterTries {
		if roster, err = apiserver.ReadRoster(ctx, s.lanes[try%len(s.lanes)].Lane); err == nil || apiserver.Refused(err) {
			return roster, err
		}
		if err := s.sleep(ctx, pause(try, nil, 1)); err != nil {
			return nil, err
		}
	}
	return roster, err
}

// setLive takes the live servers from the roster, which was read just now.
func (s *servers) setLive(earlier *apiserver.Roster) {
	s.found = s.clock()
	s.met.add(s.roster, s.found)
	clear(s.live)
	for _, name := range s.roster.Live(earlier) {
		s.live[apiserver.Hash(name)] = true
	}
}

// keepLive counts servers as live that still have a Lease.
func (s *servers) keepLive(ids map[string]bool) {
	for name := range s.roster.Renewed {
		if id := apiserver.Hash(name); ids[id] {
			s.live[id] = true
		}
	}
}

// unreachedRenewed reports whether a server that was not reached renewed its Lease.
func (s *servers) unreachedRenewed(first *apiserver.Roster) bool {
	ids := s.ids()
	for name, renewed := range s.roster.Renewed {
		before, known := first.Renewed[name]
		if !ids[apiserver.Hash(name)] && (!known || renewed.After(before)) {
			return true
		}
	}
	return false
}

// lost reports whether a server that lived has a Lease in the roster, but is not among the names of the living.
func (s *servers) lost(r *apiserver.Roster, names []string) bool {
	for name := range r.Renewed {
		if s.live[apiserver.Hash(name)] && !slices.Contains(names, name) {
			return true
		}
	}
	return false
}
