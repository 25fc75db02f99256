package rewrite

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// take lists the resource into the inventory. Where an undecryptable object
// spoils the list of all, it lists namespace by namespace, names the culprits as
// failed, and notes what could not be listed.
func (r *run) take(ctx context.Context) error {
	resourceVersion, err := r.list(ctx, r.scope, visitor{
		begin: func() { r.keepOnly(0) },
		page: func(p *page) {
			if len(r.inventory.objects) == 0 {
				r.inventory.expect(p.remaining + int64(len(p.items)))
			}
			r.keep(p)
		},
	})
	var spoilt []error
	if undecryptable(err) {
		r.keepOnly(0)
		spoilt, err = r.takeApart(ctx, err)
	}
	if err != nil {
		return fmt.Errorf("listing %s: %w", r.resource, explain(err, "list", r.scope))
	}
	r.before = resourceVersion
	r.inventory.seal()
	for _, err := range spoilt {
		for _, c := range culprits(err, r.resource.Namespaced) {
			r.fail(r.add(listed{namespace: c[0], name: c[1]}), err)
		}
	}
	return nil
}

func (r *run) keep(p *page) {
	r.inventory.add(p.items)
	r.counts[pending].Store(int64(len(r.inventory.objects)))
}

// keepOnly forgets all but the first n objects.
func (r *run) keepOnly(n int) {
	r.inventory.objects = r.inventory.objects[:n]
	r.counts[pending].Store(int64(n))
}

// takeApart lists namespace by namespace after the list of all failed, and
// returns the errors of those that cannot be listed either.
func (r *run) takeApart(ctx context.Context, cause error) (spoilt []error, err error) {
	if r.namespace != "" || !r.resource.Namespaced {
		r.incomplete("%s could not be listed %s: the API server cannot decrypt or decode some of them, and names those it does; the others there are neither counted nor examined",
			r.resource, where(r.namespace))
		return []error{cause}, nil
	}
	var names []string
	_, err = r.list(ctx, scope{resource: namespaces}, visitor{
		begin: func() { names = nil },
		page: func(p *page) {
			for i := range p.items {
				names = append(names, p.items[i].name)
			}
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w (and the namespaces could not be listed one by one: %w)", cause, err)
	}
	for _, namespace := range names {
		mark := len(r.inventory.objects)
		_, err := r.list(ctx, scope{r.resource, namespace, r.selector}, visitor{
			begin: func() { r.keepOnly(mark) },
			page:  r.keep,
		})
		switch {
		case undecryptable(err):
			r.keepOnly(mark)
			spoilt = append(spoilt, err)
			r.incomplete("%s could not be listed %s: the API server cannot decrypt or decode some of them, and names those it does; the others there are neither counted nor examined",
				r.resource, where(namespace))
		case apierrors.IsNotFound(err):
		case err != nil:
			return nil, err
		}
	}
	return spoilt, nil
}

func where(namespace string) string {
	if namespace == "" {
		return "in the whole cluster"
	}
	return "in namespace " + namespace
}
