package rewriter

import (
	"context"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// identified returns one connection to each server that was identified.
func (s *servers) identified() []serverLane {
	return slices.DeleteFunc(s.voters(), func(lane serverLane) bool { return lane.server.ID == "" })
}

// keysDiffer reports whether the metrics of two servers show that they have no write key
// in common. This costs no write.
func (s *servers) keysDiffer() bool {
	voters := s.voters()
	for i, a := range voters {
		for _, b := range voters[:i] {
			keyA, okA := a.server.WriteKey()
			keyB, okB := b.server.WriteKey()
			if okA && okB && !a.server.WroteLately(keyB) && !b.server.WroteLately(keyA) {
				return true
			}
		}
	}
	return false
}

// writeKey compares the write keys that the servers name to the ARN.
func (s *servers) writeKey(arn string) v1alpha1.WriteKey {
	result := v1alpha1.WriteKeyUnknown
	for _, lane := range s.identified() {
		key, ok := lane.server.WriteKey()
		switch {
		case !ok || arn == "":
			return v1alpha1.WriteKeyUnknown
		case key.Hash != apiserver.Hash(arn):
			return v1alpha1.WriteKeyUnrecognized
		}
		result = v1alpha1.WriteKeyMatchesARN
	}
	return result
}

// awaitKey waits until every server has written since now, unless their metrics name the
// expected key already: that of the ARN, or without one, a common key. Metrics name the key of
// the last write. Each server renews its Lease, so that they name the current key soon.
func (s *servers) awaitKey(ctx context.Context, o *Options) error {
	switch {
	case s.metrics() == nil, o.KeyARN == "" && s.writeHash() != "",
		s.writeKey(o.KeyARN) == v1alpha1.WriteKeyMatchesARN:
		return nil
	}
	if err := o.Sleep(ctx, apiserver.Settle); err != nil {
		return err
	}
	s.refresh(ctx)
	return nil
}

// writeHash returns the hash of the key that all servers write with; empty if they name
// none, or different ones.
func (s *servers) writeHash() string {
	hash := ""
	for i, lane := range s.identified() {
		key, ok := lane.server.WriteKey()
		if !ok || i > 0 && key.Hash != hash {
			return ""
		}
		hash = key.Hash
	}
	return hash
}

// recorded reports whether the servers write with the key that a run has recorded whose
// positive control passed.
func (s *servers) recorded(o *Options) bool {
	hash := s.writeHash()
	return hash != "" && o.Record.matches(o.Cluster.ARN, o.KeyARN) && o.Record.WriteKey == hash
}
