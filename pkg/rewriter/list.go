package rewriter

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Page sizes, in objects, bytes and time. The API server decodes whole objects even
// when it returns only their names. So the first page is small, and the size grows
// only after a page that was quick and light enough: the next one, several times as
// large, is then neither slow nor heavy if its objects are alike.
const (
	firstPage   = 250
	largestPage = 4000
	smallPage   = 20
	pageGrowth  = 4
	slowPage    = 2 * time.Second
	fastPage    = 500 * time.Millisecond
	heavyPage   = 1 << 20
	lightPage   = 256 << 10
	maxRestarts = 4
)

// scope selects the objects of one list.
type scope struct {
	resource  Resource
	namespace string // empty: all namespaces
	selector  string
	version   uint64 // list the objects as they were at this resourceVersion; 0: as they are
}

// visitor receives the pages of a list. begin is called before the first page, and
// again each time the list restarts. page also receives the resourceVersion of the
// list, which is that of its first page.
type visitor struct {
	begin func()
	page  func(p *page, listVersion uint64)
}

// list reads all pages of one consistent list. If the continue token expires (410), the
// list restarts with larger pages, unless it is one of a version. The inconsistent remainder that the server
// offers is not used.
func (r *run) list(ctx context.Context, s scope, v visitor) error {
	size := firstPage
	for restart := 0; ; restart++ {
		v.begin()
		err := r.listOnce(ctx, s, &size, v)
		if s.version > 0 || !expired(err) {
			return err
		}
		if restart == maxRestarts {
			err = fmt.Errorf("the list expired %d times before it was complete: %w", restart+1, err)
			return hint.Wrap(err, "the API server keeps old versions only for minutes; run one namespace at a time with -n")
		}
		size = max(size, firstPage) * pageGrowth
	}
}

func expired(err error) bool { return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) }

func (r *run) listOnce(ctx context.Context, s scope, size *int, v visitor) error {
	var listVersion uint64
	token := ""
	for {
		var p *page
		var sent time.Time
		err := r.retry(ctx, func() (err error) {
			sent = r.now()
			p, err = r.client.list(ctx, s, token, *size)
			return err
		})
		if err != nil {
			return err
		}
		if listVersion == 0 {
			listVersion = p.resourceVersion
		}
		v.page(p, listVersion)
		if token = p.next; token == "" {
			return nil
		}
		*size = nextPageSize(*size, p.bytes, r.now().Sub(sent))
	}
}

// nextPageSize returns the size of the next page, given the size, the bytes and the
// duration of the last one.
func nextPageSize(size, bytes int, took time.Duration) int {
	switch {
	case bytes > heavyPage || took > slowPage:
		return max(size/2, smallPage)
	case bytes < lightPage && took < fastPage:
		return max(size, min(size*pageGrowth, largestPage))
	}
	return size
}

// retry repeats a request until it succeeds, fails permanently, or the run's
// patience ends. Faults that may be permanent are retried for a shorter time: an
// undecryptable object, or a server that has never responded.
func (r *run) retry(ctx context.Context, request func() error) error {
	started := r.now()
	for attempt := 0; ; attempt++ {
		err := request()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			r.silence.end(r.now())
			r.responded.Store(true)
		}
		if !transient(err) {
			return err
		}
		r.silence.failed(err)
		limit := r.patience
		if isUndecryptable(err) && r.undecryptable.Load() {
			return err
		}
		if isUndecryptable(err) || !r.responded.Load() && !isStatus(err) {
			limit = min(limit, shortPatience)
		}
		if apierrors.IsUnauthorized(err) && attempt > 0 {
			return err
		}
		if waited := r.now().Sub(started); waited >= limit {
			if isUndecryptable(err) {
				return err
			}
			return noResponse(waited, err)
		}
		if err := r.sleep(ctx, pause(attempt, err, r.jitter())); err != nil {
			return err
		}
	}
}
