package fakeaws

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// GenerateOptions describe a generated fleet. The same options give the same fleet.
type GenerateOptions struct {
	// Clusters are distributed over the accounts and regions. The minimum of each is 1.
	Clusters, Regions, Accounts int
	Seed                        uint64
	// Throttle is the share of all calls that are throttled, from 0 to 1.
	Throttle float64
	// RegionsDown is the number of regions that return 503, AccountsDenied the number of
	// accounts that deny their role. The last ones are affected.
	RegionsDown, AccountsDenied int
	// Hostile adds tags and health messages that break output that is not escaped.
	Hostile bool
	// Trust lists the ARN patterns that may assume the role in each account. Empty allows
	// all.
	Trust []string
	// Now is the reference time of all dates.
	Now time.Time
}

// Generated is the result of AddGenerated.
type Generated struct {
	// Expected are the expected results of the clusters, in the order of creation.
	Expected          []Expected
	Regions, Accounts []string
	// Down are the regions that fail, Denied the accounts that deny their role.
	Down, Denied []string
	// RoleName is the name of the role in each account that may read everything, and import findings.
	RoleName string
	// Faults are the faults for Throttle and RegionsDown.
	Faults []Fault
}

// auditRole has the permissions that an audit needs, with an import into Security Hub.
const auditRole = "eks-encrypt-audit"

// AddGenerated adds many clusters, with keys in every state, in many regions and accounts,
// an organization whose management account is the first one, and a role in each account. It
// replaces the Server's faults.
func (s *Server) AddGenerated(o GenerateOptions) (Generated, error) {
	g := &generator{o: o.withDefaults(), rand: rand.New(rand.NewPCG(o.Seed, 0))}
	err := s.Update(func(w *State) {
		g.state = w
		g.accounts()
		for i := range g.o.Clusters {
			g.cluster(i)
		}
		for _, c := range g.clusters {
			g.out.Expected = append(g.out.Expected, g.expected(c))
		}
	})
	g.faults()
	s.SetFaults(g.out.Faults)
	return g.out, err
}

func (o GenerateOptions) withDefaults() GenerateOptions {
	o.Clusters, o.Regions, o.Accounts = max(o.Clusters, 1), max(o.Regions, 1), max(o.Accounts, 1)
	if len(o.Trust) == 0 {
		o.Trust = []string{"*"}
	}
	if o.Now.IsZero() {
		o.Now = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	}
	return o
}

type generator struct {
	o        GenerateOptions
	rand     *rand.Rand
	state    *State
	clusters []*Cluster
	out      Generated
}

// regionNames are real regions, so that clients can resolve them.
var regionNames = []string{
	"us-east-1", "eu-central-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-northeast-1", "us-east-2", "eu-west-2",
	"ap-southeast-2", "eu-north-1", "ca-central-1", "sa-east-1", "ap-south-1", "eu-west-3", "us-west-1",
	"ap-northeast-2",
	"ap-northeast-3", "eu-south-1", "me-south-1", "af-south-1", "ap-east-1", "eu-central-2", "il-central-1",
	"me-central-1",
	"ap-southeast-3", "ap-southeast-4", "ap-south-2", "eu-south-2", "ca-west-1", "ap-southeast-5",
}

// generatedUnits contain the accounts in turn. The second is below the first.
var generatedUnits = []OrganizationalUnit{
	{ID: "ou-ab12-11111111", Parent: "r-ab12"}, {ID: "ou-ab12-22222222", Parent: "ou-ab12-11111111"},
}

// accounts adds the regions, the accounts, the organization and the roles.
func (g *generator) accounts() {
	g.out.RoleName = auditRole
	g.out.Regions = regionNames[:min(g.o.Regions, len(regionNames))]
	g.state.addRegions(g.out.Regions...)
	g.state.Units = generatedUnits
	g.out.Down = g.out.Regions[max(len(g.out.Regions)-g.o.RegionsDown, 0):]
	for i := range g.o.Accounts {
		id := fmt.Sprintf("%012d", 100000000001+int64(i))
		g.out.Accounts = append(g.out.Accounts, id)
		g.state.Organization = append(g.state.Organization, OrganizationAccount{
			ID: id, Name: fmt.Sprintf("account %d", i+1), Email: fmt.Sprintf("aws+%d@example.com", i+1),
			Management: i == 0, Parent: generatedUnits[i%2].ID,
		})
		role := Principal{ARN: "arn:aws:iam::" + id + ":role/" + auditRole, Trust: g.o.Trust, Policy: []Statement{
			Allow("eks:Describe*"), Allow("eks:List*"), Allow("kms:Describe*"), Allow("kms:List*"), Allow("kms:Get*"),
			Allow("ec2:DescribeRegions"), Allow("account:ListRegions"), Allow("organizations:List*"),
			Allow("sts:AssumeRole"), Allow("securityhub:GetFindings"), Allow("securityhub:Batch*Findings"),
		}}
		if i >= g.o.Accounts-g.o.AccountsDenied {
			role.Trust = nil
			g.out.Denied = append(g.out.Denied, id)
		}
		g.state.AddPrincipal(role)
	}
}

func (g *generator) faults() {
	for _, region := range g.out.Down {
		g.out.Faults = append(g.out.Faults, Fault{Service: "eks", Region: region, Status: 503,
			Code: "ServiceUnavailableException", Message: "Service is unavailable."})
	}
	if g.o.Throttle > 0 {
		g.out.Faults = append(g.out.Faults, Fault{Rate: g.o.Throttle, Status: 429, Code: "ThrottlingException",
			Message: "Rate exceeded"})
	}
}

// expected returns the expected result, including the faults and denied accounts.
func (g *generator) expected(c *Cluster) Expected {
	t := g.state.expected(c)
	for _, region := range g.out.Down {
		if region == c.Region {
			t.Unreachable = "region down"
		}
	}
	for _, account := range g.out.Denied {
		if account == c.Account {
			t.Unreachable = "account denied"
		}
	}
	return t
}
