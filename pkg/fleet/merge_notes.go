package fleet

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// namedInNote is how many clusters or shards a note names at most.
const namedInNote = 10

// someOf joins the values, of which it names the first ones.
func someOf(values []string) string {
	if len(values) <= namedInNote {
		return strings.Join(values, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(values[:namedInNote], ", "), len(values)-namedInNote)
}

// remark adds a note on clusters, if there are any.
func (m *merger) remark(text string, clusters []string) {
	if clusters = distinct(clusters); len(clusters) > 0 {
		m.remarks = append(m.remarks, text+someOf(clusters))
	}
}

// notes returns the notes of the reports, each once, without those that Assess derives again. Notes that count
// something count it for all reports.
func (m *merger) notes(scope v1alpha1.AuditScope) []string {
	var first, notes []string
	for _, r := range m.given {
		derived := slices.Concat(filterNotes(len(r.Scope.FilteredOut)),
			unusedNotes("--exclude-regions", r.Scope.ExcludedRegions),
			unusedNotes("--exclude-accounts", r.Scope.ExcludedAccounts))
		own := missing(r.Notes, judgementNotes(r.AuditReport))
		first = append(first, missing(own[:sortedFrom(own)], first)...)
		for _, note := range own {
			_, isShard := listedAccounts(note)
			if !slices.Contains(derived, note) && (!isShard || len(m.gap) > 0) {
				notes = append(notes, note)
			}
		}
	}
	notes = m.addDisabled(notes)
	notes = append(append(notes, m.unused()...), filterNotes(len(scope.FilteredOut))...)
	return append(first, missing(distinct(slices.Concat(notes, m.remarks, m.differences())), first)...)
}

// sortedFrom returns where the sorted end of a list begins. Gather sorts its notes; those before are on the credentials
// and the endpoints, and come first.
func sortedFrom(notes []string) int {
	i := max(len(notes)-1, 0)
	for i > 0 && notes[i-1] <= notes[i] {
		i--
	}
	return i
}

// unusedNotes returns the notes of Gather on patterns that left out nothing.
func unusedNotes(flag string, patterns []string) []string {
	var notes []string
	for _, p := range distinct(patterns) {
		notes = append(notes, unusedNote(flag, p))
	}
	return notes
}

// unused returns the notes on patterns that left out nothing in each of the reports that have them.
func (m *merger) unused() []string {
	without := map[string]bool{}
	for _, r := range m.given {
		for _, note := range append(unusedNotes("--exclude-regions", r.Scope.ExcludedRegions),
			unusedNotes("--exclude-accounts", r.Scope.ExcludedAccounts)...) {
			unused, seen := without[note]
			without[note] = slices.Contains(r.Notes, note) && (unused || !seen)
		}
	}
	var notes []string
	for note, unused := range without {
		if unused {
			notes = append(notes, note)
		}
	}
	return notes
}

// addDisabled replaces the notes on disabled regions by one that counts all accounts, unless reports have accounts in
// common.
func (m *merger) addDisabled(notes []string) []string {
	sum, count := map[string]int{}, 0
	for _, note := range notes {
		regions, ok := parseDisabledNote(note)
		if !ok {
			continue
		}
		count++
		for region, accounts := range regions {
			sum[region] += accounts
		}
	}
	if count < 2 || m.commonAccounts() {
		return notes
	}
	notes = slices.DeleteFunc(notes, func(note string) bool {
		_, ok := parseDisabledNote(note)
		return ok
	})
	return append(notes, disabledNotes(sum)...)
}

// commonAccounts reports whether an account is in the scope of several reports.
func (m *merger) commonAccounts() bool {
	seen := map[string]bool{}
	for _, r := range m.given {
		for _, account := range r.Scope.Accounts {
			if seen[account] {
				return true
			}
			seen[account] = true
		}
	}
	return false
}

// differences returns a note for each part of the scope, and for each origin, in which the reports differ. Shards have
// other accounts by nature, and accounts have other regions with --regions all.
func (m *merger) differences() []string {
	var notes []string
	for _, part := range []struct {
		what string
		of   func(r *mergedReport) any
	}{
		{"versions of the program", func(r *mergedReport) any { return r.Tool }},
		{"callers", func(r *mergedReport) any { return r.Caller }},
		{"endpoints of AWS", func(r *mergedReport) any { return fmt.Sprint(r.EndpointOverrides) }},
		{"partitions of AWS", func(r *mergedReport) any { return partitionOf(r) }},
		{"filters", func(r *mergedReport) any { return fmt.Sprint(distinct(r.Scope.Filters)) }},
		{"roles", func(r *mergedReport) any { return r.Scope.RoleName }},
		{"selections of regions", func(r *mergedReport) any {
			return fmt.Sprint(r.Scope.AllRegions, distinct(r.Scope.ExcludedRegions))
		}},
	} {
		first := part.of(m.given[0])
		if slices.ContainsFunc(m.given, func(r *mergedReport) bool { return !reflect.DeepEqual(part.of(r), first) }) {
			notes = append(notes, "the reports were made with different "+part.what)
		}
	}
	return notes
}
