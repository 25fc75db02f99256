package fleet

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	formats "github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
)

// audit returns the report of an audit of the fleet that ended at a time.
func (f fleet) audit(t *testing.T, o Options, rules Rules) *v1alpha1.AuditReport {
	t.Helper()
	g := f.gather(t, o)
	for i := range g.Unreachable {
		g.Unreachable[i].Reason = "503" // it may name how many other places failed
	}
	r := Assess(Answers{Items: g.Items, Unreachable: g.Unreachable, Notes: g.Notes, StartedAt: rules.Now.Add(-time.Minute),
		EmptyShard: o.Scope.Shard.Count > 0 && len(g.Accounts) == 0}, rules)
	r.Scope = v1alpha1.AuditScope{
		Filters: o.Filter.Conditions(), Organization: o.Scope.Organization, ExcludedRegions: o.Scope.ExcludeRegions,
		ExcludedAccounts: o.Scope.ExcludeAccounts, RoleName: o.Scope.RoleName, Shard: o.Scope.Shard.String(),
		AllRegions: true, Regions: g.Regions, Accounts: g.Accounts, AccountNames: g.AccountNames, Answered: g.Answered,
		FilteredOut: g.FilteredOut, Controls: rules.Controls,
	}
	return r
}

// judge assesses recorded reports.
func judge(rules Rules, reports ...*v1alpha1.AuditReport) *v1alpha1.AuditReport {
	m := Merge(reports...)
	r := Assess(m.Answers, rules)
	r.Scope, r.Provenance = m.Scope, m.Provenance
	r.Scope.Controls = rules.Controls
	return r
}

// timeless returns the report without what differs between a merged report and that of one run.
func timeless(t *testing.T, r *v1alpha1.AuditReport) *v1alpha1.AuditReport {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var out v1alpha1.AuditReport
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	out.JudgedAt = nil
	for i := range out.Items {
		out.Items[i].CreationTimestamp.Reset()
	}
	return &out
}

