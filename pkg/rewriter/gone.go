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

// confirmGone lists again if some objects were not found, although the latest list had them. Those that are still
// listed have failed: they were not examined. If the closing list came after the others, only those count that it had.
func (r *run) confirmGone(ctx context.Context, closed bool) error {
	doubtful := false
	for i := range r.inState(gone) {
		doubtful = doubtful || !closed || r.inventory.objects[i].seen
	}
	if !doubtful {
		return nil
	}
	var mu sync.Mutex
	_, err := r.listScope(ctx, func(namespace string) visitor {
		return visitor{begin: func() {}, page: func(p *page, _ uint64) {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range p.names {
				if i := r.inventory.find(namespace, name); i >= 0 && r.inventory.objects[i].state == gone {
					r.fail(i, errOtherName)
				}
			}
		}}
	})
	return err
}
