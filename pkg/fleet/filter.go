package fleet

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Filter selects clusters by name and tags. The zero value selects all.
type Filter struct {
	names []string
	tags  []tagFilter
}

type tagFilter struct{ key, value string }

// NewFilter parses patterns of cluster names, of which at least one must match, and tags
// (KEY=VALUE or KEY), which must all match. The wildcards are those of path.Match.
func NewFilter(names, tags []string) (Filter, error) {
	f := Filter{}
	for _, n := range names {
		if n = strings.TrimSpace(n); n == "" {
			continue
		}
		if _, err := path.Match(n, ""); err != nil {
			return Filter{}, fmt.Errorf("%q is not a valid name pattern: %w", n, err)
		}
		f.names = append(f.names, n)
	}
	for _, t := range tags {
		key, value, given := strings.Cut(t, "=")
		if !given {
			value = "*"
		}
		if _, err := path.Match(value, ""); err != nil || key == "" {
			return Filter{}, fmt.Errorf("%q is not a valid tag filter: must be KEY=VALUE or KEY", t)
		}
		f.tags = append(f.tags, tagFilter{key, value})
	}
	return f, nil
}

// MatchesName reports whether the filter selects clusters with this name.
func (f Filter) MatchesName(name string) bool {
	return len(f.names) == 0 || slices.ContainsFunc(f.names, func(p string) bool { return glob(p, name) })
}

// MatchesTags reports whether the filter selects clusters with these tags.
func (f Filter) MatchesTags(tags map[string]string) bool {
	return !slices.ContainsFunc(f.tags, func(t tagFilter) bool {
		value, has := tags[t.key]
		return !has || !glob(t.value, value)
	})
}

// Conditions returns the conditions of the filter as reports list them, such as "name=prod-*".
func (f Filter) Conditions() []string {
	var words []string
	for _, n := range f.names {
		words = append(words, nameCondition+n)
	}
	for _, t := range f.tags {
		words = append(words, tagCondition+t.key+"="+t.value)
	}
	return words
}

// glob reports whether s matches the pattern. Unlike in path.Match, * also matches
// slashes, because values are not paths.
func glob(pattern, s string) bool {
	const slash = "\x00"
	ok, _ := path.Match(strings.ReplaceAll(pattern, "/", slash), strings.ReplaceAll(s, "/", slash))
	return ok
}

// filterNotes returns the note on the number of clusters that a filter left out.
func filterNotes(n int) []string {
	if n == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%d clusters were left out by --cluster-name or --tag", n)}
}
