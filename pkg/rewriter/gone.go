package rewriter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// errOtherName means that an object is listed, but that a request by its name does not find it.
var errOtherName = errors.New("listed again, but the API server finds no object of this name: " +
	"it may print another name than that of the object, or the object is created and deleted all the time")

// plainName returns the name of an object, given the one in its row. The API server adds a remark to a default class
// (printStorageClass and printIngressClass in k8s.io/kubernetes/pkg/printers/internalversion/printers.go). The names
// of these resources contain no space.
func plainName(r Resource, printed string) string {
	classes := []schema.GroupResource{
		{Group: "storage.k8s.io", Resource: "storageclasses"}, {Group: "networking.k8s.io", Resource: "ingressclasses"},
	}
	if slices.Contains(classes, r.GroupResource()) {
		return strings.TrimSuffix(printed, " (default)")
	}
	return printed
}

// goneTries is how often an object is looked for that is listed, but not found by its name: it may be deleted and
// created again.
const goneTries = 5

// confirmGone lists again if some objects were not found, although the latest list had them. Those that are still
// listed are examined again. If they are not found in several attempts, they have failed. closed means that the closing
// list came after the first attempt, so that only those count that it had.
func (r *run) confirmGone(ctx context.Context, closed bool, examine func([]int) (goOn bool, err error)) error {
	found, err := r.goneButListed(ctx, closed)
	for try := 1; try < goneTries && err == nil && len(found) > 0; try++ {
		for _, i := range found {
			r.move(i, pending)
		}
		if goOn, err := examine(found); err != nil || !goOn {
			return err
		}
		found, err = r.goneButListed(ctx, true)
	}
	if err != nil {
		return err
	}
	for _, i := range found {
		r.fail(i, errOtherName)
	}
	return nil
}

// goneButListed returns the indexes of the objects that count as gone, but are still listed. If onlySeen is true, it
// ignores those that the list before did not have.
func (r *run) goneButListed(ctx context.Context, onlySeen bool) (found []int, err error) {
	doubtful := false
	for i := range r.inState(gone) {
		doubtful = doubtful || !onlySeen || r.inventory.objects[i].seen
		r.inventory.objects[i].seen = false
	}
	if !doubtful {
		return nil, nil
	}
	var mu sync.Mutex
	_, err = r.listScope(ctx, func(namespace string) visitor {
		return visitor{begin: func() {}, page: func(p *page, version uint64) {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range p.names {
				i := r.inventory.find(namespace, name)
				if i < 0 || r.inventory.objects[i].state != gone || r.inventory.objects[i].seen {
					continue // the last one was found already: the list began again
				}
				o := &r.inventory.objects[i]
				o.resourceVersion, o.exact, o.seen = version, false, true
				found = append(found, i)
			}
		}}
	})
	return found, err
}
