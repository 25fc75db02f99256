package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

const (
	keyA = "arn:aws:kms:eu-central-1:111122223333:key/aaaaaaaa-0000-0000-0000-000000000001"
	keyB = "arn:aws:kms:eu-central-1:111122223333:key/bbbbbbbb-0000-0000-0000-000000000002"
	keyC = "arn:aws:kms:us-east-1:111122223333:key/cccccccc-0000-0000-0000-000000000003"
)

func clusterARN(name string) string {
	return "arn:aws:eks:eu-central-1:111122223333:cluster/" + name
}

// report is a cluster with its controls answered as the real ones are.
func report(name string, verdict v1alpha1.Verdict, key *v1alpha1.Key) v1alpha1.EncryptionReport {
	r := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{
		ARN: clusterARN(name), Name: name, Region: "eu-central-1", Account: "111122223333", Guard: v1alpha1.GuardUnverified, KubernetesVersion: "1.31",
	}, Encryption: v1alpha1.Encryption{Verdict: verdict, Scope: v1alpha1.ScopeAllAPIData, Reason: "because"}, Key: key}
	if key != nil {
		r.Encryption.KeyARN = key.ARN
	}
	r.Controls = encryption.Controls(&r)
	return r
}

func usable(arn string) *v1alpha1.Key {
	return &v1alpha1.Key{ARN: arn, State: "Enabled", Usable: v1alpha1.UsableYes, Rotation: &v1alpha1.Rotation{Enabled: true}}
}

func broken(arn string) *v1alpha1.Key {
	return &v1alpha1.Key{ARN: arn, State: "Disabled", Usable: v1alpha1.UsableNo, Reason: "KMS says Disabled", Rotation: &v1alpha1.Rotation{}}
}

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func rules(controls ...string) Rules { return Rules{Controls: controls, Now: now} }

