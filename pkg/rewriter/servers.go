package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// Numbers of connections. With two servers behind a random balancer, 16 connections
// miss one of them with a probability of 1 in 32,768.
const (
	maxLanes     = 32
	unknownLanes = 16 // if it is unknown how many servers there are
	minLanes     = 2
	firstLanes   = 12 // before it is checked which servers live

	rosterPause = 3 * time.Second
	rosterTries = 6
	// unknownBatch is how many connections are opened together if it is unknown how many servers
	// there are.
	unknownBatch = 4

	// scrapeInterval is the time between the starts of two connections. Each reads the metrics, which
	// keeps a processor of the API server busy for about 50 ms. Other users need the second one.
	scrapeInterval = 60 * time.Millisecond

	laneErrors = 3 // connections without a response, one after the other
)

// servers are connections to the API servers of the cluster, opened until every live
// server was reached. They use HTTP/1.1, so each stays with one server.
type servers struct {
	config *rest.Config
	clock  func() time.Time
	sleep  func(context.Context, time.Duration) error
	lanes  []serverLane
	roster *apiserver.Roster
	found  time.Time       // when the roster was read
	live   map[string]bool // by the hash of the Lease's name
	reason string          // why the live servers are unknown
	spread bool            // the addresses on one connection differ
	met    met
	start  *baseline // nil before the first judgement
}

// findServers lists the Leases and opens connections. earlier is a roster of the same
// run; nil if there is none.
func findServers(ctx context.Context, o *Options, earlier *apiserver.Roster) (*servers, error) {
	s := &servers{config: apiserver.HTTP1(o.Config), clock: o.Now, sleep: o.Sleep, live: map[string]bool{}}
	err := s.open(ctx, minLanes)
	if err != nil {
		return nil, err
	}
	if s.roster, err = s.readRoster(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s.reason = err.Error()
		return s, s.reach(ctx, unknownLanes)
	}
	s.setLive(earlier)
	if err := s.reach(ctx, firstLanes); err != nil {
		return nil, err
	}
	if s.covers(s.ids()) {
		return s, nil
	}
	// A Lease that no connection reached may be that of a server that has just ended, or be new.
	first, lived := s.roster, maps.Clone(s.live)
	for waited := time.Duration(0); waited < apiserver.RenewedLately && !s.covers(s.ids()); waited += rosterPause {
		if err := o.Sleep(ctx, rosterPause); err != nil {
			return nil, err
		}
		latest, err := apiserver.ReadRoster(ctx, s.lanes[0].Lane)
		if err != nil {
			continue
		}
		s.roster = latest
		s.setLive(first)
		if waited+rosterPause < apiserver.Settle { // one with a slow clock may not have renewed it yet
			s.keepLive(lived)
		}
		if s.unreachedRenewed(first) {
			break // it lives, and needs more connections
		}
	}
	return s, s.reach(ctx, maxLanes)
}

// reach opens connections until every live server was reached, at most n. It ends early
// if one connection after the other gets no response.
func (s *servers) reach(ctx context.Context, n int) error {
	failed := 0
	for len(s.lanes) < n && failed < laneErrors && !s.covers(s.ids()) {
		batch := unknownBatch
		if len(s.live) > 0 {
			batch = max(len(s.live)-s.reached(s.ids()), 1)
		}
		opened := len(s.lanes)
		if err := s.open(ctx, min(batch, n-opened)); err != nil {
			return err
		}
		for _, lane := range s.lanes[opened:] {
			if failed++; lane.responded {
				failed = 0
			}
		}
	}
	return nil
}

func (s *servers) enough() int {
	if s.roster == nil {
		return unknownLanes
	}
	return maxLanes
}

