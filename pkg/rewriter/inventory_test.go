package rewriter

import "testing"

// TestInventoryExpect checks that the closing list, which expects about as many objects as
// the first one, needs no further memory.
func TestInventoryExpect(t *testing.T) {
	v := newInventory()
	v.expect(1000)
	room := cap(v.objects)
	for range 10 {
		v.add("a", 1, make([]string, 100))
	}
	v.expect(1000)
	if cap(v.objects) != room {
		t.Errorf("room for %d objects, want still %d", cap(v.objects), room)
	}
	v.expect(-1) // unknown
	if v.expect(5000); cap(v.objects) < 5000 {
		t.Errorf("room for %d objects, want at least 5000", cap(v.objects))
	}
}
