package guardrails

import (
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"testing"
)

// matches reports whether an EventBridge pattern matches an event: every field of the pattern must have one of its
// values, and of an array one element must match. A field $or needs one of its patterns.
func matches(pattern, event map[string]any) bool {
	for name, want := range pattern {
		switch want := want.(type) {
		case map[string]any:
			elements, isList := event[name].([]any)
			if !isList {
				elements = []any{event[name]}
			}
			if !slices.ContainsFunc(elements, func(element any) bool {
				fields, isObject := element.(map[string]any)
				return isObject && matches(want, fields)
			}) {
				return false
			}
		case []any:
			if name == "$or" {
				if !slices.ContainsFunc(want, func(p any) bool { return matches(p.(map[string]any), event) }) {
					return false
				}
				continue
			}
			values, isList := event[name].([]any)
			if !isList {
				values = []any{event[name]}
			}
			if !slices.ContainsFunc(values, func(v any) bool { return slices.Contains(want, v) }) {
				return false
			}
		}
	}
	return true
}

// TestEventPatterns checks the rules with events in the form of CloudTrail and KMS.
func TestEventPatterns(t *testing.T) {
	g, err := newGuard(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name  string
		Rules []string
		Event map[string]any
	}
	raw, err := os.ReadFile("testdata/events.json")
	if err == nil {
		err = json.Unmarshal(raw, &events)
	}
	if err != nil || len(events) < 10 {
		t.Fatalf("%d events, error = %v", len(events), err)
	}
	for _, test := range events {
		var got []string
		for _, a := range g.alerts() {
			var pattern map[string]any
			if err := json.Unmarshal([]byte(compact(a.pattern)), &pattern); err != nil {
				t.Fatal(err)
			}
			if matches(pattern, test.Event) {
				got = append(got, a.id)
			}
		}
		if !reflect.DeepEqual(got, test.Rules) {
			t.Errorf("%s: rules = %v, want %v", test.Name, got, test.Rules)
		}
	}
}

// TestWatchedCalls checks that every call that a policy denies is reported, too.
func TestWatchedCalls(t *testing.T) {
	g, err := newGuard(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Document{KeyPolicy, SCP, RCP} {
		for _, s := range g.policy(d).Statement {
			for _, action := range s.Action {
				if !slices.Contains(watchedCalls(), action[len("kms:"):]) {
					t.Errorf("%s denies %s, but no rule reports it", d, action)
				}
			}
		}
	}
}
