package rewriter

import (
	"context"
	"fmt"
	"strconv"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// listConcurrency is how many namespaces are listed at the same time.
const listConcurrency = 8

func namespaces() Resource {
	return Resource{GroupVersionResource: schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}}
}

// listed is what a complete list of the scope found out in addition to the names.
type listed struct {
	version    string  // resourceVersion of the list, or before the lists of several namespaces
	found      int64   // number of objects
	orphans    bool    // objects may exist in namespaces that do not
	unreadable []error // of the namespaces that cannot be listed
}

// setVersion sets the version; 0 means that it is unknown.
func (l *listed) setVersion(version uint64) {
	if version > 0 {
		l.version = strconv.FormatUint(version, 10)
	}
}

// listAll lists the resource into the inventory.
func (r *run) listAll(ctx context.Context) error {
	var mu sync.Mutex
	l, err := r.listScope(ctx, func(namespace string) visitor {
		return visitor{
			begin: func() {
				mu.Lock()
				defer mu.Unlock()
				r.inventory.drop(namespace)
			},
			page: func(p *page, version uint64) {
				mu.Lock()
				defer mu.Unlock()
				r.inventory.add(namespace, version, p.names)
				r.counts[pending].Store(int64(len(r.inventory.objects)))
			},
		}
	})
	if err != nil {
		return err
	}
	r.counts[pending].Store(int64(len(r.inventory.objects)))
	r.before, r.orphans = l.version, l.orphans
	r.inventory.seal()
	r.failUnreadable(l.unreadable)
	return nil
}

// failUnreadable adds the objects that the errors name, and marks them as failed.
func (r *run) failUnreadable(errs []error) {
	for _, err := range errs {
		for _, name := range undecryptableObjects(err, r.resource.Namespaced) {
			if r.inventory.find(name[0], name[1]) < 0 {
				r.fail(r.add(name[0], name[1], 0), err)
			}
		}
	}
}

// listScope lists the scope of the run, one namespace at a time, because rows without
// objects do not have their namespace. newVisitor returns the visitor of one namespace.
// For a namespace with an undecryptable object, listScope adds a note and returns the
// error in unreadable.
//
// All lists are of one version, so that no object is created or deleted in between. If the API server does not
// keep old versions for long enough, they are of the latest ones.
func (r *run) listScope(ctx context.Context, newVisitor func(namespace string) visitor) (listed, error) {
	if !r.resource.Namespaced || r.namespace != "" {
		return r.listNamespaces(ctx, []string{r.namespace}, 0, newVisitor)
	}
	for try := 0; ; try++ {
		before, version, err := r.countAll(ctx)
		if err != nil {
			return listed{}, err
		}
		r.inventory.expect(before)
		names, err := r.allNamespaces(ctx, before)
		if err != nil {
			return listed{}, err
		}
		at := version
		if try == exactTries {
			at = 0
		}
		var visitors visitors
		l, err := r.listNamespaces(ctx, names, at, visitors.collect(newVisitor))
		if at > 0 && (expired(err) || apierrors.IsBadRequest(err) || apierrors.IsInvalid(err)) {
			visitors.begin() // the pages so far do not count
			continue
		}
		l.setVersion(version)
		hidden := before < 0 && len(l.unreadable) == 0
		if err != nil || before <= l.found && !hidden {
			return l, err
		}
		if at == 0 || hidden { // some may have been deleted since they were counted
			if before, _, err = r.countAll(ctx); err != nil {
				return l, err
			}
		}
		if hidden && before < 0 {
			r.noteHidden()
		}
		l.orphans = before > l.found
		return l, nil
	}
}

// visitors are those of a list of all namespaces. They are safe for concurrent use.
type visitors struct {
	mu  sync.Mutex
	all []visitor
}

// collect returns newVisitor, and keeps the visitors that it returns.
func (v *visitors) collect(newVisitor func(namespace string) visitor) func(namespace string) visitor {
	return func(namespace string) visitor {
		created := newVisitor(namespace)
		v.mu.Lock()
		defer v.mu.Unlock()
		v.all = append(v.all, created)
		return created
	}
}

// begin begins all lists again.
func (v *visitors) begin() {
	for _, visitor := range v.all {
		visitor.begin()
	}
}

// exactTries is how often the lists of one version are tried.
const exactTries = 3

