package rewriter

import (
	"cmp"
	"context"
	"math/rand/v2"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
)

// Defaults of Options.
const (
	// DefaultMaxConcurrency is the default bound on concurrent requests. The limiter
	// stays below it if the server cannot handle that many.
	DefaultMaxConcurrency = 64
	// DefaultPatience is how long a run continues without a conclusive response.
	DefaultPatience = 2 * time.Minute

	shortPatience = 30 * time.Second // for faults that may be permanent
)

// Options configure a run. The zero value of every field except Config and Method
// is valid.
type Options struct {
	// Config connects to the API server. Its rate limit does not apply to Run.
	Config *rest.Config
	// Method is ReadOnly, Metrics, Sample, Probe or Rewrite. ReadOnly and Metrics write nothing.
	Method v1alpha1.CoverageMethod
	// Resources defaults to Secrets.
	Resources []Resource
	// Namespace and Selector (a label selector) limit the run.
	Namespace, Selector string
	// SampleSize is the number of objects of each resource in a Sample.
	SampleSize int

	// Cluster and KeyARN are as reported by EKS. They are copied to the report.
	Cluster v1alpha1.Cluster
	KeyARN  string
	// Record is the record that ReadOnly and the positive control rely on; nil if there
	// is none.
	Record *Record

	// MaxConcurrency bounds the requests in flight; 0 means DefaultMaxConcurrency.
	MaxConcurrency int
	// QPS bounds the writes per second; 0 means unlimited.
	QPS float64
	// Patience is how long to continue without a conclusive response; 0 means DefaultPatience.
	Patience time.Duration

	// AllowAdmissionChanges permits writes although mutating webhooks or policies match
	// the resources, or although this could not be determined.
	AllowAdmissionChanges bool
	// ReadMetadata lets ReadOnly read metadata, which may hold values of Secrets.
	ReadMetadata bool
	// MaxBytes bounds the bytes that the storage writes per second; 0 means DefaultMaxBytes.
	MaxBytes float64
	// EtcdQuota is the quota of the database in bytes; 0 means DefaultEtcdQuota.
	EtcdQuota float64
	// Partial is true if some resources could not be discovered. Notes are copied to the report.
	Partial bool
	Notes   []string

	// Progress is called from one goroutine, a few times per second.
	Progress func(Progress)

	// Now, Sleep and Random replace the clock and the random source in tests; nil means the real ones.
	Now    func() time.Time
	Sleep  func(context.Context, time.Duration) error
	Random *rand.Rand

	admission bool // webhooks or policies may change the objects
}

func (o *Options) complete() {
	if len(o.Resources) == 0 {
		o.Resources = []Resource{Secrets()}
	}
	if o.MaxConcurrency <= 0 {
		o.MaxConcurrency = DefaultMaxConcurrency
	}
	if o.Patience <= 0 {
		o.Patience = DefaultPatience
	}
	o.MaxBytes, o.EtcdQuota = cmp.Or(o.MaxBytes, DefaultMaxBytes), cmp.Or(o.EtcdQuota, DefaultEtcdQuota)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = clock.Sleep
	}
	if o.Random == nil {
		o.Random = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
}
