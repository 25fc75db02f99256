package rewriter

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Page sizes, in objects, bytes and time. The API server decodes whole objects even
// when it returns only metadata. So the first pages are small, and the size grows
// only while pages arrive quickly.
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

// scope selects the objects of one list.
type scope struct {
	resource  Resource
	namespace string // empty: all namespaces
	selector  string
}

// visitor receives the pages of a list. begin is called before the first page, and
// again each time the list restarts.
type visitor struct {
	begin func()
	page  func(*page)
}

// listAll lists the resource into the inventory.
func (r *run) listAll(ctx context.Context) error {
	resourceVersion, unreadable, err := r.listScope(ctx, func() visitor {
		mark := len(r.inventory.objects)
		return visitor{
			begin: func() {
				r.inventory.objects = r.inventory.objects[:mark]
				r.counts[pending].Store(int64(mark))
			},
			page: func(p *page) {
				r.inventory.expect(p.remaining + int64(len(p.items)))
				r.inventory.add(p.items)
				r.counts[pending].Store(int64(len(r.inventory.objects)))
			},
		}
	})
	if err != nil {
		return err
	}
	r.before = resourceVersion
	r.inventory.seal()
	r.failUnreadable(unreadable)
	return nil
}

// failUnreadable adds the objects that the errors name, and marks them as failed.
func (r *run) failUnreadable(errs []error) {
	for _, err := range errs {
		for _, name := range undecryptableObjects(err, r.resource.Namespaced) {
			r.fail(r.add(listed{namespace: name[0], name: name[1]}), err)
		}
	}
}

// listScope lists the scope of the run. If an undecryptable object makes that list
// fail, listScope lists one namespace at a time, adds a note for each one that cannot
// be listed, and returns their errors. newVisitor returns the visitor of one list.
func (r *run) listScope(
	ctx context.Context, newVisitor func() visitor,
) (resourceVersion string, unreadable []error, err error) {
	v := newVisitor()
	resourceVersion, err = r.list(ctx, r.scope, v)
	if isUndecryptable(err) {
		v.begin()
		resourceVersion, r.undecryptable = "", true
		unreadable, err = r.listNamespaces(ctx, err, newVisitor)
	}
	if err != nil {
		return "", nil, fmt.Errorf("list %s: %w", r.resource, explain(err, "list", r.scope))
	}
	return resourceVersion, unreadable, nil
}

func (r *run) listNamespaces(
	ctx context.Context, cause error, newVisitor func() visitor,
) (unreadable []error, err error) {
	if r.namespace != "" || !r.resource.Namespaced {
		r.noteUnreadable(r.namespace)
		return []error{cause}, nil
	}
	var names []string
	namespaces := Resource{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}}
	_, err = r.list(ctx, scope{resource: namespaces}, visitor{
		begin: func() { names = nil },
		page: func(p *page) {
			for i := range p.items {
				names = append(names, p.items[i].name)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w (and could not list the namespaces: %w)", cause, err)
	}
	for _, namespace := range names {
		v := newVisitor()
		_, err := r.list(ctx, scope{r.resource, namespace, r.selector}, v)
		switch {
		case isUndecryptable(err):
			v.begin()
			unreadable = append(unreadable, err)
			r.noteUnreadable(namespace)
		case err != nil:
			return nil, err
		}
	}
	return unreadable, nil
}

// noteUnreadable reports that some objects could not be counted.
func (r *run) noteUnreadable(namespace string) {
	r.note("could not list %s %s: the API server cannot decrypt or decode some of them. The failures contain those "+
		"that it named. The other objects there are neither counted nor examined", r.resource, where(namespace))
	r.partial = true
}

func where(namespace string) string {
	if namespace == "" {
		return "in the whole cluster"
	}
	return "in namespace " + namespace
}

// list reads all pages of one consistent list and returns its resourceVersion. If
// the continue token expires (410), the list restarts with larger pages. The
// inconsistent remainder that the server offers is not used.
func (r *run) list(ctx context.Context, s scope, v visitor) (resourceVersion string, err error) {
	size := firstPage
	for restart := 0; ; restart++ {
		v.begin()
		resourceVersion, err = r.listOnce(ctx, s, &size, v)
		if !apierrors.IsResourceExpired(err) && !apierrors.IsGone(err) {
			return resourceVersion, err
		}
		if restart == maxRestarts {
			err = fmt.Errorf("the list expired %d times before it was complete: %w", restart+1, err)
			return "", hint.Wrap(err,
				"the API server keeps old versions only for minutes; run one namespace at a time with -n")
		}
		size = max(size, firstPage) * 4
	}
}

func (r *run) listOnce(ctx context.Context, s scope, size *int, v visitor) (string, error) {
	resourceVersion, token := "", ""
	for {
		var p *page
		var sent time.Time
		err := r.retry(ctx, func() (err error) {
			sent = r.now()
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
		return max(size, min(size*2, largestPage))
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
			r.lastResponse.Store(r.now().UnixNano())
			r.responded.Store(true)
		}
		if !transient(err) {
			return err
		}
		limit := r.patience
		if isUndecryptable(err) && r.undecryptable {
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