// listNamespaces lists the objects of some namespaces, as they were at a version, or as they are if it is 0.
func (r *run) listNamespaces(
	ctx context.Context, names []string, version uint64, newVisitor func(namespace string) visitor,
) (l listed, err error) {
	one := len(names) == 1
	var mu sync.Mutex
	group, groupContext := errgroup.WithContext(ctx)
	group.SetLimit(listConcurrency)
	for _, namespace := range names {
		group.Go(func() error {
			v, n := newVisitor(namespace), int64(0)
			err := r.list(groupContext, scope{r.resource, namespace, r.selector, version}, visitor{
				begin: func() { n = 0; v.begin() },
				page: func(p *page, listVersion uint64) {
					if one && n == 0 {
						l.setVersion(listVersion)
						r.inventory.expect(int64(len(p.names)) + p.remaining)
					}
					n += int64(len(p.names))
					v.page(p, listVersion)
				},
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case isUndecryptable(err):
				v.begin()
				r.undecryptable.Store(true)
				l.unreadable = append(l.unreadable, err)
				r.noteUnreadable(namespace)
			case err != nil:
				return fmt.Errorf("list %s: %w", r.resource, explain(err, "list", r.scope))
			default:
				l.found += n
			}
			return nil
		})
	}
	err = group.Wait()
	return l, err
}

// countAll returns the number of objects in the scope and the resourceVersion before it counted.
// The number is negative if an undecryptable object makes the list fail.
func (r *run) countAll(ctx context.Context) (n int64, version uint64, err error) {
	n, version, err = r.countFirst(ctx)
	if err == nil && n < 0 {
		n, version, err = r.countRows(ctx)
	}
	switch {
	case isUndecryptable(err):
		r.undecryptable.Store(true)
		return -1, 0, nil
	case err != nil:
		return 0, 0, fmt.Errorf("list %s: %w", r.resource, explain(err, "list", r.scope))
	}
	return n, version, nil
}

// countFirst lets the API server count. The number is negative if it does not: it never does with a selector.
func (r *run) countFirst(ctx context.Context) (n int64, version uint64, err error) {
	if r.selector != "" {
		return -1, 0, nil
	}
	var p *page
	err = r.retry(ctx, func() (err error) {
		p, err = r.client.list(ctx, r.scope, "", 1)
		return err
	})
	switch {
	case err != nil:
		return 0, 0, err
	case p.next != "" && p.remaining == 0:
		return -1, p.resourceVersion, nil
	}
	return int64(len(p.names)) + p.remaining, p.resourceVersion, nil
}

// countRows lists the scope across all namespaces, and counts the rows. It keeps no name.
func (r *run) countRows(ctx context.Context) (n int64, version uint64, err error) {
	err = r.list(ctx, r.scope, visitor{
		begin: func() { n = 0 },
		page: func(p *page, listVersion uint64) {
			n += int64(len(p.names))
			version = listVersion
		},
	})
	return n, version, err
}

// allNamespaces returns the namespaces of the cluster, or none if there are no objects in them.
func (r *run) allNamespaces(ctx context.Context, objects int64) ([]string, error) {
	if objects == 0 {
		return nil, nil
	}
	var names []string
	s := scope{resource: namespaces()}
	err := r.list(ctx, s, visitor{
		begin: func() { names = nil },
		page:  func(p *page, _ uint64) { names = append(names, p.names...) },
	})
	if err != nil {
		return nil, fmt.Errorf("list the namespaces: %w", explain(err, "list", s))
	}
	return names, nil
}

// orphanLists is how many further lists must lack objects that the whole cluster has.
const orphanLists = 3

// confirmOrphans lists again if a list lacks objects that the whole cluster has. Those of a namespace that is
// deleted in between look the same.
func (r *run) confirmOrphans(ctx context.Context, orphans bool) error {
	for range orphanLists {
		if !orphans || r.partial.Load() { // objects that cannot be listed are missing, too
			return nil
		}
		l, err := r.listScope(ctx, func(string) visitor {
			return visitor{begin: func() {}, page: func(*page, uint64) {}}
		})
		if err != nil {
			return err
		}
		orphans = l.orphans
	}
	if orphans {
		r.noteOrphans()
	}
	return nil
}

// noteOrphans reports that some objects are not listed.
func (r *run) noteOrphans() {
	r.note("the cluster has more %s than its namespaces contain: the others are in namespaces that do not exist, "+
		"or %s are created all the time", r.resource, r.resource)
	r.partial.Store(true)
}

// noteHidden reports that an object is in none of the lists.
func (r *run) noteHidden() {
	r.note("the API server cannot decrypt or decode one of the %s, which is in none of the namespaces: it is in a "+
		"namespace that does not exist, and was not examined", r.resource)
	r.partial.Store(true)
}

// noteUnreadable reports that some objects could not be counted.
func (r *run) noteUnreadable(namespace string) {
	r.note("could not list %s %s: the API server cannot decrypt or decode some of them. The failures contain those "+
		"that it named. The other objects there are neither counted nor examined", r.resource, where(namespace))
	r.partial.Store(true)
}

func where(namespace string) string {
	if namespace == "" {
		return "in the whole cluster"
	}
	return "in namespace " + namespace
}
