package rewriter

import (
	"context"
	"math/rand/v2"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Defaults of Options.
const (
	// DefaultMaxConcurrency bounds the requests in flight. The pacing stays below
	// it where the server has no use for so many.
	DefaultMaxConcurrency = 64
	// DefaultPatience is how long a run goes on without one answer of the server.
	DefaultPatience = 2 * time.Minute

	shortPatience = 30 * time.Second // for faults that may be lasting
)

// Options say what to examine, and how. The zero value of every field but Config
// and Method has a meaning.
type Options struct {
	// Config leads to the API server. Its own rate limit is not used.
	Config *rest.Config
	// Method is ReadOnly, Sample, Probe or Rewrite; the first alone writes nothing.
	Method v1alpha1.CoverageMethod
	// Resources default to the Secrets.
	Resources []Resource
	// Namespace and Selector (of labels) narrow the run.
	Namespace, Selector string
	// SampleSize is how many objects of each resource a Sample draws.
	SampleSize int

	// Cluster and KeyARN are what EKS said; they go into the report.
	Cluster v1alpha1.Cluster
	KeyARN  string
	// Record is what ReadOnly rests on, if there is one.
	Record *Record

	// MaxConcurrency bounds the requests in flight; 0 means DefaultMaxConcurrency.
	MaxConcurrency int
	// QPS bounds the writes a second; 0 means no bound.
	QPS float64
	// Patience is how long to go on without one answer; 0 means DefaultPatience.
	Patience time.Duration

	// Progress is called from one goroutine, a few times a second.
	Progress func(Progress)

	// Now, Sleep and Random stand for the clock and the dice; nil means the real ones.
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Random *rand.Rand
}

func (o *Options) complete() {
	if len(o.Resources) == 0 {
		o.Resources = []Resource{Secrets}
	}
	if o.MaxConcurrency <= 0 {
		o.MaxConcurrency = DefaultMaxConcurrency
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
