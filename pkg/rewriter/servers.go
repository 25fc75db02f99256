package rewriter

import (
	"context"
	"fmt"
	"strings"
	"time"

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
	// Two servers behind a proxy that chooses at random for each request are missed with
	// a probability of 1 in 16 for each connection.
	poolRequests = 5

	scrapeTries = 5

	laneErrors = 3 // connections without a response, one after the other
)

// servers are connections to the API servers of the cluster, one after the other
// opened until every live server was reached. They use HTTP/1.1, so each stays with one
// server.
type servers struct {
	config *rest.Config
	lanes  []serverLane
	roster *apiserver.Roster
	live   map[string]bool // by the hash of the Lease's name
	reason string          // why the live servers are unknown
	pooled bool            // a proxy spreads the requests of one connection over servers
}

type serverLane struct {
	*apiserver.Lane
	server    apiserver.Server
	responded bool
}

// findServers lists the Leases and opens connections. earlier is a roster of the same
// run; nil if there is none.
func findServers(ctx context.Context, o *Options, earlier *apiserver.Roster) (*servers, error) {
	s := &servers{config: apiserver.HTTP1(o.Config), live: map[string]bool{}}
	lane, err := s.open(ctx)
	if err != nil {
		return nil, err
	}
	for try := range rosterTries {
		if s.roster, err = apiserver.ReadRoster(ctx, lane); err == nil || apiserver.Refused(err) {
			break
		}
		if err := o.Sleep(ctx, pause(try, nil, 1)); err != nil {
			return nil, err
		}
	}
	if err != nil {
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
	first := s.roster
	for waited := time.Duration(0); waited < apiserver.RenewedLately && !s.covers(s.ids()); waited += rosterPause {
		if err := o.Sleep(ctx, rosterPause); err != nil {
			return nil, err
		}
		latest, err := apiserver.ReadRoster(ctx, lane)
		if err != nil {
			continue
		}
		s.roster = latest
		s.setLive(first)
		if s.unreachedRenewed(first) {
			break // it lives, and needs more connections
		}
	}
	return s, s.reach(ctx, maxLanes)
}

// setLive takes the live servers from the roster.
func (s *servers) setLive(earlier *apiserver.Roster) {
	clear(s.live)
	for _, name := range s.roster.Live(earlier) {
		s.live[apiserver.Hash(name)] = true
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

// reach opens connections until every live server was reached, at most n.
func (s *servers) reach(ctx context.Context, n int) error {
	failed := 0
	for len(s.lanes) < n && failed < laneErrors && (len(s.lanes) < minLanes || !s.covers(s.ids())) {
		if _, err := s.open(ctx); err != nil {
			return err
		}
		if failed++; s.lanes[len(s.lanes)-1].responded {
			failed = 0
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

// open opens one more connection and identifies its server. An API server that does not
// respond here is reported by the requests that follow.
func (s *servers) open(ctx context.Context) (*apiserver.Lane, error) {
	lane, err := apiserver.Open(s.config, len(s.lanes))
	if err != nil {
		return nil, err
	}
	var server apiserver.Server
	for range scrapeTries {
		if server, err = lane.Identify(ctx, ""); err == nil || ctx.Err() != nil {
			break
		}
	}
	s.checkPool(ctx, lane)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		server.Err = err
	}
	s.lanes = append(s.lanes, serverLane{lane, server, err == nil})
	return lane, nil
}

// checkPool checks whether all requests of a connection reach one server, as far as their
// addresses can be read.
func (s *servers) checkPool(ctx context.Context, lane *apiserver.Lane) {
	first, connection := "", ""
	for range poolRequests {
		address, over, err := lane.Address(ctx)
		switch {
		case err != nil:
		case first == "" || over != connection: // another connection may lead to another server
			first, connection = address, over
		case address != first:
			s.pooled = true
			s.reason = "a proxy spreads the requests of one connection over several API servers"
			return
		}
	}
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
	case len(s.live) == 0, s.pooled:
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

// scrape reads the metrics of a server again.
func (s *servers) scrape(ctx context.Context) (*apiserver.Metrics, error) {
	server, _, err := s.lanes[0].Scrape(ctx)
	if err == nil && server.Metrics == nil {
		err = server.Err
	}
	return server.Metrics, err
}
