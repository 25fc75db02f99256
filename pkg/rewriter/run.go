// Package rewriter determines which existing API objects are encrypted with the
// cluster's current write key, and re-encrypts the others.
//
// Its only write to them is the no-op write: a merge patch that names an object's
// own uid and resourceVersion and changes nothing. The API server skips the storage
// write only if the stored bytes are already what it would write with its current
// key (GuaranteedUpdate in k8s.io/apiserver/pkg/storage/etcd3/store.go). So if the
// response has the same resourceVersion, the object is proven current. If it has a
// new one, the object was stale, or an admission webhook changed it, and it has now
// been written with the current key. The recheck at the end finds the objects that
// change on every write.
//
// Only metadata is read. Objects are listed and written by client.go alone, which
// accepts nothing but PartialObjectMetadata in protobuf. It is hand-written because
// client-go's metadata client sends a last-resort Accept header without "as=" and
// unmarshals whatever it receives, so a server or proxy that ignores "as" would put
// the values of Secrets into memory. This client reads at most 128 bytes of such a
// response. It also logs no response body. Discovery, the record and migrations hold no
// secret values; resources.go, record.go and migrate.go use client-go for them.
//
// The package depends on neither cobra nor AWS.
package rewriter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// Result is the outcome of a run.
type Result struct {
	Report *v1alpha1.CoverageReport
	// Versions holds the resourceVersions of the first and of the closing list, by
	// resource. A version is empty if that list was not completed.
	Versions map[string][2]string
	// Whole is false if the run was limited to a namespace or to some labels.
	Whole bool
}

// Run examines the resources one after the other. When the context ends, Run sends
// no further request, waits for the responses to those in flight, and returns the
// counts so far with the verdict Incomplete and the context's error. An error on
// one resource does not stop the others. Run stops early only if the server no
// longer responds.
func Run(ctx context.Context, options Options) (*Result, error) {
	options.complete()
	c, err := newClient(options.Config)
	if err != nil {
		return nil, err
	}
	started := metav1.NewTime(options.Now())
	report := &v1alpha1.CoverageReport{
		TypeMeta:   v1alpha1.TypeMeta(v1alpha1.KindCoverageReport),
		ObjectMeta: metav1.ObjectMeta{Name: options.Cluster.Name},
		Cluster:    options.Cluster, Method: options.Method, KeyARN: options.KeyARN, StartedAt: &started,
	}
	whole := options.Namespace == "" && options.Selector == ""
	result := &Result{Report: report, Versions: map[string][2]string{}, Whole: whole}
	limiter := limiter.New(options.MaxConcurrency, options.Now)
	var summaries []resourceSummary
	var failures []error
	for _, resource := range options.Resources {
		r := newRun(c, limiter, resource, options)
		err := r.withProgress(func() error {
			if options.Method == v1alpha1.MethodReadOnly {
				return r.verifyReadOnly(ctx)
			}
			return r.writeAndRecheck(ctx)
		})
		s := r.summary(err)
		summaries = append(summaries, s)
		report.Resources = append(report.Resources, s.ResourceCoverage)
		report.Notes = append(report.Notes, r.notes...)
		result.Versions[resource.String()] = [2]string{r.before, r.after}
		if err != nil {
			failures = append(failures, err)
			if ctx.Err() != nil || !isStatus(err) || errors.Is(err, errNoResponse) {
				break
			}
		}
	}
	finished := metav1.NewTime(options.Now())
	report.FinishedAt = &finished
	report.Verdict, report.Statement = summarize(&options, summaries)
	if options.Method != v1alpha1.MethodReadOnly &&
		slices.ContainsFunc(summaries, func(s resourceSummary) bool { return s.Rewritten > 0 }) {
		report.Notes = append(report.Notes, webhookNote)
	}
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

	inventory      *inventory
	counts         [states]atomic.Int64 // number of objects in each state
	lastResponse   atomic.Int64         // time of the last conclusive response, in Unix nanoseconds
	responded      atomic.Bool          // there was at least one conclusive response
	authorized     atomic.Bool          // at least one write was authorized
	forbiddenCount atomic.Int64         // writes that RBAC forbade
	phase          atomic.Pointer[Phase]
	closing        bool // an object is done only after a write that changed nothing

	mu            sync.Mutex // guards the fields below
	random        *rand.Rand
	failures      map[int]v1alpha1.Failure // by index of the object
	notes         []string
	partial       bool // some objects could not be listed
	undecryptable bool // a list stayed undecryptable during its retries; further ones are not retried
}

func newRun(c *client, limiter *limiter.Limiter, resource Resource, o Options) *run {
	namespace := o.Namespace
	if !resource.Namespaced {
		namespace = ""
	}
	r := &run{
		scope: scope{resource, namespace, o.Selector}, client: c, limiter: limiter,
		now: o.Now, sleep: o.Sleep, patience: o.Patience, options: &o,
		inventory: newInventory(), random: o.Random, failures: map[int]v1alpha1.Failure{},
	}
	if o.QPS > 0 {
		r.qps = rate.NewLimiter(rate.Limit(o.QPS), 1)
	}
	r.lastResponse.Store(o.Now().UnixNano())
	r.enter(PhaseListing)
	return r
}

// writeAndRecheck sends no-op writes to every object, or to a sample.
func (r *run) writeAndRecheck(ctx context.Context) error {
	if err := r.listAll(ctx); err != nil {
		return err
	}
	if sampling(r.options.Method) {
		r.chooseSample(r.options.SampleSize)
	}
	r.enter(PhaseWriting)
	if err := r.writeAll(ctx); err != nil {
		return err
	}
	return r.recheck(ctx)
}

// move changes the state of object i. Only one goroutine at a time may do this for
// the same object.
func (r *run) move(i int, to state) {
	o := &r.inventory.objects[i]
	r.counts[o.state].Add(-1)
	o.state = to
	r.counts[to].Add(1)
}

// add adds an object that appeared after the first list, and returns its index.
func (r *run) add(item listed) int {
	i := r.inventory.addLate(item)
	r.counts[pending].Add(1)
	return i
}

// fail marks object i as failed and records err.
func (r *run) fail(i int, err error) { r.moveWithError(i, failed, err) }

// deferObject postpones object i to the next round and records err, which is
// reported only if the object still fails at the end.
func (r *run) deferObject(i int, err error) { r.moveWithError(i, deferred, err) }

func (r *run) moveWithError(i int, to state, err error) {
	o := &r.inventory.objects[i]
	reason, message := describe(err)
	r.move(i, to)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[i] = v1alpha1.Failure{
		Namespace: r.inventory.namespace(o), Name: o.name, Reason: reason, Message: message,
	}
}

// jitter returns a random number in [0, 1).
func (r *run) jitter() float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.random.Float64()
}

func (r *run) note(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}