func TestAssess(t *testing.T) {
	owned := report("owned", v1alpha1.VerdictAWSOwnedKey, nil)
	good := report("good", v1alpha1.VerdictCustomerManagedKey, usable(keyA))
	bad := report("bad", v1alpha1.VerdictCustomerManagedKey, broken(keyB))
	none := report("none", v1alpha1.VerdictNotEncrypted, nil)
	lost := report("lost", v1alpha1.VerdictUnknown, nil)
	connected := report("connected", v1alpha1.VerdictNotApplicable, nil)
	astray := report("astray", v1alpha1.VerdictNotEncrypted, nil)
	astray.Cluster.Guard = v1alpha1.GuardMismatch
	kind := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Context: "kind"}, Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictNotApplicable}}
	kind.Controls = encryption.Controls(&kind)
	stale := &v1alpha1.CoverageReport{Verdict: v1alpha1.CoverageStale, Statement: "3 are stale"}
	for _, test := range []struct {
		name                string
		items               []v1alpha1.EncryptionReport
		rules               Rules
		data                map[string]Data
		unreachable         []v1alpha1.Unreachable
		findings, undecided []string
		outcome             v1alpha1.AuditOutcome
	}{
		{name: "envelope", items: list(owned, good, connected), rules: rules("ENC-1", "ENC-3"), outcome: v1alpha1.OutcomeHolds},
		{name: "customer key", items: list(owned, good), rules: rules("ENC-1", "ENC-2"), findings: []string{"ENC-2 owned"}, outcome: v1alpha1.OutcomeFinding},
		{name: "gravest first", items: list(none, bad), rules: rules("ENC-1", "ENC-3"), findings: []string{"ENC-3 bad", "ENC-1 none"}, outcome: v1alpha1.OutcomeFinding},
		{name: "unknown", items: list(good, lost), rules: rules("ENC-1"), undecided: []string{"ENC-1 lost"}, outcome: v1alpha1.OutcomeCannotTell},
		{name: "a finding outweighs", items: list(none, lost), rules: rules("ENC-1"), findings: []string{"ENC-1 none"}, undecided: []string{"ENC-1 lost"}, outcome: v1alpha1.OutcomeFinding},
		{name: "unreachable", items: list(good), rules: rules("ENC-1"), unreachable: []v1alpha1.Unreachable{{Region: "us-east-1"}}, outcome: v1alpha1.OutcomeCannotTell},
		{name: "another cluster", items: list(astray), rules: rules("ENC-1"), undecided: []string{"ENC-1 astray"}, outcome: v1alpha1.OutcomeCannotTell},
		{name: "nothing at all", rules: rules("ENC-1"), outcome: v1alpha1.OutcomeCannotTell},
		{name: "no EKS at all", items: list(kind), rules: rules("ENC-1"), outcome: v1alpha1.OutcomeCannotTell},
		{name: "no EKS cluster beside one", items: list(kind, good), rules: rules("ENC-1"), outcome: v1alpha1.OutcomeHolds},
		{name: "not approved", items: list(owned, good, bad), rules: Rules{Controls: []string{"ENC-6"}, Approved: []string{keyB}, Now: now}, findings: []string{"ENC-6 good"}, outcome: v1alpha1.OutcomeFinding},
		{name: "stale data", items: list(good, owned), rules: rules("ENC-5"), data: map[string]Data{good.Cluster.ARN: {Coverage: stale}}, findings: []string{"ENC-5 good"}, outcome: v1alpha1.OutcomeFinding},
		{name: "data not looked at", items: list(good), rules: rules("ENC-5"), data: map[string]Data{good.Cluster.ARN: {Unasked: "no context"}}, undecided: []string{"ENC-5 good"}, outcome: v1alpha1.OutcomeCannotTell},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Assess(Answers{Items: test.items, Unreachable: test.unreachable, Data: test.data, StartedAt: now}, test.rules)
			if diff := cmp.Diff(test.findings, short(r.Findings)); diff != "" {
				t.Errorf("findings: %s", diff)
			}
			if diff := cmp.Diff(test.undecided, short(r.Undecided)); diff != "" {
				t.Errorf("undecided: %s", diff)
			}
			if r.Summary.Outcome != test.outcome || r.Summary.Findings != len(r.Findings) || r.Summary.Clusters != len(test.items) || r.Items == nil {
				t.Errorf("summary %+v", r.Summary)
			}
			for _, f := range r.Findings {
				if f.Remedy == "" || f.Severity == "" || f.Title == "" || f.Reason == "" {
					t.Errorf("half a finding: %+v", f)
				}
			}
		})
	}
	if good.Controls[5].Result != v1alpha1.ResultNotApplicable {
		t.Error("Assess has changed its input")
	}
}

func list(items ...v1alpha1.EncryptionReport) []v1alpha1.EncryptionReport { return items }

func short(findings []v1alpha1.Finding) []string {
	var words []string
	for _, f := range findings {
		words = append(words, f.Control+" "+f.Name)
	}
	return words
}

