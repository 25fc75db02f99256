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

// AllRegions stands for the regions that an account has enabled.
const AllRegions = "all"

// Scope says where clusters are looked for in AWS.
type Scope struct {
	// Regions are names, or AllRegions alone; empty means the caller's own region.
	Regions []string
	// Accounts are ids; empty means the caller's own, unless Organization is set.
	Accounts []string
	// Organization means all active accounts of the caller's organization.
	Organization bool
	// RoleName is the role to assume in each account; empty means the caller itself.
	RoleName string
}

var rolePattern = regexp.MustCompile(`^[\w+=,.@-]+(/[\w+=,.@-]+)*$`)

// Validate refuses what can't be meant. The next command is up to the caller.
func (s Scope) Validate() error {
	for _, r := range s.Regions {
		if r != AllRegions && !binding.ValidRegion(r) {
			return fmt.Errorf("%q is no AWS region", r)
		}
	}
	if slices.Contains(s.Regions, AllRegions) && len(s.Regions) > 1 {
		return fmt.Errorf("%s stands for every region: name no others beside it", AllRegions)
	}
	for _, a := range s.Accounts {
		if !binding.ValidAccount(a) {
			return fmt.Errorf("%q is no id of an AWS account: it has twelve digits", a)
		}
	}
	switch {
	case s.Organization && len(s.Accounts) > 0:
		return errors.New("the organization and single accounts exclude each other")
	case (s.Organization || len(s.Accounts) > 0) && s.RoleName == "":
		return errors.New("other accounts need a role to assume in each")
	case s.RoleName != "" && !rolePattern.MatchString(s.RoleName):
		return fmt.Errorf("%q is no name of a role: leave out arn:…:role/", s.RoleName)
	case s.RoleName != "" && !s.Organization && len(s.Accounts) == 0:
		return errors.New("a role name needs accounts, or the organization, to assume the role in")
	}
	return nil
}

// Filter says which of the clusters count. The zero value takes all.
type Filter struct {
	names []string
	tags  []tagFilter
}

type tagFilter struct{ key, value string }

// NewFilter reads patterns of cluster names, of which one must match, and tags,
// KEY=VALUE or KEY, which must all match. * and ? stand for what they do in a shell.
func NewFilter(names, tags []string) (Filter, error) {
	f := Filter{}
	for _, n := range names {
		if n = strings.TrimSpace(n); n == "" {
			continue
		}
		if _, err := path.Match(n, ""); err != nil {
			return Filter{}, fmt.Errorf("%q is no pattern of names: %w", n, err)
		}
		f.names = append(f.names, n)
	}
	for _, t := range tags {
		key, value, given := strings.Cut(t, "=")
		if !given {
			value = "*"
		}
		if _, err := path.Match(value, ""); err != nil || key == "" {
			return Filter{}, fmt.Errorf("%q is no tag: KEY=VALUE, or KEY alone", t)
		}
		f.tags = append(f.tags, tagFilter{key, value})
	}
	return f, nil
}

// Name says whether a cluster of this name counts.
func (f Filter) Name(name string) bool {
	return len(f.names) == 0 || slices.ContainsFunc(f.names, func(p string) bool { return glob(p, name) })
}

// Tags says whether a cluster with these tags counts.
func (f Filter) Tags(tags map[string]string) bool {
	return !slices.ContainsFunc(f.tags, func(t tagFilter) bool {
		value, has := tags[t.key]
		return !has || !glob(t.value, value)
	})
}

// Words are the filter as a report tells it.
func (f Filter) Words() []string {
	var words []string
	for _, n := range f.names {
		words = append(words, "name="+n)
	}
	for _, t := range f.tags {
		words = append(words, "tag:"+t.key+"="+t.value)
	}
	return words
}

// glob is path.Match in which * also crosses slashes, since values are no paths.
func glob(pattern, s string) bool {
	const stand = "\x00"
	ok, _ := path.Match(strings.ReplaceAll(pattern, "/", stand), strings.ReplaceAll(s, "/", stand))
	return ok
}
