package fakeaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// World is all that the Server knows. Get at it through View and Update only.
type World struct {
	// Principals are users, roles and services by ARN, and role sessions, of which
	// several may have the same ARN.
	Principals map[string]*Principal `json:"principals"`
	// Clusters are by ARN.
	Clusters map[string]*Cluster `json:"clusters"`
	// Keys are by ARN.
	Keys map[string]*Key `json:"keys"`
	// Aliases are by ARN.
	Aliases map[string]*Alias `json:"aliases"`
	// Regions are those that listing calls show; other regions answer too.
	Regions []Region `json:"regions"`
	// Organization is what organizations:ListAccounts shows, if anything.
	Organization []OrganizationAccount `json:"organization,omitempty"`
	// PageSize, if above 0, caps every page, to exercise paging.
	PageSize int `json:"pageSize,omitempty"`
}

// Region is one AWS region as account:ListRegions and ec2:DescribeRegions show it.
type Region struct {
	Name string `json:"name"`
	// OptIn is ENABLED_BY_DEFAULT, ENABLED or DISABLED, as Account Management
	// spells it; empty means ENABLED_BY_DEFAULT.
	OptIn string `json:"optIn,omitempty"`
}

// OrganizationAccount is one account of the organization.
type OrganizationAccount struct {
	ID    string `json:"id"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	// Status is ACTIVE, SUSPENDED or PENDING_CLOSURE; empty means ACTIVE.
	Status string `json:"status,omitempty"`
	// Management marks the account that owns the organization; only it may list.
	Management bool `json:"management,omitempty"`
}

func newWorld() *World {
	return &World{
		Principals: map[string]*Principal{}, Clusters: map[string]*Cluster{},
		Keys: map[string]*Key{}, Aliases: map[string]*Alias{},
	}
}

// View shows the world to f, which must neither keep nor change it.
func (s *Server) View(f func(*World)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	f(s.world)
}

// Update lets f change the world, and saves it. f must not keep it.
func (s *Server) Update(f func(*World)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	f(s.world)
	return s.save()
}

// Snapshot is the world as JSON, secrets included.
func (s *Server) Snapshot() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settleAll()
	return json.Marshal(s.world)
}

// Load replaces the world with a Snapshot, and starts again the associations
// that were under way.
func (s *Server) Load(data []byte) error {
	world := newWorld()
	if err := json.Unmarshal(data, world); err != nil {
		return fmt.Errorf("load the saved AWS world: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world = world
	for _, arn := range slices.Sorted(maps.Keys(world.Clusters)) {
		for _, u := range world.Clusters[arn].Updates {
			if u.Running && !u.Applied {
				s.apply(world.Clusters[arn], u)
			}
		}
	}
	return nil
}

// save hands the world to Options.Save. The caller holds mu.
func (s *Server) save() error {
	if s.opts.Save == nil {
		return nil
	}
	data, err := json.Marshal(s.world)
	if err != nil {
		return fmt.Errorf("encode the AWS world: %w", err)
	}
	if err := s.opts.Save(data); err != nil {
		return fmt.Errorf("save the AWS world: %w", err)
	}
	return nil
}

// Partition is the AWS partition that a region belongs to, told by its prefix.
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