func TestWaivers(t *testing.T) {
	none := report("legacy-1", v1alpha1.VerdictNotEncrypted, nil)
	for _, test := range []struct {
		name    string
		waivers []Waiver
		waived  bool
		expired string
	}{
		{"by name", []Waiver{{"legacy-*", "ENC-1", "r", "ann", "2026-11-25"}}, true, ""},
		{"by ARN", []Waiver{{"arn:aws:eks:*:111122223333:cluster/legacy-?", "ENC-1", "r", "ann", "2027-01-01"}}, true, ""},
		{"of another account", []Waiver{{"arn:aws:eks:*:444455556666:cluster/legacy-?", "ENC-1", "r", "ann", "2027-01-01"}}, false, ""},
		{"of another control", []Waiver{{"legacy-*", "ENC-3", "r", "ann", "2027-01-01"}}, false, ""},
		{"expired yesterday", []Waiver{{"legacy-*", "ENC-1", "r", "ann", "2026-11-24"}}, false, "ann"},
		{"the latest of the expired", []Waiver{{"*", "ENC-1", "r", "bob", "2026-01-01"}, {"legacy-*", "ENC-1", "r", "ann", "2026-11-24"}, {"*", "ENC-1", "r", "eve", "2025-01-01"}}, false, "ann"},
		{"a valid one beside it", []Waiver{{"legacy-*", "ENC-1", "r", "ann", "2026-11-24"}, {"*", "ENC-1", "r", "bob", "2027-01-01"}}, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Assess(Answers{Items: list(none), StartedAt: now}, Rules{Controls: []string{"ENC-1"}, Waivers: test.waivers, Now: now})
			if (len(r.Waived) == 1) != test.waived || (len(r.Findings) == 0) != test.waived {
				t.Fatalf("waived %+v, findings %+v", r.Waived, r.Findings)
			}
			expired := ""
			if len(r.Findings) > 0 && r.Findings[0].ExpiredWaiver != nil {
				expired = r.Findings[0].ExpiredWaiver.Owner
			}
			if expired != test.expired {
				t.Errorf("the expired waiver is %q's, want %q's", expired, test.expired)
			}
		})
	}
	// What could not be told can't be waived: nobody knows what it is.
	r := Assess(Answers{Items: list(report("x", v1alpha1.VerdictUnknown, nil))}, Rules{Controls: []string{"ENC-1"}, Waivers: []Waiver{{"*", "ENC-1", "r", "ann", "2027-01-01"}}, Now: now})
	if len(r.Undecided) != 1 || len(r.Waived) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestParseWaivers(t *testing.T) {
	const good = "waivers:\n- {cluster: 'legacy-*', control: enc-1, reason: r, owner: ann, expires: 2027-01-31}\n"
	got, err := ParseWaivers([]byte(good))
	if err != nil || len(got) != 1 || got[0].Control != "ENC-1" {
		t.Fatalf("%+v, %v", got, err)
	}
	if end, _ := got[0].end(); !end.Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("it ends %v", end)
	}
	for name, text := range map[string]string{
		"misspelt field": strings.Replace(good, "cluster:", "clusters:", 1), "misspelt list": strings.Replace(good, "waivers:", "waiver:", 1),
		"no owner": strings.Replace(good, "owner: ann, ", "", 1), "no reason": strings.Replace(good, "reason: r", "reason: ' '", 1),
		"no expiry": strings.Replace(good, ", expires: 2027-01-31", "", 1), "no day": strings.Replace(good, "2027-01-31", "never", 1),
		"no such day": strings.Replace(good, "2027-01-31", "2027-02-30", 1), "unknown control": strings.Replace(good, "enc-1", "ENC-7", 1),
		"no pattern": strings.Replace(good, "legacy-*", "[", 1), "a duplicate field": strings.Replace(good, "owner: ann", "owner: ann, owner: bob", 1),
		"no YAML": "{",
	} {
		if got, err := ParseWaivers([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got, err := ParseWaivers(nil); err != nil || len(got) != 0 {
		t.Errorf("an empty file: %+v, %v", got, err)
	}
}

func FuzzParseWaivers(f *testing.F) {
	f.Add([]byte("waivers:\n- {cluster: '*', control: ENC-1, reason: r, owner: ann, expires: 2027-01-31}\n"), "c")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		waivers, err := ParseWaivers(text)
		if err != nil {
			return
		}
		for _, w := range waivers {
			if _, err := w.end(); err != nil || w.Owner == "" || !slices.Contains(ControlIDs(), w.Control) {
				t.Errorf("accepted %+v (%v)", w, err)
			}
			w.covers(clusterARN(name), name, w.Control)
		}
	})
}

