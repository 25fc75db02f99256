package rewriter

import (
	"slices"
	"strings"
)

// state is the state of one object.
type state uint8

const (
	pending    state = iota // to be written
	toRecheck               // rewritten by this run, to be written once more
	deferred                // failed with a transient error, to be tried again
	unexamined              // not part of the sample, or not proven by the record
	current                 // the storage had nothing to write
	rewritten               // the storage wrote it
	unstable                // changes on every write, so its key is unknown
	gone                    // deleted
	failed                  // recorded in the failures
	states                  // number of states
)

// object is kept for the whole run: 32 bytes and its name.
type object struct {
	name string
	// resourceVersion is the object's own if exact is true, otherwise that of the list
	// that had it, which is not smaller; 0 if no list had it.
	resourceVersion uint64
	namespace       uint32 // index into inventory.namespaces
	state           state
	exact           bool
	seen            bool // in the closing list
	taken           bool // the storage wrote it since the list
}

// inventory holds every object of a run in the order of the storage keys, followed by
// those that were found later.
type inventory struct {
	namespaces []string // each with the slash that ends it in a storage key
	byName     map[string]uint32
	objects    []object
	sorted     int            // objects[:sorted] are in order
	late       map[string]int // the others: index by namespace/name
}

func newInventory() *inventory {
	return &inventory{byName: map[string]uint32{}, late: map[string]int{}}
}

// expect allocates room for n objects in total, so that add does not copy.
func (v *inventory) expect(n int64) {
	if more := int(n) - len(v.objects); more > 0 {
		v.objects = slices.Grow(v.objects, more)
	}
}

// add adds the objects of a page. Their names share one allocation, and no reference to
// the page remains.
func (v *inventory) add(namespace string, listVersion uint64, names []string) {
	all, n := strings.Join(names, ""), v.intern(namespace)
	for _, name := range names {
		v.objects = append(v.objects, object{name: all[:len(name)], resourceVersion: listVersion, namespace: n})
		all = all[len(name):]
	}
}

// drop removes the objects of a namespace whose list starts again.
func (v *inventory) drop(namespace string) {
	if n, ok := v.byName[namespace]; ok {
		v.objects = slices.DeleteFunc(v.objects, func(o object) bool { return o.namespace == n })
	}
}

// addLate adds one object after the sorted ones and returns its index.
func (v *inventory) addLate(namespace, name string, listVersion uint64) int {
	v.add(namespace, listVersion, []string{name})
	i := len(v.objects) - 1
	v.late[namespace+"/"+name] = i
	return i
}

func (v *inventory) intern(namespace string) uint32 {
	i, ok := v.byName[namespace]
	if !ok {
		i = uint32(len(v.namespaces))
		namespace = strings.Clone(namespace)
		v.namespaces = append(v.namespaces, namespace+"/")
		v.byName[namespace] = i
	}
	return i
}

func (v *inventory) namespace(o *object) string {
	return strings.TrimSuffix(v.namespaces[o.namespace], "/")
}

// seal ends the listing, so that find works. The namespaces may have been listed in any
// order.
func (v *inventory) seal() {
	compare := func(a, b object) int {
		if a.namespace != b.namespace {
			return strings.Compare(v.namespaces[a.namespace], v.namespaces[b.namespace])
		}
		return strings.Compare(a.name, b.name)
	}
	if !slices.IsSortedFunc(v.objects, compare) {
		slices.SortFunc(v.objects, compare)
	}
	v.sorted = len(v.objects)
}

// find returns the index of the object with the name, or -1.
func (v *inventory) find(namespace, name string) int {
	if i, ok := v.late[namespace+"/"+name]; ok {
		return i
	}
	prefix := namespace + "/"
	i, ok := slices.BinarySearchFunc(v.objects[:v.sorted], name, func(o object, name string) int {
		if c := strings.Compare(v.namespaces[o.namespace], prefix); c != 0 {
			return c
		}
		return strings.Compare(o.name, name)
	})
	if !ok {
		return -1
	}
	return i
}
