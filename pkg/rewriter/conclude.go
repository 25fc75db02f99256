package rewriter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// conclude asks all servers again at the end, over new connections, and reports what they showed.
func (s *session) conclude(ctx context.Context, t *total, report *v1alpha1.CoverageReport) error {
	var err error
	if t.control == v1alpha1.ControlPassed && ctx.Err() == nil {
		// A webhook that was added during the run may have changed the objects that the storage took.
		if err := CheckAdmission(ctx, s.options.Config, s.options.Resources); err != nil {
			t.withdrawControl(report, err)
		}
	}
	if ctx.Err() == nil && !s.ended {
		if err = s.agreeAtEnd(ctx, t); err != nil {
			err = fmt.Errorf("ask the API servers at the end: %w", err)
		}
	}
	if s.options.Method == v1alpha1.MethodMetrics {
		early := err != nil || ctx.Err() != nil || s.ended
		if other := !early && s.countedOther(); early || other {
			t.changed = t.changed || other
			t.takeBack(report)
		}
	}
	var agreement v1alpha1.CoverageAgreement
	ids, asked := s.servers.ids(), false
	t.allBefore = true
	for _, r := range s.runs {
		t.allBefore = t.allBefore && (r.allBefore || r.agreement.Before == "") // there may be no objects
		agreement.Before = worse(agreement.Before, r.agreement.Before)
		agreement.After = worse(agreement.After, r.agreement.After)
		agreement.Connections = max(agreement.Connections, r.asked)
		if r.atEnd && r.ids != nil && (!asked || s.servers.reached(r.ids) < s.servers.reached(ids)) {
			ids, asked = r.ids, true
		}
	}
	if t.stopped || err != nil {
		agreement.After = worse(agreement.After, v1alpha1.AgreementUnknown)
	}
	agreement.Before = cmp.Or(agreement.Before, v1alpha1.AgreementUnknown) // nothing was compared
	agreement.After = cmp.Or(agreement.After, v1alpha1.AgreementUnknown)
	report.Servers = s.servers.report(ids, s.options.KeyARN)
	t.servers, t.covered = report.Servers, s.servers.covers(ids)
	t.recorded = s.servers.recorded(s.options)
	if s.options.Method != v1alpha1.MethodMetrics {
		report.Agreement, t.agreement = &agreement, agreement
	}
	return err
}

// agreeAtEnd opens new connections to all servers, and compares them. It ends at the first disagreement,
// because each comparison may move an object.
func (s *session) agreeAtEnd(ctx context.Context, t *total) error {
	earlier := s.servers
	earlier.begin()
	start := earlier.start
	if err := s.reopen(ctx); err != nil {
		return err
	}
	// The key must be known before the servers are asked: if they get another one in between,
	// they no longer call the proven objects current.
	if err := s.awaitKey(ctx, t); err != nil {
		return err
	}
	if s.servers.roster != nil {
		earlier.met.add(s.servers.roster, s.options.Now())
	}
	t.reachedBefore = start.covered
	t.changed = !s.servers.steady(start, &earlier.met, elapsed(s.found, s.options.Now()))
	hash := s.servers.writeHash()
	oneKey := !t.changed && hash != "" && hash == start.hash && !s.servers.restarted(start)
	for _, r := range s.runs {
		if err := r.agreeAfter(ctx, s.servers, oneKey); err != nil {
			return err
		}
		if r.atEnd = true; r.agreement.After == v1alpha1.Disagree {
			break
		}
	}
	return nil
}

// elapsed returns the time between two moments. The clock that Sub uses stands still while a laptop
// sleeps, but those of the servers do not.
func elapsed(from, to time.Time) time.Duration {
	return max(to.Sub(from), to.Round(0).Sub(from.Round(0)))
}

// countedOther reports whether reads were counted under another key than all servers write with now.
func (s *session) countedOther() bool {
	if s.options.Method != v1alpha1.MethodMetrics {
		return false
	}
	key, _, err := s.servers.commonWriteKey()
	return err != nil || slices.ContainsFunc(s.runs, func(r *run) bool { return r.counted != key })
}

// awaitKey waits until the metrics of every server name the key that it writes with now, if
// nothing else shows the key.
func (s *session) awaitKey(ctx context.Context, t *total) error {
	if s.options.KeyARN == "" || t.control == v1alpha1.ControlPassed || s.servers.recorded(s.options) {
		return nil
	}
	return s.servers.awaitKey(ctx, s.options)
}

// reopen opens new connections to the servers. If some Leases were not renewed lately,
// it first waits until those of living servers would be.
func (s *session) reopen(ctx context.Context) error {
	earlier := s.servers.roster
	if err := s.servers.settle(ctx); err != nil {
		return err
	}
	s.servers.close()
	latest, err := findServers(ctx, s.options, earlier)
	if err == nil {
		s.servers = latest
	}
	return err
}

// worse returns the worse of two agreements. A resource without objects has none.
func worse(a, b v1alpha1.Agreement) v1alpha1.Agreement {
	switch {
	case b == "" || a == b:
		return a
	case a == "":
		return b
	case a == v1alpha1.Disagree || b == v1alpha1.Disagree:
		return v1alpha1.Disagree
	}
	return v1alpha1.AgreementUnknown
}
