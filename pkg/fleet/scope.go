package fleet

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
)

// AllRegions selects all regions that an account has enabled.
const AllRegions = "all"

// Scope selects the accounts and regions of AWS in which Gather looks for clusters.
type Scope struct {
	// Regions are region names, or only AllRegions; empty means the region of the caller.
	Regions []string
	// Accounts are account ids; empty means the account of the caller, unless
	// Organization is set.
	Accounts []string
	// Organization selects all active accounts of the caller's organization.
	Organization bool
	// RoleName is the role to assume in each account; empty means to act as the caller.
	RoleName string
	// Shard limits the accounts to one part of them.
	Shard Shard
}

var rolePattern = regexp.MustCompile(`^[\w+=,.@-]+(/[\w+=,.@-]+)*$`)

// Validate returns an error for a region, account or role that is not valid, and for a
// combination of fields that makes no sense.
func (s Scope) Validate() error {
	for _, r := range s.Regions {
		if r != AllRegions && !binding.ValidRegion(r) {
			return fmt.Errorf("%q is not a valid AWS region", r)
		}
	}
	if slices.Contains(s.Regions, AllRegions) && len(s.Regions) > 1 {
		return fmt.Errorf("region %q already includes all others and cannot be combined with them", AllRegions)
	}
	for _, a := range s.Accounts {
		if !binding.ValidAccount(a) {
			return fmt.Errorf("%q is not a valid AWS account id (twelve digits)", a)
		}
	}
	switch {
	case s.Organization && len(s.Accounts) > 0:
		return errors.New("the organization and a list of accounts cannot be combined")
	case (s.Organization || len(s.Accounts) > 0) && s.RoleName == "":
		return errors.New("accounts and organization require a role name to assume in each account")
	case s.RoleName != "" && !rolePattern.MatchString(s.RoleName):
		return fmt.Errorf("%q is not a valid role name (without arn:…:role/)", s.RoleName)
	case s.RoleName != "" && !s.Organization && len(s.Accounts) == 0:
		return errors.New("a role name requires accounts or the organization")
	}
	return nil
}

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
		words = append(words, "name="+n)
	}
	for _, t := range f.tags {
		words = append(words, "tag:"+t.key+"="+t.value)
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
