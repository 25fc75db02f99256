package rewriter

import (
	"context"
	"fmt"
)

// take lists the resource into the inventory. Where an undecryptable object
// spoils the list of all, it lists namespace by namespace, names the culprits as
// failed, and notes what could not be listed.
func (r *run) take(ctx context.Context) error {
	resourceVersion, spoilt, err := r.listApart(ctx, func() visitor {
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
	r.failSpoilt(spoilt)
	return nil
}

// failSpoilt names the objects for which lists failed.
func (r *run) failSpoilt(spoilt []error) {
	for _, err := range spoilt {
		for _, c := range culprits(err, r.resource.Namespaced) {
			r.fail(r.add(listed{namespace: c[0], name: c[1]}), err)
		}
	}
}

// listApart lists the whole scope. Where an undecryptable object spoils that, it
// lists namespace by namespace, notes those that cannot be listed either, and
// returns their errors. Each visitor takes in one list that may begin anew.
func (r *run) listApart(ctx context.Context, newVisitor func() visitor) (resourceVersion string, spoilt []error, err error) {
	v := newVisitor()
	resourceVersion, err = r.list(ctx, r.scope, v)
	if undecryptable(err) {
		v.begin()
		resourceVersion, r.lasting = "", true
		spoilt, err = r.listNamespaces(ctx, err, newVisitor)
	}
	if err != nil {
		return "", nil, fmt.Errorf("listing %s: %w", r.resource, explain(err, "list", r.scope))
	}
	return resourceVersion, spoilt, nil
}

func (r *run) listNamespaces(ctx context.Context, cause error, newVisitor func() visitor) (spoilt []error, err error) {
	if r.namespace != "" || !r.resource.Namespaced {
		r.spoilt(r.namespace)
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
		v := newVisitor()
		_, err := r.list(ctx, scope{r.resource, namespace, r.selector}, v)
		switch {
		case undecryptable(err):
			v.begin()
			spoilt = append(spoilt, err)
			r.spoilt(namespace)
		case err != nil:
			return nil, err
		}
	}
	return spoilt, nil
}

// spoilt notes that some objects are not even counted.
func (r *run) spoilt(namespace string) {
	r.note("%s could not be listed %s: the API server cannot decrypt or decode some of them, and names those it does; the others there are neither counted nor examined",
		r.resource, where(namespace))
	r.partial = true
}

func where(namespace string) string {
	if namespace == "" {
		return "in the whole cluster"
	}
	return "in namespace " + namespace
}
