// Package rewriter determines which existing API objects are encrypted with the
// cluster's current write key, and re-encrypts the others.
//
// Its only write to them is the no-op write: an empty merge patch. The API server skips
// the storage write only if the stored bytes are already what it would write with its
// current key (GuaranteedUpdate in k8s.io/apiserver/pkg/storage/etcd3/store.go). So an
// object whose resourceVersion did not move is current, by the judgement of the API
// server that answered, at that moment. A run becomes a proof only if all API servers
// agree, before the first write and at the end (agreement.go).
//
// Only names are read. Objects are listed and written by client.go alone, which asks
// for Tables without objects, and reads no further if a response is anything else. It is
// hand-written because client-go's clients ask for metadata at least, and the
// annotations of a Secret may hold its values. It also logs no response body. Discovery,
// the record, admission and migrations hold no secret values; resources.go, record.go,
// admission.go and migrate.go use client-go for them.
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

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/limiter"
)

// run examines one resource.
type run struct {
	scope
	client   *client
	limiter  *limiter.Limiter
	qps      *rate.Limiter
	guard    *guard
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	patience time.Duration
	options  *Options

	before, after string // resourceVersions at the first and at the closing list
	orphans       bool   // the first list found objects in namespaces that do not exist

	inventory      *inventory
	counts         [states]atomic.Int64 // number of objects in each state
	silence        silence
	responded      atomic.Bool  // there was at least one conclusive response
	authorized     atomic.Bool  // at least one write was authorized
	forbiddenCount atomic.Int64 // writes that RBAC forbade
	partial        atomic.Bool  // some objects could not be listed
	undecryptable  atomic.Bool  // a list stayed undecryptable; further ones are not retried
	phase          atomic.Pointer[Phase]
	closing        bool // an object is done only after a write that changed nothing
	tolerant       bool // objects may change on every write: the API servers agree
	hanging        *hanging

	agreement v1alpha1.CoverageAgreement
	asked     int             // answers in polls
	ids       map[string]bool // the servers that answered the latest poll
	allBefore bool            // every live server took part in the comparison before the first write
	atEnd     bool            // the servers were asked at the end

	mu        sync.Mutex // guards the fields below
	random    *rand.Rand
	failures  map[int]v1alpha1.Failure // by index of the object
	notes     []string
	witnesses []witness
	control   control
	stale     int64         // objects that are shown to be stale, by metrics
	counted   apiserver.Key // the key under which current objects were counted, by metrics
}

func newRun(s *session, resource Resource) *run {
	o := s.options
	namespace := o.Namespace
	if !resource.Namespaced {
		namespace = ""
	}
	r := &run{
		scope:  scope{resource: resource, namespace: namespace, selector: o.Selector},
		client: s.client, limiter: s.limiter, guard: s.guard,
		now: o.Now, sleep: o.Sleep, patience: o.Patience, options: o, hanging: newHanging(o.MaxConcurrency, o.Now),
		inventory: newInventory(), random: o.Random, failures: map[int]v1alpha1.Failure{},
	}
	if o.QPS > 0 {
		r.qps = rate.NewLimiter(rate.Limit(o.QPS), 1)
	}
	r.silence.end(o.Now())
	r.enter(PhaseListing)
	return r
}

// writeAndRecheck sends no-op writes to every object, or to a sample.
func (r *run) writeAndRecheck(ctx context.Context, s *session) error {
	if err := r.listAll(ctx); err != nil {
		return err
	}
	if err := r.guard.begin(s.servers.metrics(), r.resource, r.counts[pending].Load()); err != nil {
		return err
	}
	if sampling(r.options.Method) {
		if err := r.confirmOrphans(ctx, r.orphans); err != nil {
			return err
		}
		r.chooseSample(r.options.SampleSize)
	}
	if err := r.readControls(ctx); err != nil {
		return err
	}
	r.enter(PhaseWriting)
	if err := r.agreeBefore(ctx, s.servers); err != nil {
		return err
	}
	if err := r.writeAll(ctx, s.servers); err != nil {
		return err
	}
	return r.recheck(ctx, s.servers)
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
func (r *run) add(namespace, name string, listVersion uint64) int {
	i := r.inventory.addLate(namespace, name, listVersion)
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
	if text := fmt.Sprintf(format, args...); !slices.Contains(r.notes, text) {
		r.notes = append(r.notes, text)
	}
}

// endsAll reports whether an error of one resource makes it useless to go on with the
// others.
func endsAll(err error) bool {
	return !isStatus(err) || errors.Is(err, errNoResponse) || IsUnsafe(err) || noSpace(err) ||
		errors.Is(err, errContradicted)
}