func TestReadKeyARNs(t *testing.T) {
	got, err := ReadKeyARNs(strings.NewReader("# ours\n\n" + keyB + "  # prod\n  " + keyA + "\r\n" + keyB + "\n"))
	if diff := cmp.Diff([]string{keyA, keyB}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"alias/prod", strings.Replace(keyA, "key/", "alias/", 1), "aaaaaaaa-0000-0000-0000-000000000001", "*", keyA + " " + keyB, "arn:aws:eks:eu-central-1:111122223333:cluster/x"} {
		if got, err := ReadKeyARNs(strings.NewReader(keyA + "\n" + bad)); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

func FuzzReadKeyARNs(f *testing.F) {
	f.Add(keyA + " # x\n")
	f.Fuzz(func(t *testing.T, text string) {
		arns, err := ReadKeyARNs(strings.NewReader(text))
		for _, a := range arns {
			if !keyARNPattern.MatchString(a) || err != nil {
				t.Errorf("%q, %v", a, err)
			}
		}
	})
}

func TestKeyView(t *testing.T) {
	date := metav1.NewTime(now.Add(11*24*time.Hour + 5*time.Hour))
	soon := metav1.NewTime(now.Add(36 * time.Hour))
	doomed := &v1alpha1.Key{ARN: keyC, State: "PendingDeletion", Usable: v1alpha1.UsableNo, Reason: "KMS says PendingDeletion", DeletionDate: &date}
	const keyD = "arn:aws:kms:us-east-1:111122223333:key/dddddddd-0000-0000-0000-000000000004"
	sooner := &v1alpha1.Key{ARN: keyD, State: "PendingDeletion", Usable: v1alpha1.UsableNo, DeletionDate: &soon}
	const foreign = "arn:aws:kms:us-east-1:444455556666:key/eeeeeeee-0000-0000-0000-000000000005"
	hidden := &v1alpha1.Key{ARN: foreign, Usable: v1alpha1.UsableUnknown, Reason: "access denied"}
	view := keyView(list(
		report("a2", v1alpha1.VerdictCustomerManagedKey, usable(keyA)), report("a1", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
		report("b", v1alpha1.VerdictCustomerManagedKey, broken(keyB)), report("h", v1alpha1.VerdictCustomerManagedKey, hidden),
		report("c", v1alpha1.VerdictCustomerManagedKey, doomed), report("d", v1alpha1.VerdictCustomerManagedKey, sooner), report("o", v1alpha1.VerdictAWSOwnedKey, nil),
	), now)
	var order []string
	for _, k := range view {
		order = append(order, k.ARN)
	}
	if diff := cmp.Diff([]string{keyD, keyC, keyB, foreign, keyA}, order); diff != "" {
		t.Fatal(diff)
	}
	if *view[0].DaysLeft != 1 || *view[1].DaysLeft != 11 || view[2].DaysLeft != nil {
		t.Errorf("days left: %v, %v", *view[0].DaysLeft, *view[1].DaysLeft)
	}
	if diff := cmp.Diff([]string{clusterARN("a1"), clusterARN("a2")}, view[4].Clusters); diff != "" {
		t.Error(diff)
	}
	if view[3].Account != "444455556666" || view[3].Region != "us-east-1" || view[3].Reason != "access denied" {
		t.Errorf("%+v", view[3])
	}
	// One cluster's health tells of the key, whatever the others say.
	sick := usable(keyA)
	sick.Usable, sick.Reason = v1alpha1.UsableNo, "EKS reports KmsGrantRevoked"
	for _, items := range [][]v1alpha1.EncryptionReport{
		list(report("a", v1alpha1.VerdictCustomerManagedKey, usable(keyA)), report("b", v1alpha1.VerdictCustomerManagedKey, sick)),
		list(report("b", v1alpha1.VerdictCustomerManagedKey, sick), report("a", v1alpha1.VerdictCustomerManagedKey, usable(keyA))),
	} {
		if got := keyView(items, now); got[0].Usable != v1alpha1.UsableNo || got[0].Reason != sick.Reason {
			t.Errorf("%+v", got[0])
		}
	}
}

func TestOtherTools(t *testing.T) {
	groups := otherTools(list(
		report("old", v1alpha1.VerdictNotEncrypted, nil), report("owned", v1alpha1.VerdictAWSOwnedKey, nil),
		report("good", v1alpha1.VerdictCustomerManagedKey, usable(keyA)), report("bad", v1alpha1.VerdictCustomerManagedKey, broken(keyB)),
		report("lost", v1alpha1.VerdictUnknown, nil), report("connected", v1alpha1.VerdictNotApplicable, nil),
	))
	if len(groups) != 4 {
		t.Fatalf("%d groups", len(groups))
	}
	says := map[string][]string{}
	for _, g := range groups {
		if len(g.Clusters) != 1 {
			t.Errorf("%+v", g)
		}
		for _, o := range g.Says {
			word := o.Says
			if !o.Agrees {
				word += "!"
			}
			if o.Why == "" {
				t.Errorf("%s says %s for no reason", o.Tool, o.Says)
			}
			says[o.Tool] = append(says[o.Tool], word)
		}
	}
	for tool, want := range map[string][]string{
		"Prowler":    {"FAIL", "FAIL!", "PASS", "PASS!"},
		"AWS Config": {"NON_COMPLIANT", "NON_COMPLIANT!", "COMPLIANT", "COMPLIANT!"},
		"Powerpipe":  {"alarm", "ok", "ok", "ok!"},
		"kube-bench": {"WARN!", "WARN!", "WARN!", "WARN!"},
	} {
		if diff := cmp.Diff(want, says[tool]); diff != "" {
			t.Errorf("%s: %s", tool, diff)
		}
	}
}

func TestCompare(t *testing.T) {
	assess := func(unreachable []v1alpha1.Unreachable, items ...v1alpha1.EncryptionReport) *v1alpha1.AuditReport {
		return Assess(Answers{Items: items, Unreachable: unreachable, StartedAt: now}, rules("ENC-1", "ENC-3"))
	}
	before := assess(nil,
		report("well", v1alpha1.VerdictCustomerManagedKey, usable(keyA)), report("sick", v1alpha1.VerdictCustomerManagedKey, broken(keyB)),
		report("gone", v1alpha1.VerdictAWSOwnedKey, nil), report("blurred", v1alpha1.VerdictAWSOwnedKey, nil),
		report("rebuilt", v1alpha1.VerdictCustomerManagedKey, usable(keyC)), report("old", v1alpha1.VerdictNotEncrypted, nil))
	after := assess(nil,
		report("well", v1alpha1.VerdictCustomerManagedKey, broken(keyA)), report("sick", v1alpha1.VerdictCustomerManagedKey, usable(keyB)),
		report("blurred", v1alpha1.VerdictUnknown, nil), report("rebuilt", v1alpha1.VerdictAWSOwnedKey, nil),
		report("old", v1alpha1.VerdictNotEncrypted, nil), report("fresh", v1alpha1.VerdictNotEncrypted, nil))
	c := Compare(before, after)
	if diff := cmp.Diff([][]string{{clusterARN("fresh")}, {clusterARN("gone")}, {clusterARN("blurred")}}, [][]string{c.New, c.Gone, c.LostSight}); diff != "" {
		t.Error(diff)
	}
	what := func(changes []v1alpha1.Change) (words []string) {
		for _, change := range changes {
			words = append(words, change.Cluster[strings.LastIndexByte(change.Cluster, '/')+1:]+" "+change.What+" "+change.Was)
		}
		return words
	}
	if diff := cmp.Diff([]string{"fresh ENC-1 new cluster", "rebuilt encryption.keyArn " + keyC, "well ENC-3 Pass"}, what(c.Regressions)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"sick ENC-3 Fail"}, what(c.Fixed)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"rebuilt encryption.verdict CustomerManagedKey", "sick key.state Disabled", "well key.state Enabled"}, what(c.Other)); diff != "" {
		t.Error(diff)
	}

	// A region that is down hides its clusters; they are neither gone nor, later, new.
	down := assess([]v1alpha1.Unreachable{{Account: "111122223333", Region: "eu-central-1", Reason: "503"}})
	if c := Compare(before, down); len(c.Gone) != 0 || len(c.LostSight) != 6 {
		t.Errorf("%+v", c)
	}
	if c := Compare(down, before); len(c.New) != 0 {
		t.Errorf("%+v", c)
	}

	same := Compare(before, before)
	if diff := cmp.Diff(&v1alpha1.AuditChanges{Since: before.FinishedAt}, same); diff != "" {
		t.Error(diff)
	}
	before.Changes = same
	if got := CheckRegressions(before); got != v1alpha1.OutcomeHolds {
		t.Errorf("known findings count as %s", got)
	}
	after.Changes = c
	if got := CheckRegressions(after); got != v1alpha1.OutcomeFinding {
		t.Errorf("regressions count as %s", got)
	}
	down.Changes = Compare(before, down)
	if got := CheckRegressions(down); got != v1alpha1.OutcomeCannotTell {
		t.Errorf("lost sight counts as %s", got)
	}

	// Other rules are no regression, and are said.
	strict := Assess(Answers{Items: list(report("owned", v1alpha1.VerdictAWSOwnedKey, nil)), StartedAt: now}, rules("ENC-2"))
	lax := Assess(Answers{Items: list(report("owned", v1alpha1.VerdictAWSOwnedKey, nil)), StartedAt: now}, rules("ENC-1"))
	if c := Compare(lax, strict); len(c.Regressions) != 0 || len(c.Notes) != 2 {
		t.Errorf("%+v", c)
	}
	// Nor is a waiver that ran out nothing.
	was := Assess(Answers{Items: list(report("old", v1alpha1.VerdictNotEncrypted, nil))}, Rules{Controls: []string{"ENC-1"}, Now: now, Waivers: []Waiver{{"*", "ENC-1", "r", "ann", "2026-12-01"}}})
	is := Assess(Answers{Items: list(report("old", v1alpha1.VerdictNotEncrypted, nil))}, rules("ENC-1"))
	if c := Compare(was, is); len(c.Regressions) != 1 || c.Regressions[0].Was != "Waived" {
		t.Errorf("%+v", c)
	}
}

func TestParseReport(t *testing.T) {
	if _, err := ParseReport([]byte("apiVersion: eks-encrypt/v1alpha1\nkind: AuditReport\nitems: []\n")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "{", "[]", "apiVersion: v1\nkind: AuditReport", "apiVersion: eks-encrypt/v1alpha1\nkind: EncryptionReport"} {
		if _, err := ParseReport([]byte(bad)); err == nil {
			t.Errorf("%q is a report", bad)
		}
	}
}

func TestScopeAndFilter(t *testing.T) {
	for _, good := range []Scope{
		{}, {Regions: []string{"eu-central-1", "us-gov-west-1"}}, {Regions: []string{"all"}},
		{Accounts: []string{"111122223333"}, RoleName: "team/auditor"}, {Organization: true, RoleName: "auditor"},
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []Scope{
		{Regions: []string{"nowhere"}}, {Regions: []string{"all", "eu-central-1"}}, {Accounts: []string{"1"}, RoleName: "r"},
		{Accounts: []string{"111122223333"}}, {Organization: true}, {RoleName: "r"}, {Organization: true, RoleName: "arn:aws:iam::1:role/x"},
		{Organization: true, Accounts: []string{"111122223333"}, RoleName: "r"},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v is fine", bad)
		}
	}
	f, err := NewFilter([]string{"prod-*", " web ", ""}, []string{"team=pay*", "owner", "path=/a/*"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"prod-1": true, "web": true, "dev-prod-1": false, "web2": false} {
		if f.Name(name) != want {
			t.Errorf("name %s: %v", name, !want)
		}
	}
	tags := map[string]string{"team": "payments", "owner": "", "path": "/a/b/c"}
	if !f.Tags(tags) {
		t.Error("the tags don't hold")
	}
	delete(tags, "owner")
	if f.Tags(tags) || f.Tags(nil) {
		t.Error("a tag that is missing holds")
	}
	if none, _ := NewFilter(nil, nil); !none.Name("x") || !none.Tags(nil) || len(none.Words()) != 0 {
		t.Error("no filter leaves something out")
	}
	for _, bad := range []string{"=x", "k=["} {
		if _, err := NewFilter(nil, []string{bad}); err == nil {
			t.Errorf("%q is a tag", bad)
		}
	}
}

func TestDefaultControls(t *testing.T) {
	for _, test := range []struct {
		require        encryption.Requirement
		approved, data bool
		want           string
	}{
		{"", false, false, "ENC-1 ENC-3"}, {encryption.RequireEnvelope, false, false, "ENC-1 ENC-3"},
		{encryption.RequireCMK, false, false, "ENC-1 ENC-2 ENC-3"}, {encryption.RequireCMK, true, true, "ENC-1 ENC-2 ENC-3 ENC-5 ENC-6"},
	} {
		if got := strings.Join(DefaultControls(test.require, test.approved, test.data), " "); got != test.want {
			t.Errorf("%+v: %s", test, got)
		}
	}
	if got, err := ParseControls([]string{"enc-3", " ENC-1", "ENC-3"}); err != nil || strings.Join(got, " ") != "ENC-1 ENC-3" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := ParseControls([]string{"ENC-0"}); err == nil {
		t.Error("ENC-0 is a control")
	}
}