// open opens n more connections one after the other, without waiting for their servers, and
// identifies these.
func (s *servers) open(ctx context.Context, n int) error {
	lanes := make([]serverLane, n)
	group, groupContext := errgroup.WithContext(ctx)
	for i := range lanes {
		group.Go(func() (err error) {
			select {
			case <-time.After(time.Duration(i) * scrapeInterval):
			case <-groupContext.Done():
			}
			lanes[i], err = connect(groupContext, s.config, len(s.lanes)+i)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	s.spread = checkPools(ctx, lanes) || s.spread
	s.lanes = append(s.lanes, lanes...)
	return context.Cause(ctx)
}

// distance returns the round-trip time to the nearest server; 0 if it is unknown.
func (s *servers) distance() time.Duration {
	nearest := time.Duration(0)
	for _, lane := range s.lanes {
		if nearest == 0 || lane.distance > 0 && lane.distance < nearest {
			nearest = lane.distance
		}
	}
	return nearest
}

// pooled reports whether a proxy spreads the requests of one connection over several servers.
func (s *servers) pooled() bool {
	return s.spread || slices.ContainsFunc(s.lanes, func(lane serverLane) bool { return lane.Pooled() })
}

func (s *servers) close() {
	for _, lane := range s.lanes {
		lane.Close()
	}
}

// ids returns the servers that the connections led to.
func (s *servers) ids() map[string]bool {
	ids := map[string]bool{}
	for _, lane := range s.lanes {
		if lane.server.ID != "" {
			ids[lane.server.ID] = true
		}
	}
	return ids
}

// byLease reports whether a server was identified by its Lease.
func byLease(id string) bool { return strings.HasPrefix(id, "sha256:") }

// reached returns how many of the live servers are among ids.
func (s *servers) reached(ids map[string]bool) int {
	n := 0
	certificates := 0
	for id := range ids {
		switch {
		case s.live[id] || byLease(id) && s.roster == nil:
			n++
		case !byLease(id):
			certificates++
		}
	}
	if n == 0 {
		return certificates
	}
	return n
}

// covers reports whether ids are all live servers.
func (s *servers) covers(ids map[string]bool) bool {
	switch n := s.reached(ids); {
	case len(s.live) == 0, s.pooled():
		return false
	case len(s.live) == 1 && len(ids) <= 1:
		return n == len(ids) // one server needs no identity
	default:
		return n == len(s.live) && n == len(ids)
	}
}

// voters returns one connection to each identified server, and all those to servers
// that are not identified.
func (s *servers) voters() []serverLane {
	var chosen []serverLane
	seen := map[string]bool{}
	for _, lane := range s.lanes {
		if lane.server.ID == "" || !seen[lane.server.ID] {
			chosen = append(chosen, lane)
		}
		seen[lane.server.ID] = true
	}
	return chosen
}

// now returns the clock of an API server, or the given time if it is unknown.
func (s *servers) now(fallback time.Time) time.Time {
	if s.roster != nil {
		return s.roster.Now
	}
	for _, lane := range s.lanes {
		if !lane.server.Now.IsZero() {
			return lane.server.Now
		}
	}
	return fallback
}

// report describes the servers with these ids.
func (s *servers) report(ids map[string]bool, keyARN string) *v1alpha1.CoverageServers {
	report := &v1alpha1.CoverageServers{
		Live: len(s.live), Reached: s.reached(ids), WriteKey: s.writeKey(keyARN), Reason: s.reason,
	}
	if s.pooled() {
		report.Reason = "a proxy spreads the requests of one connection over several API servers"
	}
	for id := range ids {
		report.By = v1alpha1.ServerByCertificate
		if byLease(id) {
			report.By = v1alpha1.ServerByLease
			break
		}
	}
	if report.Reached == 0 && len(s.live) == 1 {
		report.Reached = 1
	}
	if report.Reason == "" && !s.covers(ids) {
		report.Reason = fmt.Sprintf("%d connections led to %d of them", len(s.lanes), report.Reached)
	}
	return report
}

// metrics returns the metrics of a server; nil if those of none are readable.
func (s *servers) metrics() *apiserver.Metrics {
	for _, lane := range s.lanes {
		if lane.server.Metrics != nil {
			return lane.server.Metrics
		}
	}
	return nil
}

// refresh reads the metrics of every server again. Those of a server that does not respond stay as they were.
func (s *servers) refresh(ctx context.Context) {
	for i := range s.lanes {
		if server, _, err := s.lanes[i].Scrape(ctx); err == nil {
			s.lanes[i].server = server
		}
	}
}

// scrape reads the metrics of a server that names the size of the database again.
func (s *servers) scrape(ctx context.Context) (m *apiserver.Metrics, err error) {
	for _, lane := range s.lanes {
		server, _, scraped := lane.Scrape(ctx)
		if scraped == nil && server.Metrics != nil && server.Metrics.StorageBytes > 0 {
			return server.Metrics, nil
		}
		m, err = server.Metrics, cmp.Or(scraped, server.Err)
	}
	if err == nil && m == nil {
		err = errors.New("the metrics of no API server are readable")
	}
	return m, err
}
