package rewriter

import (
	"context"
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// hintContradicted is the hint of errContradicted. A wrong record contradicts the API servers as well.
const hintContradicted = "nothing further was written; wait until EKS has replaced its API servers. " +
	"If ConfigMap " + recordName + " is known to be wrong, --no-record ignores it"

// mayWrite returns an error if writes may move objects back to an older key: the servers
// that were reached may lag behind one that was not.
func (s *servers) mayWrite(o *Options) error {
	report := s.report(s.ids(), o.KeyARN)
	if reason := s.contradiction(o); reason != "" {
		return hint.Wrap(fmt.Errorf("%w: %s", errContradicted, reason), hintContradicted)
	}
	switch {
	case s.covers(s.ids()), report.WriteKey == v1alpha1.WriteKeyMatchesARN, s.recorded(o):
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

// confine returns an error if not all live servers were reached, and a connection for the
// writes leads to another one than those that were.
func (s *servers) confine(ctx context.Context, c *client) error {
	ids := s.ids()
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
			return hint.Wrap(fmt.Errorf("%w: a connection for writes led to one of these", errNotReached),
				"nothing further was written; run it again later")
		}
	}
	return nil
}
