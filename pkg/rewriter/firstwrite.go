package rewriter

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// hintContradicted is the hint of errContradicted. A wrong record contradicts the API servers as well.
const hintContradicted = "nothing further was written; wait until EKS has replaced its API servers. " +
	"If ConfigMap " + recordName + " is known to be wrong, --no-record ignores it"

// mayWrite returns an error if writes may move objects back to an older key: the servers with these ids
// may lag behind one that was not reached, or a connection for the writes leads to that one.
func (s *servers) mayWrite(ctx context.Context, ids map[string]bool, c *client, o *Options) error {
	if err := s.mayTrust(ids, o); err != nil {
		return err
	}
	return s.confine(ctx, ids, c)
}

// mayTrust returns an error if the servers with these ids may lag behind one that was not reached.
func (s *servers) mayTrust(ids map[string]bool, o *Options) error {
	report := s.report(ids, o.KeyARN)
	if reason := s.contradiction(o); reason != "" {
		return hint.Wrap(fmt.Errorf("%w: %s", errContradicted, reason), hintContradicted)
	}
	switch {
	case s.covers(ids), report.WriteKey == v1alpha1.WriteKeyMatchesARN, s.recorded(o):
		return nil
	case s.roster == nil && report.WriteKey == v1alpha1.WriteKeyUnknown:
		return nil // as far as can be known, they agree
	}
	err := fmt.Errorf("%w: %s", errNotReached, report.Reason)
	if s.metrics() == nil {
		return hint.Wrap(err, "nothing further was written; let the user read /metrics, which name the API server that "+
			"answers (`kubectl eks-encrypt generate rbac`)")
	}
	return hint.Wrap(err,
		"nothing further was written; run it again later, or over a connection that reaches every API server")
}

// contradiction returns how the key that the servers name contradicts the record; empty if it does not.
func (s *servers) contradiction(o *Options) string {
	hash := s.writeHash()
	switch record := o.Record; {
	case hash == "" || !record.matches(o.Cluster.ARN, o.KeyARN):
	case o.KeyARN != "" && hash == apiserver.Hash(o.KeyARN): // whatever id of the key was recorded
	case record.WriteKey != "" && record.WriteKey != hash:
		return "they name another key than in an earlier run"
	case record.WriteKeyBefore == hash:
		return "they still name the key from before the association"
	}
	return ""
}

// confine returns an error if ids are not all live servers, and a connection for the writes leads to another
// one.
func (s *servers) confine(ctx context.Context, ids map[string]bool, c *client) error {
	if s.covers(ids) || len(ids) == 0 {
		return nil
	}
	for _, lane := range c.lanes {
		server, err := lane.Identify(ctx, "")
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil:
			return fmt.Errorf("%w: %w", errNotReached, err)
		case !ids[server.ID]:
			return hint.Wrap(errStray, "nothing further was written; run it again later")
		}
	}
	return nil
}

// errStray means that writes may reach a server that was not compared with the others.
var errStray = fmt.Errorf("%w: a connection for writes led to one of these", errNotReached)

// confineInterval is how often a run looks whether a connection for the writes has moved.
const confineInterval = time.Second

// keepConfined looks after the connections for the writes, first at once, and then until the returned function is
// called. It calls stop if one of them leads to a server that was not compared. If all live servers were compared,
// they may move.
func (r *run) keepConfined(ctx context.Context, s *servers, stop context.CancelCauseFunc) (end func()) {
	ids := r.compared(s)
	if s.covers(ids) {
		return func() {}
	}
	dials := int64(-1)
	confined := func(ctx context.Context) bool {
		latest := r.client.dials()
		if latest == dials {
			return true
		}
		err := s.confine(ctx, ids, r.client)
		switch {
		case errors.Is(err, errStray):
			stop(err)
			return false
		case err == nil:
			dials = latest // otherwise a server did not respond
		}
		return true
	}
	if !confined(ctx) {
		return func() {}
	}
	return background(ctx, func(ctx context.Context) {
		for r.sleep(ctx, confineInterval) == nil && confined(ctx) {
		}
	})
}

// compared returns the servers that answered the latest comparison, or that were reached if there was none.
func (r *run) compared(s *servers) map[string]bool {
	if r.ids != nil {
		return r.ids
	}
	return s.ids()
}
