package rewriter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

const (
	// DefaultEtcdQuota is the database quota of an EKS cluster.
	DefaultEtcdQuota = 8 << 30
	// DefaultMaxBytes is how many bytes a second the storage may write.
	DefaultMaxBytes = 10 << 20

	stopShare   = 0.8     // of the quota
	maxGrowth   = 1 << 30 // bytes before a pause
	compaction  = 330 * time.Second
	watchSlow   = 15 * time.Second
	watchFast   = time.Second
	unknownSize = 2 << 10 // bytes of an object whose resource has no known size
)

// errNoSpace means that etcd has reached its quota.
var errNoSpace = errors.New("the database of the cluster is full")

// noSpace reports whether the API server failed because etcd has reached its quota.
func noSpace(err error) bool {
	return err != nil && (errors.Is(err, errNoSpace) || strings.Contains(err.Error(), "database space exceeded"))
}

func explainNoSpace(err error) error {
	if errors.Is(err, errNoSpace) {
		return err
	}
	err = fmt.Errorf("%w: etcd refuses the writes of every client, and does not heal without help: %w", errNoSpace, err)
	return hint.Wrap(err, "ask AWS support to compact and defragment etcd; deleting objects does not free space now")
}

// guard keeps a run from filling etcd: it watches the size of the database, pauses
// until old versions are compacted, and bounds the bytes written per second.
type guard struct {
	metrics  func(context.Context) (*apiserver.Metrics, error)
	quota    float64
	bytes    *rate.Limiter
	now      func() time.Time
	sleep    func(context.Context, time.Duration) error
	patience time.Duration // how long a pause may go on without a size

	mu         sync.Mutex
	objectSize int           // estimated bytes of one object of the current resource
	paused     chan struct{} // closed when the pause ends; nil if there is none
	started    float64       // size at the start, or after the last pause
	latest     float64
	grewAt     time.Time
}

// tooLarge returns an error if the database is too large to begin or to continue.
func (g *guard) tooLarge(size float64) error {
	if size < stopShare*g.quota {
		return nil
	}
	err := fmt.Errorf("the database of the cluster has %s of %s: a full database refuses the writes of every client",
		bytesText(size), bytesText(g.quota))
	return hint.Wrap(err,
		"delete what is not needed, wait ten minutes, and run it again; pass --etcd-quota if AWS raised the quota")
}

// begin takes the size of the objects of a resource into account. The run has some of
// these objects, or all.
func (g *guard) begin(m *apiserver.Metrics, resource Resource, objects int64) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.objectSize = unknownSize
	if m == nil {
		return nil
	}
	size := m.Sizes[resource.String()]
	if size <= 0 && m.StorageBytes > stopShare*g.quota/2 {
		size = m.StorageBytes // it matters now, so take what it can be at most
	}
	if all := max(float64(objects), m.Objects[resource.String()]); size > 0 && all > 0 {
		g.objectSize = max(int(size/all), 1)
	}
	if g.started == 0 {
		g.started, g.latest, g.grewAt = m.StorageBytes, m.StorageBytes, g.now()
	}
	return g.tooLarge(m.StorageBytes)
}

// growth is by how much a migration may enlarge the database, as a multiple of the size of the objects: etcd
// keeps their old versions until it is compacted, and its pages are not full.
const growth = 1.4

// mayMigrate returns an error if the database lacks room for the migrator of the cluster. The migrator writes
// all objects of the resources, and cannot be paused. Resources of unknown size do not count.
func (g *guard) mayMigrate(m *apiserver.Metrics, resources []Resource) error {
	if m == nil {
		return nil
	}
	written := 0.0
	for _, resource := range resources {
		written += max(m.Sizes[resource.String()], 0)
	}
	if m.StorageBytes+growth*written < stopShare*g.quota {
		return nil
	}
	err := fmt.Errorf("the database of the cluster has %s of %s, and the migrator would write %s without a pause",
		bytesText(m.StorageBytes), bytesText(g.quota), bytesText(written))
	return hint.Wrap(err, "use --via=client, which pauses in between; pass --etcd-quota if AWS raised the quota")
}

