package rewriter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// Result is what a run established.
type Result struct {
	Report *v1alpha1.CoverageReport
	// Versions are the resourceVersions of the lists before and after, by resource.
	Versions map[string]Versions
	// Whole is false for a run over one namespace or some labels only.
	Whole bool
}

// Versions are the resourceVersions of a resource's lists.
type Versions struct {
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Run examines the resources one after the other. When the context ends, it
// stops sending, waits for the answers on the way, and returns the true counts so
// far with the verdict Incomplete and the context's error. Any other error says
// what could not be examined: a resource that cannot be listed or patched does not
// keep the others from it, a server that no longer answers does.
func Run(ctx context.Context, options Options) (*Result, error) {
	options.complete()
	c, err := newClient(options.Config)
	if err != nil {
		return nil, err
	}
	begun := metav1.NewTime(options.Now())
	report := &v1alpha1.CoverageReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindCoverageReport), ObjectMeta: metav1.ObjectMeta{Name: options.Cluster.Name},
		Cluster: options.Cluster, Method: options.Method, KeyARN: options.KeyARN, StartedAt: &begun,
	}
	result := &Result{Report: report, Versions: map[string]Versions{}, Whole: options.Namespace == "" && options.Selector == ""}
	limiter := limiter.NewLimiter(options.MaxConcurrency, options.Now)
	var tallies []tally
	var failures []error
	for _, resource := range options.Resources {
		r := newRun(c, limiter, resource, options)
		err := r.watched(func() error {
			if options.Method == v1alpha1.MethodReadOnly {
				return r.read(ctx)
			}
			return r.prove(ctx)
		})
		t := r.tally(err)
		tallies = append(tallies, t)
		report.Resources = append(report.Resources, t.ResourceCoverage)
		report.Notes = append(report.Notes, t.notes...)
		result.Versions[resource.String()] = Versions{r.before, r.after}
		if err != nil {
			failures = append(failures, err)
			if ctx.Err() != nil || !isStatus(err) || errors.Is(err, errPatience) {
				break
			}
		}
	}
	finished := metav1.NewTime(options.Now())
	report.FinishedAt = &finished
	report.Verdict, report.Statement = conclude(&options, tallies)
	return result, errors.Join(failures...)
}

// run examines one resource.
type run struct {
	scope
	client   *client
	limiter  *limiter.Limiter
	qps      *rate.Limiter
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	patience time.Duration
	options  *Options

	before, after string // resourceVersions of the first and of the closing list

	inventory  *inventory
	counts     [states]atomic.Int64 // objects by state; what the report's law rests on
	lastAnswer atomic.Int64         // when the server last answered, in Unix nanoseconds
	answered   atomic.Bool          // it did at all
	forbidden  atomic.Int64         // answers that lacked a right, while there were no others
	phase      atomic.Pointer[Phase]
	closing    bool // every write must be refused now, sooner or later

	mu       sync.Mutex // guards what follows
	dice     *rand.Rand
	failures map[int]v1alpha1.Failure // by index of the object
	notes    []string
	partial  bool // something could not even be listed
	lasting  bool // an undecryptable object stayed so for a while
	byRecord bool // what is proven rests on a record
}

func newRun(c *client, limiter *limiter.Limiter, resource Resource, o Options) *run {
	namespace := o.Namespace
	if !resource.Namespaced {
		namespace = ""
	}
	r := &run{
		scope: scope{resource, namespace, o.Selector}, client: c, limiter: limiter,
		now: o.Now, sleep: o.Sleep, patience: o.Patience, options: &o,
		inventory: newInventory(), dice: o.Random, failures: map[int]v1alpha1.Failure{},
	}
	if o.QPS > 0 {
		r.qps = rate.NewLimiter(rate.Limit(o.QPS), 1)
	}
	r.lastAnswer.Store(o.Now().UnixNano())
	r.enter(PhaseListing)
	return r
}

// prove examines every object (or a sample) by no-op writes.
func (r *run) prove(ctx context.Context) error {
	if err := r.take(ctx); err != nil {
		return err
	}
	if sampling(r.options.Method) {
		r.draw(r.options.SampleSize)
	}
	r.enter(PhaseWriting)
	if err := r.pass(ctx); err != nil {
		return err
	}
	return r.close(ctx)
}

// move puts an object into another state. Every object has one goroutine at a
// time that may do this.
func (r *run) move(i int, to state) {
	o := &r.inventory.objects[i]
	r.counts[o.state].Add(-1)
	o.state = to
	r.counts[to].Add(1)
}

// add takes in an object that appeared after the first list, and returns its index.
func (r *run) add(item listed) int {
	i := r.inventory.addLate(item)
	r.counts[pending].Add(1)
	return i
}

// fail notes why an object could not be examined.
func (r *run) fail(i int, err error) { r.hold(i, failed, err) }

// hold puts an object into a state that is not the end of it, with the reason;
// the reason counts only if the object fails in the end.
func (r *run) hold(i int, to state, err error) {
	o := &r.inventory.objects[i]
	reason, message := describe(err)
	r.move(i, to)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[i] = v1alpha1.Failure{Namespace: r.inventory.namespace(o), Name: o.name, Reason: reason, Message: message}
}

func (r *run) random() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dice.Float64()
}

func (r *run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}
