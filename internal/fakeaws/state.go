package fakeaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// State is the state of the Server. Access it only through View and Update.
type State struct {
	// Principals are users, roles and services by ARN, and role sessions by ARN and access key.
	Principals map[string]*Principal `json:"principals"`
	Clusters   map[string]*Cluster   `json:"clusters"`
	Keys       map[string]*Key       `json:"keys"`
	// Clusters, Keys and Aliases are by ARN.
	Aliases map[string]*Alias `json:"aliases"`
	// Regions are the regions that listing calls return. Other regions also work.
	Regions []Region `json:"regions"`
	// Organization is the list of organizations:ListAccounts; empty if there is none.
	Organization []OrganizationAccount `json:"organization,omitempty"`
	// Controls are the organization's policies by account ID.
	Controls map[string]Controls `json:"controls,omitempty"`
	// Events is the event history of CloudTrail.
	Events []Event `json:"events,omitempty"`
	// Units are the organizational units. Their ids, and those of roots, need no other entry.
	Units []OrganizationalUnit `json:"units,omitempty"`
	// Hub is Security Hub.
	Hub Hub `json:"hub,omitzero"`
	// PageSize limits the size of all pages, to test paging; 0 is unlimited.
	PageSize int `json:"pageSize,omitempty"`
}

// Region is one AWS region in account:ListRegions and ec2:DescribeRegions.
type Region struct {
	Name string `json:"name"`
	// OptIn is ENABLED_BY_DEFAULT, ENABLED or DISABLED; default ENABLED_BY_DEFAULT.
	OptIn string `json:"optIn,omitempty"`
}

// OrganizationAccount is one account of the organization.
type OrganizationAccount struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Status is ACTIVE, SUSPENDED or PENDING_CLOSURE; default ACTIVE.
	Status string `json:"status,omitempty"`
	// Management marks the management account, the only one that is allowed to list.
	Management bool `json:"management,omitempty"`
	// Parent is the id of the organizational unit or root that contains the account.
	Parent string `json:"parent,omitempty"`
}

// OrganizationalUnit is a unit below a root or another unit.
type OrganizationalUnit struct {
	ID     string `json:"id"`
	Parent string `json:"parent"`
}

func newState() *State {
	return &State{
		Principals: map[string]*Principal{}, Clusters: map[string]*Cluster{},
		Keys: map[string]*Key{}, Aliases: map[string]*Alias{},
	}
}

// View calls f with the state. f must neither keep nor change it.
func (s *Server) View(f func(*State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	f(s.state)
}

// Update calls f to change the state, and saves it. f must not keep it.
func (s *Server) Update(f func(*State)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	f(s.state)
	return s.save()
}

// Snapshot returns the state as JSON, including secrets.
func (s *Server) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	return json.Marshal(s.state)
}

// Load replaces the state with a Snapshot and resumes its associations.
func (s *Server) Load(data []byte) error {
	state := newState()
	if err := json.Unmarshal(data, state); err != nil {
		return fmt.Errorf("load the AWS state: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state = state
	for _, arn := range slices.Sorted(maps.Keys(state.Clusters)) {
		for _, u := range state.Clusters[arn].Updates {
			if u.Running && !u.Applied {
				s.apply(state.Clusters[arn], u)
			}
		}
	}
	return nil
}

// save calls Options.Save with the state. The caller holds mu.
func (s *Server) save() error {
	if s.opts.Save == nil {
		return nil
	}
	data, err := json.Marshal(s.state)
	if err != nil {
		return fmt.Errorf("encode the AWS state: %w", err)
	}
	if err := s.opts.Save(data); err != nil {
		return fmt.Errorf("save the AWS state: %w", err)
	}
	return nil
}

// Partition returns the AWS partition of a region.
func Partition(region string) string {
	for _, p := range []struct{ prefix, partition string }{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"},
		{"us-iso-", "aws-iso"}, {"eu-isoe-", "aws-iso-e"}, {"eusc-", "aws-eusc"},
	} {
		if strings.HasPrefix(region, p.prefix) {
			return p.partition
		}
	}
	return "aws"
}
