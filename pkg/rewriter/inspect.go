package rewriter

import (
	"context"
	"math"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// InspectServers reads the metrics of every API server, and compares the keys that they
// write with. It writes nothing. It requires list on leases and get on /metrics; without
// them, the result says what is unknown. It waits up to 12 seconds if some servers may have ended.
func InspectServers(ctx context.Context, config *rest.Config, keyARN string) (*v1alpha1.APIServers, error) {
	o := Options{Config: config}
	o.complete()
	s, err := findServers(ctx, &o, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if s.roster != nil && s.roster.Doubtful() { // a server with a slow clock lives, too
		if err := s.settle(ctx); err != nil {
			return nil, err
		}
		if err := s.renew(ctx); err != nil {
			return nil, err
		}
	}
	report := s.report(s.ids(), keyARN)
	found := &v1alpha1.APIServers{
		Live: report.Live, Reached: report.Reached, WriteKey: report.WriteKey, Reason: report.Reason,
		Agreement: s.metricsAgree(),
	}
	latest := 0.0
	for _, lane := range s.voters() {
		key, ok := lane.server.WriteKey()
		if ok {
			latest = max(latest, lane.server.Metrics.LastWrite[key])
		}
		if lane.server.Err != nil && found.Reason == "" {
			found.Reason = lane.server.Err.Error()
		}
	}
	if latest > 0 {
		at := metav1.NewTime(time.Unix(int64(math.Floor(latest)), 0))
		found.LastWritten = &at
	}
	health := s.health(ctx)
	if health.Known {
		found.KMSHealthy = &health.OK
	}
	if health.Known && !health.OK {
		found.Reason = health.Reason
	}
	return found, nil
}

// health returns whether the KMS plugins of all live servers work. It is unknown if some servers were not reached or
// do not report it, unless the plugin of one does not work.
func (s *servers) health(ctx context.Context) apiserver.Health {
	all := apiserver.Health{Known: s.covers(s.ids()), OK: true}
	for _, lane := range s.voters() {
		health, err := apiserver.KMSHealthReason(ctx, lane.Lane)
		switch {
		case err != nil || !health.Known:
			all.Known = false
		case !health.OK:
			return health
		}
	}
	return all
}

// metricsAgree reports whether the metrics of all live servers name one write key.
func (s *servers) metricsAgree() v1alpha1.Agreement {
	if s.keysDiffer() {
		return v1alpha1.Disagree
	}
	var common apiserver.Key
	for i, lane := range s.identified() {
		key, ok := lane.server.WriteKey()
		if !ok || i > 0 && key != common {
			return v1alpha1.AgreementUnknown
		}
		common = key
	}
	if !s.covers(s.ids()) {
		return v1alpha1.AgreementUnknown
	}
	return v1alpha1.Agree
}
