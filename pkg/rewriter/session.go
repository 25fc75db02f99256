package rewriter

import (
	"context"
	"errors"
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
	ended   bool // before all resources were examined: because of an error, or of the context
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
		patience: o.Patience,
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
			if s.ended = ctx.Err() != nil || endsAll(err); s.ended {
				break
			}
		}
	}
	return errors.Join(failures...)
}
