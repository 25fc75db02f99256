package rewriter

import (
	"slices"
	"strings"

	"github.com/google/uuid"
)

// state is what is known of one object.
type state uint8

const (
	pending    state = iota // to be examined
	recheck                 // rewritten by us, to be examined once more
	aside                   // the server could not answer; to be tried again
	unexamined              // left out of a sample
	current                 // the storage refused the write
	rewritten               // the storage wrote it
	restless                // every write changes it, so no refusal can be had
	gone                    // deleted, or deleted and made anew
	failed                  // see the failures
	states
)

// object is what is kept of an object while it waits: 48 bytes and its name.
type object struct {
	name            string
	uid             uuid.UUID
	resourceVersion uint64
	namespace       uint32 // index into inventory.namespaces
	state           state
	seen            bool // in the closing list
	ours            bool // written by this run
	lost            bool // a write of ours went unanswered, so it may have been done
}

// inventory holds every object of a run, in the order of the storage keys, with
// those that appear later at the end.
type inventory struct {
	namespaces []string // each with the slash that ends it in a storage key
	byName     map[string]uint32
	objects    []object
	sorted     int            // objects[:sorted] are in order
	late       map[string]int // key of those behind
}

func newInventory() *inventory {
	return &inventory{byName: map[string]uint32{}, late: map[string]int{}}
}

// expect makes room for n further objects, so that growing never copies.
func (v *inventory) expect(n int64) {
	if n > 0 {
		v.objects = slices.Grow(v.objects, int(n))
	}
}

// add takes over a page. The names share one allocation, and nothing of the page
// is kept alive.
func (v *inventory) add(items []listed) {
	v.expect(int64(len(items)))
	var names strings.Builder
	for i := range items {
		names.WriteString(items[i].name)
	}
	rest := names.String()
	for i := range items {
		item := &items[i]
		name := rest[:len(item.name)]
		rest = rest[len(item.name):]
		v.objects = append(v.objects, object{name: name, uid: item.uid,
			resourceVersion: item.resourceVersion, namespace: v.intern(item.namespace)})
	}
}

// addLate adds one object behind the sorted ones, in the place of an earlier one
// of the same name, and returns its index.
func (v *inventory) addLate(item listed) int {
	v.add([]listed{item})
	i := len(v.objects) - 1
	v.late[item.namespace+"/"+item.name] = i
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

// seal ends the listing: from here on find works. The server lists in order, so
// that there is nothing to sort as a rule.
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

// find returns the index of the object that bears the name now, or -1.
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
