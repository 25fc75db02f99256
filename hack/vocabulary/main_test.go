package main

import (
	"strings"
	"testing"
)

func TestHabits(t *testing.T) {
	for line, want := range map[string]string{
		"It says whether the key is used.":     "says whether",
		"tells the old key from the new one":   "tells the old key from",
		"\"x\" is no name of a cluster":        "is no name",
		"the key is no longer used":            "",
		"there is no such key":                 "",
		"The owner can't be told.":             "can't be told",
		"nobody is asked":                      "nobody",
		"objects that stand under the old key": "stand under",
		"understand undermining":               "",
		"Written Anew.":                        "Anew",
		"renewed":                              "",
		"meanwhile, as a rule":                 "meanwhile",
		"as a rule":                            "as a rule",
		"for ever":                             "for ever",
		"forever":                              "",
		"Besides that":                         "Besides",
		"beside the report":                    "",
		"reports whether the key exists":       "",
		"by the word of EKS":                   "by the word of",
		"tried in vain":                        "in vain",
		"nevertheless":                         "nevertheless",
	} {
		got := ""
		for _, h := range habits() {
			if found := h.find(line); found != "" {
				got = found
				break
			}
		}
		if got != want {
			t.Errorf("%q: found %q, want %q", line, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	document := "# Words\n`anew` and \"meanwhile\"\n```\nas a rule\n```\nbesides\n"
	if got := check("x.md", document); len(got) != 1 || !strings.HasPrefix(got[0], "x.md:6:") {
		t.Errorf("document: %q, want one problem in line 6", got)
	}
	source := "package x\n\n// Old is it.\nfunc Old() bool { return true }\n\n// New reports\n// whether it is.\nfunc " +
		"New() bool { return true }\n\nfunc small() bool { return true }\n"
	if got := check("x.go", source); len(got) != 1 || !strings.Contains(got[0], "Old reports whether") {
		t.Errorf("source: %q, want a problem for Old alone", got)
	}
	if got := check("x_test.go", source); len(got) != 0 {
		t.Errorf("test file: %q, want none", got)
	}
}
