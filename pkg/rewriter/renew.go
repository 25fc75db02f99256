package rewriter

import (
	"context"
	"slices"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// renew takes into account which API servers began or ended since the connections were opened. One that
// began may still have the old key, so it must be compared with the others before further writes. The
// roster stays that of the start.
func (s *servers) renew(ctx context.Context) error {
	if s.roster == nil {
		return nil
	}
	latest, err := s.readRoster(ctx)
	if err != nil {
		return context.Cause(ctx) // it is read again at the end
	}
	s.met.add(latest, s.clock())
	names := latest.Live(s.roster.Late())
	if s.lost(latest, names) { // it has ended, or is late: the next renewal shows which
		if err := s.sleep(ctx, apiserver.Settle); err != nil {
			return err
		}
		again, err := s.readRoster(ctx)
		if err != nil {
			return context.Cause(ctx)
		}
		s.met.add(again, s.clock())
		names = again.Live(latest)
	}
	clear(s.live)
	for _, name := range names {
		s.live[apiserver.Hash(name)] = true
	}
	s.lanes = slices.DeleteFunc(s.lanes, func(lane serverLane) bool {
		ended := byLease(lane.server.ID) && !s.live[lane.server.ID]
		if ended {
			lane.Close()
		}
		return ended
	})
	if len(s.lanes) == 0 {
		if err := s.open(ctx, minLanes); err != nil {
			return err
		}
	}
	return s.reach(ctx, maxLanes)
}

// settle waits until another roster shows of each Lease that was not renewed lately whether its server has
// ended, or has a slow clock.
func (s *servers) settle(ctx context.Context) error {
	if s.roster == nil || !s.roster.Doubtful() {
		return nil
	}
	if wait := apiserver.Settle - elapsed(s.found, s.clock()); wait > 0 {
		return s.sleep(ctx, wait)
	}
	return nil
}

// meetInterval is how often a run reads which servers there are: before the Lease of one that began and
// ended in between is deleted.
const meetInterval = 20 * time.Minute

// watch notes the servers that begin until the returned function is called. s may be nil.
func (s *servers) watch(ctx context.Context) (end func(), err error) {
	if s == nil {
		return func() {}, nil
	}
	lane, err := apiserver.Open(s.config, 0)
	if err != nil {
		return nil, err
	}
	return background(ctx, func(ctx context.Context) {
		defer lane.Close()
		ticker := time.NewTicker(meetInterval)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			if roster, err := apiserver.ReadRoster(ctx, lane); err == nil {
				s.met.add(roster, s.clock())
			}
		}
	}), nil
}
