package rewriter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// Result is the outcome of a run.
type Result struct {
	Report *v1alpha1.CoverageReport
	// Versions holds the resourceVersions at the first and at the closing list, by
	// resource. A version is empty if that list was not completed.
	Versions map[string][2]string
	// Whole is false if the run was limited to a namespace or to some labels.
	Whole bool
	// Agreed reports whether all live API servers agreed at the end.
	Agreed bool
	// Contradicted reports whether the API servers do not write with the current key.
	Contradicted bool
	// Bounded reports whether a sample bounds the number of stale objects: the storage wrote none.
	Bounded bool
	// ServerTime is the clock of an API server at the end.
	ServerTime time.Time
	// WriteKey is the hash of the key that all API servers name; empty if unknown.
	WriteKey string
}

// session is what the runs of all resources share.
type session struct {
	options *Options
	client  *client
	limiter *limiter.Limiter
	guard   *guard
	servers *servers // nil for the methods that do not write
	found   time.Time
	runs    []*run
}

// Run examines the resources one after the other. When the context ends, Run sends
// no further request, waits for the responses to those in flight, and returns the
// counts so far with the verdict Incomplete and the context's error. An error on
// one resource does not stop the others. Run stops early only if the server no
// longer responds, if its database is full, or if the API servers disagree.
func Run(ctx context.Context, options Options) (*Result, error) {
	return runEach(ctx, options, func(ctx context.Context, r *run, s *session) error {
		switch options.Method {
		case v1alpha1.MethodReadOnly:
			return r.verifyReadOnly(ctx)
		case v1alpha1.MethodMetrics:
			return r.verifyByMetrics(ctx, s.servers)
		}
		return r.writeAndRecheck(ctx, s)
	})
}

// examination is what a run does with each resource.
type examination func(context.Context, *run, *session) error

// runEach examines the resources, and returns the report.
func runEach(ctx context.Context, options Options, examine examination) (*Result, error) {
	options.complete()
	s, err := newSession(ctx, &options)
	if err != nil {
		return nil, err
	}
	defer s.close()
	started := metav1.NewTime(options.Now())
	report := &v1alpha1.CoverageReport{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindCoverageReport),
		ObjectMeta: metav1.ObjectMeta{Name: options.Cluster.Name},
		Cluster:    options.Cluster, Method: options.Method, KeyARN: options.KeyARN, StartedAt: &started,
		Notes: options.Notes,
	}
	result := &Result{
		Report: report, Versions: map[string][2]string{},
		Whole: options.Namespace == "" && options.Selector == "",
	}
	t := newTotal(&options)
	watched, err := s.servers.watch(ctx)
	if err != nil {
		return nil, err
	}
	err = s.examine(ctx, &t, result, examine)
	watched()
	if s.servers != nil {
		err = errors.Join(err, s.conclude(ctx, &t, report))
	}
	result.Contradicted = t.contradicted > 0 || errors.Is(err, errContradicted)
	finished := metav1.NewTime(options.Now())
	report.FinishedAt = &finished
	report.Verdict = t.verdict()
	report.Statement = t.statement(report.Verdict)
	report.Control = t.control
	result.Agreed, result.Bounded, result.ServerTime = t.agreed(), t.bounded(), s.now()
	if s.servers != nil {
		result.WriteKey = s.servers.writeHash()
	}
	return result, err
}

// writes reports whether a method sends no-op writes.
func writes(m v1alpha1.CoverageMethod) bool {
	return m != v1alpha1.MethodReadOnly && m != v1alpha1.MethodMetrics
}

