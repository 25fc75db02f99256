package sanitize

import (
	"reflect"
	"testing"
	"time"
)

type tree struct {
	Name     string
	Tags     map[string]string
	Children []tree
	Next     *tree
	Any      any
	At       time.Time
	Kind     kind
	hidden   string
}

type kind string

// TestStrings checks that Strings cleans what Copy cleans, shares what is clean, and does not change its argument.
func TestStrings(t *testing.T) {
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	build := func(s string, at time.Time) tree {
		return tree{Name: s, Tags: map[string]string{s: s}, Children: []tree{{Name: "clean"}, {Name: s}},
			Next: &tree{Kind: kind(s)}, Any: s, At: at, hidden: s}
	}
	for _, s := range []string{"a\x1b[2Jb", "a\nb", "\u202e", "8-bit \x9b2J", "http://u:p@h", "ünïcode"} {
		dirty, same := build(s, at.Add(time.Millisecond)), build(s, at.Add(time.Millisecond))
		got := Strings(dirty, SingleLine)
		want := build(Line(s), at)
		want.hidden = s
		if !reflect.DeepEqual(got, want) {
			t.Errorf("Strings with %q = %+v, want %+v", s, got, want)
		}
		if !reflect.DeepEqual(dirty, same) {
			t.Errorf("Strings with %q changed its argument", s)
		}
	}
	clean := build("clean", at)
	if got := Strings(&clean, SingleLine); got != &clean {
		t.Error("Strings copied a value without unsafe text")
	}
}
