package fakeaws

import (
	"fmt"
	"strings"
	"time"
)

// cluster adds the ith cluster. One in three has a key, one in 25 is not run by EKS.
func (g *generator) cluster(i int) {
	account := g.out.Accounts[g.rand.IntN(len(g.out.Accounts))]
	region := g.out.Regions[g.rand.IntN(len(g.out.Regions))]
	versions := []string{"1.26", "1.27", "1.28", "1.30", "1.31", "1.33", "1.34", "1.35", "1.35", "1.35"}
	c := Cluster{
		Name: fmt.Sprintf("c%04d", i), Account: account, Region: region, Version: versions[g.rand.IntN(len(versions))],
		Tags: g.tags(i), CreatedAt: g.o.Now.AddDate(0, 0, -g.rand.IntN(700)),
	}
	switch roll := g.rand.IntN(100); {
	case roll < 2:
		c.ConnectorProvider = []string{"GKE", "AKS", "EKS_ANYWHERE"}[g.rand.IntN(3)]
	case roll < 4:
		c.OutpostARN = "arn:aws:outposts:" + region + ":" + account + ":outpost/op-0a1b2c3d4e5f60718"
	case roll < 37:
		g.key(&c)
	case roll < 40:
		c.Status = "UPDATING"
	}
	added := g.state.AddCluster(c)
	if roll := g.rand.IntN(100); c.KeyARN == "" && roll < 3 && c.ConnectorProvider == "" && c.OutpostARN == "" {
		added.Updates = append(added.Updates, associationOf(added, g.newKey(&c, Key{}), "Failed",
			g.o.Now.Add(-time.Hour)))
	}
	g.clusters = append(g.clusters, added)
}

// key sets the key of the cluster: a new one, or that of another cluster.
func (g *generator) key(c *Cluster) {
	if g.rand.IntN(4) == 0 {
		for _, before := range g.clusters {
			if before.Account == c.Account && before.Region == c.Region && before.KeyARN != "" {
				c.KeyARN, c.Health = before.KeyARN, before.Health
				return
			}
		}
	}
	k, code := Key{}, ""
	if g.rand.IntN(2) == 0 {
		k.RotationDays = 365
	}
	switch g.rand.IntN(20) {
	case 0, 1:
		k.State, code = "Disabled", "KmsKeyDisabled"
	case 2:
		k.State, code, k.DeletionDate = "PendingDeletion", "KmsKeyMarkedForDeletion",
			g.o.Now.AddDate(0, 0, 3+g.rand.IntN(25))
	case 3:
		k.Account = "999999999999" // its policy denies access
	case 4:
		k.Origin, k.RotationDays = "EXTERNAL", 0
	}
	c.KeyARN = g.newKey(c, k)
	if code != "" && g.rand.IntN(2) == 0 { // health is reported with a delay
		c.Health = []HealthIssue{{Code: code, Message: g.message(), ResourceIDs: []string{c.KeyARN}}}
	}
}

func (g *generator) newKey(c *Cluster, k Key) string {
	k.Region = c.Region
	if k.Account == "" {
		k.Account = c.Account
	}
	added := g.state.AddKey(k)
	g.state.AddAlias(Alias{Name: "alias/eks/" + c.Name, Region: added.Region, Account: added.Account, Target: added.ID})
	return added.ARN()
}

// hostile values break output that is not escaped: terminals, spreadsheets, HTML, CI
// annotations and tables.
var hostile = []string{
	`=cmd|' /C calc'!A0`, `+1+1`, `@SUM(A1:A9)`, "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`,
	"\x1b[31mred\x1b[0m\x1b]0;title\x07", "right\u202eot\u2066left", "a\tb\nc|d", "]]>--><!--", "%0A::error::injected",
}

func (g *generator) message() string {
	if g.o.Hostile {
		return hostile[g.rand.IntN(len(hostile))]
	}
	return "Internal failure encountered when trying to validate resources"
}

func (g *generator) tags(i int) map[string]string {
	name := fmt.Sprintf("c%04d", i)
	tags := map[string]string{"team": []string{"payments", "web", "data"}[g.rand.IntN(3)]}
	switch g.rand.IntN(6) {
	case 0:
		tags["sigs.k8s.io/cluster-api-provider-aws/cluster/"+name] = "owned"
		tags["spectro__clusterUid"] = strings.Repeat("64f0", 6)
	case 1:
		tags["alpha.eksctl.io/cluster-name"] = name
	case 2:
		tags["aws:cloudformation:stack-name"] = name
	}
	if g.o.Hostile && g.rand.IntN(3) == 0 {
		tags["note"] = hostile[g.rand.IntN(len(hostile))]
	}
	return tags
}
