package fakeaws

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// GenerateOptions shape a generated fleet. The same options give the same fleet.
type GenerateOptions struct {
	// Clusters are spread over the accounts and regions. Below 1 counts as 1.
	Clusters, Regions, Accounts int
	Seed                        uint64
	// Throttle is the share of all calls that are throttled.
	Throttle float64
	// RegionsDown and AccountsDenied make the last regions answer 503 and the
	// last accounts refuse their role.
	RegionsDown, AccountsDenied int
	// Hostile gives some clusters tags, and some health messages, that try to
	// break terminals, spreadsheets and pages.
	Hostile bool
	// Trust lists the ARNs (globs) that may assume the role in each account;
	// all may if empty.
	Trust []string
	// Now is the moment dates are counted from.
	Now time.Time
}

// Generated is what AddGenerated has made.
type Generated struct {
	// Truths are by cluster, in the order they were made.
	Truths            []Truth
	Regions, Accounts []string
	// Down are the regions that fail, Denied the accounts that refuse.
	Down, Denied []string
	// RoleName is the role in each account that may look at everything.
	RoleName string
	// Faults are those now in force for Throttle and RegionsDown.
	Faults []Fault
}

// auditRole may look at all that an audit asks for.
const auditRole = "eks-encrypt-audit"

// AddGenerated adds many clusters, with keys in every state, over many regions
// and accounts, an organization that the first account manages, and a role to
// assume in each account. It replaces the Server's faults.
func (s *Server) AddGenerated(o GenerateOptions) (Generated, error) {
	g := &generator{o: o.withDefaults(), rand: rand.New(rand.NewPCG(o.Seed, 0))}
	err := s.Update(func(w *World) {
		g.world = w
		g.places()
		for i := range g.o.Clusters {
			g.cluster(i)
		}
		for _, c := range g.clusters {
			g.out.Truths = append(g.out.Truths, g.truth(c))
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
	world    *World
	clusters []*Cluster
	out      Generated
}

// regionNames are real, so that clients resolve them.
var regionNames = []string{
	"us-east-1", "eu-central-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-northeast-1", "us-east-2", "eu-west-2",
	"ap-southeast-2", "eu-north-1", "ca-central-1", "sa-east-1", "ap-south-1", "eu-west-3", "us-west-1", "ap-northeast-2",
	"ap-northeast-3", "eu-south-1", "me-south-1", "af-south-1", "ap-east-1", "eu-central-2", "il-central-1", "me-central-1",
	"ap-southeast-3", "ap-southeast-4", "ap-south-2", "eu-south-2", "ca-west-1", "ap-southeast-5",
}

// places makes regions, accounts, the organization and the roles.
func (g *generator) places() {
	g.out.RoleName = auditRole
	g.out.Regions = regionNames[:min(g.o.Regions, len(regionNames))]
	g.world.addRegions(g.out.Regions...)
	g.out.Down = g.out.Regions[max(len(g.out.Regions)-g.o.RegionsDown, 0):]
	for i := range g.o.Accounts {
		id := fmt.Sprintf("%012d", 100000000001+int64(i))
		g.out.Accounts = append(g.out.Accounts, id)
		g.world.Organization = append(g.world.Organization, OrganizationAccount{
			ID: id, Name: fmt.Sprintf("account %d", i+1), Email: fmt.Sprintf("aws+%d@example.com", i+1), Management: i == 0,
		})
		role := Principal{ARN: "arn:aws:iam::" + id + ":role/" + auditRole, Trust: g.o.Trust, Policy: []Statement{
			Allow("eks:Describe*"), Allow("eks:List*"), Allow("kms:Describe*"), Allow("kms:List*"), Allow("kms:Get*"),
			Allow("ec2:DescribeRegions"), Allow("account:ListRegions"), Allow("organizations:ListAccounts"),
			Allow("sts:AssumeRole"),
		}}
		if i >= g.o.Accounts-g.o.AccountsDenied {
			role.Trust = nil
			g.out.Denied = append(g.out.Denied, id)
		}
		g.world.AddPrincipal(role)
	}
}

func (g *generator) faults() {
	for _, region := range g.out.Down {
		g.out.Faults = append(g.out.Faults, Fault{Service: "eks", Region: region, Status: 503, Code: "ServiceUnavailableException", Message: "Service is unavailable."})
	}
	if g.o.Throttle > 0 {
		g.out.Faults = append(g.out.Faults, Fault{Rate: g.o.Throttle, Status: 429, Code: "ThrottlingException", Message: "Rate exceeded"})
	}
}

// truth adds what the faults and refusals hide.
func (g *generator) truth(c *Cluster) Truth {
	t := g.world.truth(c)
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