// wrote waits after a write of the storage, so that the bytes a second stay bounded.
func (g *guard) wrote(ctx context.Context) {
	g.mu.Lock()
	n := g.objectSize
	g.mu.Unlock()
	_ = g.bytes.WaitN(ctx, min(max(n, 1), g.bytes.Burst()))
}

// wait blocks while the run is paused, and reports whether it was.
func (g *guard) wait(ctx context.Context) (waited bool, err error) {
	g.mu.Lock()
	paused := g.paused
	g.mu.Unlock()
	if paused == nil {
		return false, ctx.Err()
	}
	select {
	case <-paused:
	case <-ctx.Done():
	}
	return true, ctx.Err()
}

// isPaused reports whether the run waits for a compaction.
func (g *guard) isPaused() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.paused != nil
}

// watch reads the size until the returned function is called. It calls stop if the
// database is too large, or if the size stays unknown during a pause: then no write fails
// that could end the run.
func (g *guard) watch(ctx context.Context, stop context.CancelCauseFunc) (end func()) {
	if g.metrics == nil {
		return func() {}
	}
	return background(ctx, func(ctx context.Context) {
		defer g.resume()
		read := g.now()
		for g.sleep(ctx, g.interval()) == nil {
			m, err := g.metrics(ctx)
			if err == nil && m.StorageBytes == 0 {
				err = errors.New("its metrics do not name the size of the database")
			}
			switch silence := g.now().Sub(read); {
			case err == nil:
				read = g.now()
				err = g.observe(m.StorageBytes)
			case g.isPaused() && silence > g.patience:
				err = noResponse(silence, err)
			default:
				continue
			}
			if err != nil {
				stop(err)
				return
			}
		}
	})
}

// interval returns how long to wait until the size is read again: shorter if the space
// that is left may be used up soon.
func (g *guard) interval() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if left := stopShare*g.quota - g.latest; left < float64(g.bytes.Limit())*4*watchSlow.Seconds() {
		return watchFast
	}
	return watchSlow
}

// observe decides about a pause, given the size of the database.
func (g *guard) observe(size float64) error {
	if err := g.tooLarge(size); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if size > g.latest {
		g.grewAt = now
	}
	g.latest = size
	switch budget := min(maxGrowth, (stopShare*g.quota-g.started)/2); {
	case g.paused == nil && size-g.started > budget:
		g.paused = make(chan struct{})
		g.grewAt = now
	case g.paused != nil && now.Sub(g.grewAt) > compaction:
		close(g.paused)
		g.paused, g.started = nil, size
	}
	return nil
}

func (g *guard) resume() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.paused != nil {
		close(g.paused)
		g.paused = nil
	}
}

// bytesText formats a number of bytes.
func bytesText(n float64) string {
	const unit = 1024
	for _, suffix := range []string{"B", "KiB", "MiB"} {
		if n < unit {
			return fmt.Sprintf("%.4g %s", n, suffix)
		}
		n /= unit
	}
	return fmt.Sprintf("%.3g GiB", n)
}

// EstimateBytes returns the size of all objects of the resources, in words, if the
// metrics of an API server have it.
func EstimateBytes(ctx context.Context, o Options) (text string, ok bool) {
	o.complete()
	s := &servers{config: apiserver.HTTP1(o.Config)}
	defer s.close()
	if err := s.open(ctx, 1); err != nil {
		return "", false
	}
	m := s.metrics()
	if m == nil {
		return "", false
	}
	sum := 0.0
	for _, r := range o.Resources {
		size, known := m.Sizes[r.String()]
		if !known || size < 0 { // the API server sets -1 until it has counted
			return "", false
		}
		sum += size
	}
	return bytesText(sum), sum > 0
}