// TestMergedShards checks that the shards of an audit merge to the report of one run, in every format, although regions
// and accounts fail, a filter leaves out clusters, patterns leave out nothing, and keys belong to accounts of other
// shards, which alone may read them.
func TestMergedShards(t *testing.T) {
	for _, count := range []int{1, 3, 16} { // of 16 shards, some have no account
		f := newFleet(t, fakeaws.GenerateOptions{
			Clusters: 200, Regions: 6, Accounts: 7, Seed: 3, RegionsDown: 1, AccountsDenied: 1, Hostile: true,
		})
		rules := f.rules()
		shared := f.shareKeys(t)
		o := f.options()
		o.Scope.ExcludeRegions = []string{"xx-*", f.Regions[0]}
		filter, err := NewFilter([]string{"c00*", "c01[0-4]*"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		o.Filter = filter
		want := f.audit(t, o, rules)
		if !slices.ContainsFunc(want.Items, func(r v1alpha1.EncryptionReport) bool {
			return r.Key != nil && shared[r.Key.ARN] && r.Key.Usable == v1alpha1.UsableYes
		}) {
			t.Fatal("no key of another account is usable")
		}
		var shards []*v1alpha1.AuditReport
		for i := range count {
			o.Scope.Shard = Shard{i, count}
			shards = append(shards, f.audit(t, o, rules))
		}
		slices.Reverse(shards)
		merged := judge(rules, shards...)
		for _, format := range formats.Formats() {
			var a, b bytes.Buffer
			if err := formats.Write(&a, format, timeless(t, want), formats.Options{}); err != nil {
				t.Fatal(err)
			}
			if err := formats.Write(&b, format, timeless(t, merged), formats.Options{}); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(a.Bytes(), b.Bytes()) {
				t.Errorf("%d shards: the %s of the merged report differs from that of one run", count, format)
			}
		}
		if diff := gocmp.Diff(timeless(t, want), timeless(t, merged)); diff != "" {
			t.Errorf("%d shards: %s", count, diff[:min(len(diff), 4000)])
		}
	}
}

// shareKeys gives each second cluster that has a key one of another account, whose policy does not let the account of
// the cluster read it. It returns their ARNs.
func (f fleet) shareKeys(t *testing.T) map[string]bool {
	t.Helper()
	shared := map[string]bool{}
	awstest.Must(t, f.Update(func(w *fakeaws.State) {
		for i, truth := range f.Generated.Expected {
			if truth.KeyARN == "" || i%2 == 0 {
				continue
			}
			owner := f.Accounts[(slices.Index(f.Accounts, truth.Account)+1)%len(f.Accounts)]
			key := w.AddKey(fakeaws.Key{Region: truth.Region, Account: owner, RotationDays: 365}).ARN()
			w.Clusters[truth.ARN].KeyARN, shared[key] = key, true
		}
	}))
	return shared
}

// at returns the report of an audit of one account that began at minute and lasted one.
func at(minute int, scope v1alpha1.AuditScope, a Answers) *v1alpha1.AuditReport {
	a.StartedAt = now.Add(time.Duration(minute) * time.Minute)
	r := Assess(a, Rules{Controls: []string{controlEnvelope, controlUsable}, Now: a.StartedAt.Add(time.Minute)})
	scope.Controls = r.Scope.Controls
	r.Scope = scope
	return r
}

const ownAccount = "111122223333"

// inPlace is the scope of one account and these regions, of which the answered ones answered.
func inPlace(regions string, answered ...string) v1alpha1.AuditScope {
	s := v1alpha1.AuditScope{Accounts: []string{ownAccount}, Regions: strings.Fields(regions)}
	if len(answered) > 0 {
		s.Answered = []v1alpha1.AccountRegions{{Account: ownAccount, Regions: answered}}
	}
	return s
}

func dark(region, reason string) []v1alpha1.Unreachable {
	return []v1alpha1.Unreachable{{Account: ownAccount, Region: region, Reason: reason}}
}

// merged is a merged report in short.
type merged struct {
	Items, Unreachable []string
	Answered           string
	Notes              []string
	Outcome            v1alpha1.AuditOutcome
}

func inShort(r *v1alpha1.AuditReport) merged {
	m := merged{Notes: r.Notes, Outcome: r.Summary.Outcome}
	for i := range r.Items {
		c := &r.Items[i]
		m.Items = append(m.Items, cmp.Or(c.Cluster.Name, c.Cluster.Context)+" "+string(c.Encryption.Verdict))
	}
	for _, u := range r.Unreachable {
		m.Unreachable = append(m.Unreachable, strings.TrimSpace(strings.Join([]string{u.Context, u.Region, u.Reason}, " ")))
	}
	for _, a := range r.Scope.Answered {
		m.Answered += strings.Join(a.Regions, " ")
	}
	return m
}

func TestMerge(t *testing.T) {
	const eu, us = "eu-central-1", "us-east-1"
	good := report("good", v1alpha1.VerdictCustomerManagedKey, usable(keyA))
	bad := report("good", v1alpha1.VerdictCustomerManagedKey, unusable(keyA))
	other := report("other", v1alpha1.VerdictAWSOwnedKey, nil)
	lost := report("other", v1alpha1.VerdictUnknown, nil)
	ofContext := func(name string, verdict v1alpha1.Verdict) v1alpha1.EncryptionReport {
		r := report("", verdict, nil)
		r.Cluster = v1alpha1.Cluster{Context: name}
		return r
	}
	excluding := func(s v1alpha1.AuditScope, regions ...string) v1alpha1.AuditScope {
		s.AllRegions, s.ExcludedRegions = true, regions
		return s
	}
	repeated := "in several reports, and the one that was observed last counts: " + clusterARN("good")
	for name, test := range map[string]struct {
		reports []*v1alpha1.AuditReport
		want    merged
	}{
		"the later observation of a cluster counts, in whatever order the reports are given": {
			[]*v1alpha1.AuditReport{
				at(10, inPlace(eu, eu), Answers{Items: list(bad)}), at(0, inPlace(eu, eu), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Answered: eu, Notes: []string{repeated}, Outcome: "Finding"},
		},
		"a cluster that one report has twice counts once": {
			[]*v1alpha1.AuditReport{at(0, inPlace(eu, eu), Answers{Items: list(bad, bad)})},
			merged{Items: []string{"good CustomerManagedKey"}, Answered: eu, Outcome: "Finding"},
		},
		"also if it is unknown": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu, eu), Answers{Items: list(other)}), at(10, inPlace(eu, eu), Answers{Items: list(lost)}),
			},
			merged{Items: []string{"other Unknown"}, Answered: eu, Outcome: "CannotTell",
				Notes: []string{strings.ReplaceAll(repeated, "/good", "/other")}},
		},
		"a cluster is gone if its place answered later without it": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu, eu), Answers{Items: list(good, other)}), at(10, inPlace(eu, eu), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Answered: eu, Outcome: "Holds", Notes: []string{repeated,
				"not in a later report whose region answered, so left out as deleted: " + clusterARN("other")}},
		},
		"it is not if the reports overlap in time": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu, eu), Answers{Items: list(good)}), at(0, inPlace(eu, eu), Answers{Items: list(other)}),
			},
			merged{Items: []string{"good CustomerManagedKey", "other AWSOwnedKey"}, Answered: eu, Outcome: "Holds"},
		},
		"nor if the later report filters it": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu, eu), Answers{Items: list(other)}),
				at(10, func() v1alpha1.AuditScope {
					s := inPlace(eu, eu)
					s.FilteredOut = []string{clusterARN("other"), clusterARN("third")}
					return s
				}(), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey", "other AWSOwnedKey"}, Answered: eu, Outcome: "Holds",
				Notes: []string{"1 clusters were left out by --cluster-name or --tag"}},
		},
		"a place that answers later is reachable": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu), Answers{Unreachable: dark(eu, "503")}), at(1, inPlace(eu, eu), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Answered: eu, Outcome: "Holds"},
		},
		"one that answered at about the same time is not": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu), Answers{Unreachable: dark(eu, "503")}), at(0, inPlace(eu, eu), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Unreachable: []string{eu + " 503"}, Outcome: "CannotTell"},
		},
		"one that answered only earlier is not, and its clusters stay": {
			[]*v1alpha1.AuditReport{
				at(10, inPlace(eu), Answers{Unreachable: dark(eu, "503")}), at(0, inPlace(eu, eu), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Unreachable: []string{eu + " 503"}, Outcome: "CannotTell"},
		},
		"the latest reason of a place counts": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu), Answers{Unreachable: dark(eu, "503")}),
				at(10, inPlace(eu), Answers{Unreachable: dark(eu, "denied")}),
			},
			merged{Unreachable: []string{eu + " denied"}, Outcome: "CannotTell"},
		},
		"an account is reachable once all its regions were queried": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu+" "+us), Answers{Unreachable: dark("", "role")}),
				at(10, inPlace(eu+" "+us, eu), Answers{Items: list(good), Unreachable: dark(us, "503")}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Unreachable: []string{us + " 503"}, Answered: eu,
				Outcome: "CannotTell"},
		},
		"not if only some were": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu+" "+us), Answers{Unreachable: dark("", "role")}),
				at(10, inPlace(eu, eu), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Unreachable: []string{"role"}, Answered: eu,
				Outcome: "CannotTell"},
		},
		"all regions include those of the account": {
			[]*v1alpha1.AuditReport{
				at(0, excluding(inPlace("")), Answers{Unreachable: dark("", "role")}),
				at(10, excluding(inPlace(eu, eu)), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Answered: eu, Outcome: "Holds"},
		},
		"but not without the excluded ones": {
			[]*v1alpha1.AuditReport{
				at(0, excluding(inPlace("")), Answers{Unreachable: dark("", "role")}),
				at(10, excluding(inPlace(eu, eu), "us-*"), Answers{Items: list(good)}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Unreachable: []string{"role"}, Answered: eu,
				Outcome: "CannotTell",
				Notes:   []string{"the reports were made with different selections of regions"}},
		},
		"an account that is lost later takes its regions along": {
			[]*v1alpha1.AuditReport{
				at(0, inPlace(eu, eu), Answers{Items: list(good)}),
				at(10, inPlace(eu), Answers{Unreachable: dark("", "role")}),
			},
			merged{Items: []string{"good CustomerManagedKey"}, Unreachable: []string{"role"}, Outcome: "CannotTell"},
		},
		"contexts of one name may be different": {
			[]*v1alpha1.AuditReport{
				at(0, v1alpha1.AuditScope{Contexts: []string{"dev", "prod"}}, Answers{
					Items:       list(ofContext("dev", v1alpha1.VerdictNotApplicable), good),
					Unreachable: []v1alpha1.Unreachable{{Context: "x", Reason: "expired"}}}),
				at(10, v1alpha1.AuditScope{Contexts: []string{"prod", "dev"}}, Answers{
					Items: list(ofContext("dev", v1alpha1.VerdictUnknown), other)}),
			},
			merged{Items: []string{"dev NotApplicable", "good CustomerManagedKey", "dev Unknown", "other AWSOwnedKey"},
				Unreachable: []string{"x  expired"}, Outcome: "CannotTell"},
		},
		"equal items are one": {
			[]*v1alpha1.AuditReport{
				at(0, v1alpha1.AuditScope{}, Answers{Items: list(ofContext("dev", v1alpha1.VerdictNotApplicable), good)}),
				at(9, v1alpha1.AuditScope{}, Answers{Items: list(ofContext("dev", v1alpha1.VerdictNotApplicable))}),
			},
			merged{Items: []string{"dev NotApplicable", "good CustomerManagedKey"}, Outcome: "Holds"},
		},
		"two items of one cluster in one report stay two": {
			[]*v1alpha1.AuditReport{at(0, v1alpha1.AuditScope{}, Answers{Items: list(good, bad)})},
			merged{Items: []string{"good CustomerManagedKey", "good CustomerManagedKey"}, Outcome: "Finding"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := judge(Rules{Controls: []string{controlEnvelope, controlUsable}, Now: now.Add(time.Hour)}, test.reports...)
			if diff := gocmp.Diff(test.want, inShort(got), cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			again := judge(Rules{Controls: []string{controlEnvelope, controlUsable}, Now: now.Add(time.Hour)}, got)
			if diff := gocmp.Diff(inShort(got), inShort(again), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("the merged report, merged again: %s", diff)
			}
		})
	}
}
