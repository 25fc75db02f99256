package rewriter

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Page sizes. The API server decodes whole objects even when it answers with
// metadata, so pages start small and grow only while they come fast.
const (
	firstPage   = 250
	largestPage = 2000
	smallPage   = 20
	slowPage    = 2 * time.Second
	fastPage    = 500 * time.Millisecond
	heavyPage   = 4 << 20
	lightPage   = 1 << 20
	maxRestarts = 4
)

// scope is what one list covers.
type scope struct {
	resource  Resource
	namespace string // empty: all of them
	selector  string
}

// visitor takes in a list. begin is called before the first page, and again when
// the list has to begin anew.
type visitor struct {
	begin func()
	page  func(*page)
}

// list goes through everything of the scope in one consistent list and returns
// the list's resourceVersion. When the continue token expires (410), the list
// begins anew with larger pages: the inconsistent rest that the server offers is
// not taken for a list.
func (r *run) list(ctx context.Context, s scope, v visitor) (resourceVersion string, err error) {
	size := firstPage
	for restart := 0; ; restart++ {
		v.begin()
		resourceVersion, err = r.listOnce(ctx, s, &size, v)
		if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
			return resourceVersion, err
		}
		if restart == maxRestarts {
			return "", fmt.Errorf("it expired %d times before it was complete, since the API server keeps old versions for minutes only; take one namespace after the other (-n): %w",
				restart+1, err)
		}
		size = max(size, firstPage) * 4
	}
}

func (r *run) listOnce(ctx context.Context, s scope, size *int, v visitor) (string, error) {
	resourceVersion, token := "", ""
	for {
		var p *page
		var asked time.Time
		err := r.persist(ctx, func() (err error) {
			asked = r.now()
			p, err = r.client.list(ctx, s, token, *size)
			return err
		})
		if err != nil {
			return "", err
		}
		if resourceVersion == "" {
			resourceVersion = p.resourceVersion
		}
		v.page(p)
		if token = p.next; token == "" {
			return resourceVersion, nil
		}
		*size = nextPage(*size, p.bytes, r.now().Sub(asked))
	}
}

// nextPage is the size of the page after one of the given size, weight and time.
func nextPage(size, bytes int, took time.Duration) int {
	switch {
	case bytes > heavyPage || took > slowPage:
		return max(size/2, smallPage)
	case bytes < lightPage && took < fastPage:
		return max(size, min(size*2, largestPage))
	}
	return size
}

// persist repeats a request until it succeeds, fails for good, or the run's
// patience ends. A fault that may as well be lasting gets less of it: an
// undecryptable object, or a server that never answered yet.
func (r *run) persist(ctx context.Context, request func() error) error {
	begun := r.now()
	for attempt := 0; ; attempt++ {
		err := request()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			r.lastAnswer.Store(r.now().UnixNano())
			r.answered.Store(true)
		}
		if !transient(err) {
			return err
		}
		limit := r.patience
		if undecryptable(err) && r.lasting {
			return err
		}
		if undecryptable(err) || !r.answered.Load() && !isStatus(err) {
			limit = min(limit, shortPatience)
		}
		if apierrors.IsUnauthorized(err) && attempt > 0 {
			return err
		}
		if waited := r.now().Sub(begun); waited >= limit {
			if undecryptable(err) {
				return err
			}
			return fmt.Errorf("%w for %s: %w", errPatience, waited.Round(time.Second), err)
		}
		if err := r.sleep(ctx, pause(attempt, err, r.random())); err != nil {
			return err
		}
	}
}
