package fleet

import (
	"cmp"
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
	// Organization or Units is set.
	Accounts []string
	// Organization selects all active accounts of the caller's organization.
	Organization bool
	// Units are ids of organizational units. They select the active accounts in them and
	// in the units below them.
	Units []string
	// ExcludeRegions and ExcludeAccounts are patterns of what is left out.
	ExcludeRegions, ExcludeAccounts []string
	// RoleName is the role to assume in each account; empty means to act as the caller.
	// ExternalID is what its trust policy may require.
	RoleName, ExternalID string
	// Roles are the roles of single accounts, by account id. They replace RoleName and
	// ExternalID as far as they are set.
	Roles map[string]Role
	// Shard limits the accounts to one part of them.
	Shard Shard
}

// Role is a role to assume in one account.
type Role struct{ Name, ExternalID string }

var (
	rolePattern       = regexp.MustCompile(`^[\w+=,.@-]+(/[\w+=,.@-]+)*$`)
	unitPattern       = regexp.MustCompile(`^(ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}|r-[0-9a-z]{4,32})$`)
	externalIDPattern = regexp.MustCompile(`^[\w+=,.@:/-]+$`)
)

// Validate returns an error for a region, account, unit or role that is not valid, and for
// a combination of fields that makes no sense.
func (s Scope) Validate() error {
	for _, r := range s.Regions {
		if r != AllRegions && !binding.ValidRegion(r) {
			return fmt.Errorf("%q is not a valid AWS region", r)
		}
	}
	if slices.Contains(s.Regions, AllRegions) && len(distinct(s.Regions)) > 1 {
		return fmt.Errorf("region %q already includes all others and cannot be combined with them", AllRegions)
	}
	for _, a := range s.Accounts {
		if !binding.ValidAccount(a) {
			return fmt.Errorf("%q is not a valid AWS account id (twelve digits)", a)
		}
	}
	for _, u := range s.Units {
		if !unitPattern.MatchString(u) {
			return fmt.Errorf("%q is not a valid id of an organizational unit: must look like ou-ab12-11111111", u)
		}
	}
	if err := s.validateExclusions(); err != nil {
		return err
	}
	return s.validateRoles()
}

// validateExclusions accepts what a scope may contain, and patterns.
func (s Scope) validateExclusions() error {
	for _, list := range []struct {
		what     string
		patterns []string
		valid    func(string) bool
	}{
		{"region", s.ExcludeRegions, binding.ValidRegion},
		{"account id", s.ExcludeAccounts, binding.ValidAccount},
	} {
		for _, p := range list.patterns {
			wild := strings.ContainsAny(p, "*?[")
			if _, err := path.Match(p, ""); err != nil || !wild && !list.valid(p) {
				return fmt.Errorf("%q is not a valid AWS %s or pattern to exclude", p, list.what)
			}
		}
	}
	return nil
}

// validateRoles returns an error if the accounts and the roles do not belong together.
func (s Scope) validateRoles() error {
	lists := 0
	for _, given := range []bool{len(s.Accounts) > 0, s.Organization, len(s.Units) > 0} {
		if given {
			lists++
		}
	}
	for _, role := range append(s.ownRoles(), Role{s.RoleName, s.ExternalID}) {
		switch {
		case role.Name != "" && !rolePattern.MatchString(role.Name):
			return fmt.Errorf("%q is not a valid role name (without arn:…:role/)", role.Name)
		case role.ExternalID != "" && !externalIDPattern.MatchString(role.ExternalID):
			return fmt.Errorf("%q is not a valid external ID", role.ExternalID)
		}
	}
	without := func(account string) bool { return s.roleOf(account).Name == "" }
	switch {
	case lists > 1:
		return errors.New("the organization, organizational units and a list of accounts cannot be combined")
	case lists == 0 && s.RoleName != "":
		return errors.New("a role name requires accounts, organizational units or the organization")
	case (s.Organization || len(s.Units) > 0) && s.RoleName == "", slices.ContainsFunc(s.Accounts, without):
		return errors.New("accounts, organizational units and the organization require a role name to assume in each account")
	}
	return nil
}

func (s Scope) ownRoles() []Role {
	var roles []Role
	for _, account := range s.Accounts {
		roles = append(roles, s.Roles[account])
	}
	return roles
}

// roleOf returns the role to assume in the account.
func (s Scope) roleOf(account string) Role {
	own := s.Roles[account]
	return Role{cmp.Or(own.Name, s.RoleName), cmp.Or(own.ExternalID, s.ExternalID)}
}

// distinct returns the values in order, each once.
func distinct(values []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(values)))
}
