package fleet

import (
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// small is a fleet of three regions and two accounts, in which every cluster has the same name.
func small(t *testing.T) fleet {
	t.Helper()
	f := newFleet(t, fakeaws.GenerateOptions{Clusters: 1, Regions: 3, Accounts: 2, Seed: 1})
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		clear(w.Clusters)
		clear(w.Keys)
		clear(w.Aliases)
		for _, account := range f.Accounts {
			for _, region := range f.Regions {
				w.AddCluster(fakeaws.Cluster{Name: "prod", Account: account, Region: region})
			}
		}
	}))
	return f
}

// TestDuplicates checks that a region or account that is given twice counts once.
func TestDuplicates(t *testing.T) {
	f := small(t)
	o := f.options()
	a, r := f.Accounts, f.Regions
	o.Scope = Scope{Accounts: []string{a[0], a[1], a[0]}, Regions: []string{r[0], r[1], r[0]}, RoleName: f.RoleName}
	g := f.gather(t, o)
	if len(g.Items) != 4 || len(g.Accounts) != 2 || len(g.Regions) != 2 || len(g.Answered) != 2 {
		t.Errorf("%d clusters, accounts %v, regions %v, answered %v; want 4, 2, 2, 2", len(g.Items), g.Accounts, g.Regions,
			g.Answered)
	}
	o.Scope = Scope{Units: []string{"ou-ab12-22222222", "ou-ab12-11111111"}, Regions: r[:1], RoleName: f.RoleName}
	if g := f.gather(t, o); len(g.Items) != 2 || g.AccountNames[a[1]] != "account 2" {
		t.Errorf("%d clusters, names %v; want one cluster for each account, and names", len(g.Items), g.AccountNames)
	}
}

// TestExclusions checks that excluded places are not queried, and that a pattern that excludes nothing is named.
func TestExclusions(t *testing.T) {
	f := small(t)
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		w.Regions = append(w.Regions, fakeaws.Region{Name: "me-south-1", OptIn: "DISABLED"},
			fakeaws.Region{Name: "il-central-1", OptIn: "DISABLING"})
	}))
	o := f.options()
	o.Scope.ExcludeRegions = []string{f.Regions[0], "il-*", "sa-east-1"}
	o.Scope.ExcludeAccounts = []string{f.Accounts[1], "999999999999"}
	f.ResetRequests()
	g := f.gather(t, o)
	if len(g.Items) != 2 || len(g.Accounts) != 1 || len(g.Answered) != 1 {
		t.Errorf("%d clusters, accounts %v, answered %v; want 2 of one account", len(g.Items), g.Accounts, g.Answered)
	}
	for _, call := range f.Requests() {
		region := call.Operation == "ListClusters" && call.Region == f.Regions[0]
		if region || call.Account == f.Accounts[1] {
			t.Errorf("call %s in %s/%s, want none", call.Operation, call.Account, call.Region)
		}
	}
	notes := strings.Join(g.Notes, "\n")
	for _, want := range []string{"--exclude-regions sa-east-1 leaves out nothing", "me-south-1 (DISABLED) in 1",
		"--exclude-accounts 999999999999 leaves out nothing"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes = %q, want %q", notes, want)
		}
	}
	if strings.Contains(notes, "il-central-1") || strings.Contains(notes, "il-*") {
		t.Errorf("notes = %q, want nothing about an excluded region", notes)
	}
}

// TestDeniedByOrganization checks that an explicit deny of the organization has a cause of its own.
func TestDeniedByOrganization(t *testing.T) {
	f := small(t)
	f.SetFaults([]fakeaws.Fault{
		{Operation: "ListClusters", Region: f.Regions[0], Code: "AccessDeniedException"},
		{Operation: "ListClusters", Region: f.Regions[1], Code: "AccessDeniedException",
			Message: "User: x is not authorized to perform: eks:ListClusters because no identity-based policy allows it"},
	})
	o := f.options()
	o.Scope = Scope{Regions: f.Regions, Accounts: f.Accounts[:1], RoleName: f.RoleName}
	causes := map[string]v1alpha1.UnreachableCause{}
	for _, u := range f.gather(t, o).Unreachable {
		causes[u.Region] = u.Cause
		if told := strings.Contains(u.Reason, "explicit deny in a service control policy of the organization"); told !=
			(u.Cause == v1alpha1.CauseServiceControlPolicy) {
			t.Errorf("reason = %q with cause %s", u.Reason, u.Cause)
		}
	}
	if causes[f.Regions[0]] != v1alpha1.CauseServiceControlPolicy ||
		causes[f.Regions[1]] != v1alpha1.CauseAccessDenied || len(causes) != 2 {
		t.Errorf("causes = %v, want a service control policy and an access denied", causes)
	}
}

// TestSecondTry checks that a key is read as the account of its cluster if the owner's role may not read it.
func TestSecondTry(t *testing.T) {
	f := small(t)
	owner, user := f.Accounts[1], f.Accounts[0]
	region := f.Regions[0]
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		key := w.AddKey(fakeaws.Key{Region: region, Account: owner, Policy: `{"Statement":[
			{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + user + `:root"},"Action":"kms:*","Resource":"*"}]}`})
		w.AddCluster(fakeaws.Cluster{Name: "shared", Account: user, Region: region, KeyARN: key.ARN()})
	}))
	for _, accounts := range [][]string{{user}, {user, owner}} {
		o := f.options()
		o.Scope = Scope{Regions: []string{region}, Accounts: accounts, RoleName: f.RoleName}
		items := byIdentity(f.gather(t, o).Items)
		c := items["arn:aws:eks:"+region+":"+user+":cluster/shared"]
		if c == nil || c.Key == nil || c.Key.Usable != v1alpha1.UsableYes {
			t.Errorf("accounts %v: cluster = %+v, want a usable key", accounts, c)
		}
	}
}