// newSession connects, and checks what must hold before the first write.
func newSession(ctx context.Context, o *Options) (*session, error) {
	s := &session{options: o, found: o.Now()}
	s.guard = &guard{
		quota: o.EtcdQuota, bytes: rate.NewLimiter(rate.Limit(o.MaxBytes), int(o.MaxBytes)), now: o.Now, sleep: o.Sleep,
	}
	if err := s.connect(ctx); err != nil {
		return nil, err
	}
	lanes, distance := 1, time.Duration(0)
	if s.servers != nil {
		if s.servers.metrics() != nil {
			s.guard.metrics = s.servers.scrape
		}
		distance = s.servers.distance()
		lanes = min(max(len(s.servers.voters()), 1), maxWriteLanes) + o.MaxConcurrency/streamsPerLane
	}
	pace := pacing(o.MaxConcurrency, distance)
	pace.Now, pace.Sleep = o.Now, o.Sleep
	s.limiter = limiter.New(pace)
	var err error
	s.client, err = newClient(o.Config, lanes)
	return s, err
}

// connect finds the API servers and checks admission at the same time, as far as the method
// needs this.
func (s *session) connect(ctx context.Context) error {
	both, bothContext := errgroup.WithContext(ctx)
	if s.options.Method != v1alpha1.MethodReadOnly {
		both.Go(func() (err error) {
			s.servers, err = findServers(bothContext, s.options, nil)
			return err
		})
	}
	if writes(s.options.Method) {
		both.Go(func() error { return s.checkAdmission(bothContext) })
	}
	err := both.Wait()
	if err != nil && s.servers != nil {
		s.servers.close()
	}
	return err
}

// Numbers of connections for the writes. An API server allows 100 requests at the same
// time on each.
const (
	maxWriteLanes  = 4
	streamsPerLane = 100
)

// checkAdmission notes the webhooks and policies that may change the objects, or
// returns them as an error if such changes are not allowed.
func (s *session) checkAdmission(ctx context.Context) error {
	err := CheckAdmission(ctx, s.options.Config, s.options.Resources)
	var admission *AdmissionError
	switch {
	case err == nil:
	case !errors.As(err, &admission), !s.options.AllowAdmissionChanges:
		return err
	default:
		s.options.admission = true
		s.options.Notes = append(slices.Clone(s.options.Notes), admission.Error())
	}
	return nil
}

func (s *session) close() {
	s.client.close()
	if s.servers != nil {
		s.servers.close()
	}
}

// now returns the clock of an API server if it is known.
func (s *session) now() time.Time {
	if s.servers == nil {
		return s.options.Now()
	}
	return s.servers.now(s.options.Now())
}

// examine examines the resources.
func (s *session) examine(ctx context.Context, t *total, result *Result, examine examination) error {
	var failures []error
	for _, resource := range s.options.Resources {
		r := newRun(s, resource)
		err := r.withProgress(func() error { return examine(ctx, r, s) })
		summary := r.summary(err)
		t.add(summary)
		s.runs = append(s.runs, r)
		r.inventory = nil // only the witnesses are needed from here on
		result.Report.Resources = append(result.Report.Resources, summary.ResourceCoverage)
		result.Report.Notes = append(result.Report.Notes, r.notes...)
		result.Versions[resource.String()] = [2]string{r.before, r.after}
		if err != nil {
			failures = append(failures, err)
			if ctx.Err() != nil || endsAll(err) {
				break
			}
		}
	}
	return errors.Join(failures...)
}

// conclude asks all servers again at the end, over new connections, and reports what they showed.
func (s *session) conclude(ctx context.Context, t *total, report *v1alpha1.CoverageReport) error {
	var err error
	if t.control == v1alpha1.ControlPassed && ctx.Err() == nil {
		// A webhook that was added during the run may have changed the objects that the storage took.
		if err := CheckAdmission(ctx, s.options.Config, s.options.Resources); err != nil {
			t.withdrawControl(report, err)
		}
	}
	if ctx.Err() == nil && !t.stopped {
		if err = s.agreeAtEnd(ctx, t); err != nil {
			err = fmt.Errorf("ask the API servers at the end: %w", err)
		}
	}
	if s.options.Method == v1alpha1.MethodMetrics {
		early := err != nil || ctx.Err() != nil || t.stopped
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