// TestAliasCalls checks that the aliases of a few keys do not cost a list of the whole region.
func TestAliasCalls(t *testing.T) {
	f := small(t)
	account, region := f.Accounts[0], f.Regions[0]
	add := func(w *fakeaws.State, name string) {
		key := w.AddKey(fakeaws.Key{Region: region, Account: account})
		w.AddAlias(fakeaws.Alias{Name: "alias/" + name, Region: region, Account: account, Target: key.ID})
		w.AddCluster(fakeaws.Cluster{Name: name, Account: account, Region: region, KeyARN: key.ARN()})
	}
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		for i := range 800 {
			w.AddAlias(fakeaws.Alias{Name: "alias/unused-" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) +
				strings.Repeat("y", i/26), Region: region, Account: account, Target: "ffffffff-0000-0000-0000-000000000001"})
		}
		add(w, "one")
	}))
	o := f.options()
	o.Scope = Scope{Regions: []string{region}, Accounts: []string{account}, RoleName: f.RoleName}
	count := func() (calls int) {
		f.ResetRequests()
		for _, item := range f.gather(t, o).Items {
			if item.Key != nil && !slices.Contains(item.Key.Aliases, "alias/"+item.Cluster.Name) {
				t.Errorf("aliases of %s = %v", item.Cluster.Name, item.Key.Aliases)
			}
		}
		for _, r := range f.Requests() {
			if r.Operation == "ListAliases" {
				calls++
			}
		}
		return calls
	}
	if n := count(); n != 1 {
		t.Errorf("%d calls of ListAliases for one key, want 1", n)
	}
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		for i := range 20 {
			add(w, "many-"+string(rune('a'+i)))
		}
	}))
	if n := count(); n > 13 {
		t.Errorf("%d calls of ListAliases for 21 keys, want at most 3 and a list of the region", n)
	}
}

func TestReadAccounts(t *testing.T) {
	ids, roles, err := ReadAccounts(strings.NewReader("\ufeff# ours\n\n111122223333\r\n" +
		"444455556666 role=team/auditor external-id=a:b/c # note\n444455556666 external-id=a:b/c role=team/auditor\n"))
	if err != nil || strings.Join(ids, " ") != "111122223333 444455556666 444455556666" ||
		roles["444455556666"] != (Role{"team/auditor", "a:b/c"}) || roles["111122223333"] != (Role{}) {
		t.Errorf("ReadAccounts = %v, %v, %v", ids, roles, err)
	}
	for _, bad := range []string{
		"1", "role=x", "111122223333 444455556666", "111122223333 role=", "111122223333 role=a role=b",
		"111122223333 rol=a", "111122223333 external-id=", "111122223333 external-id=a\x1bb",
		"111122223333 role=a\n111122223333 role=b", "111122223333,444455556666",
	} {
		if ids, _, err := ReadAccounts(strings.NewReader(bad)); err == nil || !strings.Contains(err.Error(), "line ") {
			t.Errorf("ReadAccounts(%q) = %v, %v, want an error with the line", bad, ids, err)
		}
	}
}

func FuzzReadAccounts(f *testing.F) {
	f.Add("111122223333 role=a external-id=b # c\n")
	f.Fuzz(func(t *testing.T, text string) {
		ids, roles, err := ReadAccounts(strings.NewReader(text))
		if err != nil || len(ids) == 0 {
			return
		}
		s := Scope{Accounts: ids, Roles: roles, RoleName: "r"}
		if err := s.Validate(); err != nil {
			t.Errorf("ReadAccounts accepted %q, which the scope refuses: %v", text, err)
		}
	})
}

func TestValidateScope(t *testing.T) {
	own := map[string]Role{"111122223333": {Name: "auditor"}}
	for _, good := range []Scope{
		{Regions: []string{"all", "all"}}, {Regions: []string{"eu-west-1", "eu-west-1"}},
		{Accounts: []string{"111122223333"}, Roles: own}, {Units: []string{"ou-ab12-11111111", "r-ab12"}, RoleName: "r"},
		{Regions: []string{"all"}, ExcludeRegions: []string{"ap-*", "me-south-1"}, ExcludeAccounts: []string{"1111*"}},
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: Validate = %v, want nil", good, err)
		}
	}
	for _, bad := range []Scope{
		{Units: []string{"ou-ab12-11111111"}}, {Units: []string{"prod"}, RoleName: "r"},
		{Units: []string{"r-ab12"}, Organization: true, RoleName: "r"},
		{Units: []string{"r-ab12"}, Accounts: []string{"111122223333"}, RoleName: "r"},
		{ExcludeRegions: []string{"nowhere"}}, {ExcludeRegions: []string{"eu-["}}, {ExcludeAccounts: []string{"1"}},
		{Accounts: []string{"111122223333", "444455556666"}, Roles: own},
		{Accounts: []string{"111122223333"}, RoleName: "r", ExternalID: "a b"},
		{Accounts: []string{"111122223333"}, Roles: map[string]Role{"111122223333": {Name: "arn:aws:iam::1:role/x"}}},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v: Validate = nil, want an error", bad)
		}
	}
}
