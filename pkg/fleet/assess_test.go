package fleet

import (
	"errors"
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

// report returns the report of a cluster with its controls evaluated.
func report(name string, verdict v1alpha1.Verdict, key *v1alpha1.Key) v1alpha1.EncryptionReport {
	r := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{
		ARN: clusterARN(name), Name: name, Region: "eu-central-1", Account: "111122223333",
		Guard: v1alpha1.GuardUnverified, KubernetesVersion: "1.31",
	}, Encryption: v1alpha1.Encryption{Verdict: verdict, Scope: v1alpha1.ScopeAllAPIData, Reason: "reason"}, Key: key}
	if key != nil {
		r.Encryption.KeyARN = key.ARN
	}
	r.Controls = encryption.Controls(&r)
	return r
}

func usable(arn string) *v1alpha1.Key {
	return &v1alpha1.Key{
		ARN: arn, State: "Enabled", Usable: v1alpha1.UsableYes, Rotation: &v1alpha1.Rotation{Enabled: true},
	}
}

func unusable(arn string) *v1alpha1.Key {
	return &v1alpha1.Key{
		ARN: arn, State: "Disabled", Usable: v1alpha1.UsableNo, Reason: "KMS reports Disabled",
		Rotation: &v1alpha1.Rotation{},
	}
}

var now = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func rules(controls ...string) Rules { return Rules{Controls: controls, Now: now} }

func TestAssess(t *testing.T) {
	owned := report("owned", v1alpha1.VerdictAWSOwnedKey, nil)
	good := report("good", v1alpha1.VerdictCustomerManagedKey, usable(keyA))
	bad := report("bad", v1alpha1.VerdictCustomerManagedKey, unusable(keyB))
	none := report("none", v1alpha1.VerdictNotEncrypted, nil)
	unknown := report("unknown", v1alpha1.VerdictUnknown, nil)
	connected := report("connected", v1alpha1.VerdictNotApplicable, nil)
	mismatch := report("mismatch", v1alpha1.VerdictNotEncrypted, nil)
	mismatch.Cluster.Guard = v1alpha1.GuardMismatch
	kind := v1alpha1.EncryptionReport{
		Cluster:    v1alpha1.Cluster{Context: "kind"},
		Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictNotApplicable},
	}
	kind.Controls = encryption.Controls(&kind)
	deleting, creating := none, none
	deleting.Cluster.Status, creating.Cluster.Status = "DELETING", "CREATING"
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
		{name: "envelope", items: list(owned, good, connected), rules: rules("ENC-1", "ENC-3"),
			outcome: v1alpha1.OutcomeHolds},
		{name: "customer key", items: list(owned, good), rules: rules("ENC-1", "ENC-2"),
			findings: []string{"ENC-2 owned"}, outcome: v1alpha1.OutcomeFinding},
		{name: "most severe first", items: list(none, bad), rules: rules("ENC-1", "ENC-3"),
			findings: []string{"ENC-3 bad", "ENC-1 none"}, outcome: v1alpha1.OutcomeFinding},
		{name: "unknown", items: list(good, unknown), rules: rules("ENC-1"),
			undecided: []string{"ENC-1 unknown"}, outcome: v1alpha1.OutcomeCannotTell},
		{name: "a finding takes precedence", items: list(none, unknown), rules: rules("ENC-1"),
			findings: []string{"ENC-1 none"}, undecided: []string{"ENC-1 unknown"}, outcome: v1alpha1.OutcomeFinding},
		{name: "unreachable", items: list(good), rules: rules("ENC-1"),
			unreachable: []v1alpha1.Unreachable{{Region: "us-east-1"}}, outcome: v1alpha1.OutcomeCannotTell},
		{name: "guard mismatch", items: list(mismatch), rules: rules("ENC-1"),
			undecided: []string{"ENC-1 mismatch"}, outcome: v1alpha1.OutcomeCannotTell},
		{name: "no cluster", rules: rules("ENC-1"), outcome: v1alpha1.OutcomeCannotTell},
		{name: "no EKS cluster", items: list(kind), rules: rules("ENC-1"), outcome: v1alpha1.OutcomeCannotTell},
		{name: "one EKS cluster and another one", items: list(kind, good), rules: rules("ENC-1"),
			outcome: v1alpha1.OutcomeHolds},
		{name: "not approved", items: list(owned, good, bad),
			rules:    Rules{Controls: []string{"ENC-6"}, Approved: []string{keyB}, Now: now},
			findings: []string{"ENC-6 good", "ENC-6 owned"}, outcome: v1alpha1.OutcomeFinding},
		{name: "approved keys, and no key", items: list(none),
			rules:    Rules{Controls: []string{"ENC-6"}, Approved: []string{keyB}, Now: now},
			findings: []string{"ENC-6 none"}, outcome: v1alpha1.OutcomeFinding},
		{name: "being deleted", items: list(deleting, good), rules: rules("ENC-1", "ENC-3"),
			outcome: v1alpha1.OutcomeHolds},
		{name: "only clusters that are being created", items: list(creating), rules: rules("ENC-1", "ENC-3"),
			outcome: v1alpha1.OutcomeCannotTell},
		{name: "stale data", items: list(good, owned), rules: rules("ENC-5"),
			data:     map[string]Data{good.Cluster.ARN: {Coverage: stale}},
			findings: []string{"ENC-5 good"}, outcome: v1alpha1.OutcomeFinding},
		{name: "data not checked", items: list(good), rules: rules("ENC-5"),
			data:      map[string]Data{good.Cluster.ARN: {Err: errors.New("no context")}},
			undecided: []string{"ENC-5 good"}, outcome: v1alpha1.OutcomeCannotTell},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers := Answers{Items: test.items, Unreachable: test.unreachable, Data: test.data, StartedAt: now}
			r := Assess(answers, test.rules)
			if diff := cmp.Diff(test.findings, short(r.Findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.undecided, short(r.Undecided)); diff != "" {
				t.Errorf("undecided (-want +got):\n%s", diff)
			}
			if s := r.Summary; s.Outcome != test.outcome || s.Findings != len(r.Findings) ||
				s.Clusters+s.NotEKS != len(test.items) || len(r.Items) != len(test.items) || r.Items == nil {
				t.Errorf("Summary = %+v, want outcome %s", s, test.outcome)
			}
			for _, f := range slices.Concat(r.Findings, r.Undecided) {
				if f.Remedy == "" || f.Severity == "" || f.Title == "" || f.Reason == "" {
					t.Errorf("finding = %+v, want no empty field", f)
				}
			}
		})
	}
	if good.Controls[5].Result != v1alpha1.ResultNotApplicable {
		t.Error("Assess changed its input")
	}
}

// TestUndecidedRemedy checks that an unknown result has a next step.
func TestUndecidedRemedy(t *testing.T) {
	r := report("c", v1alpha1.VerdictCustomerManagedKey, nil)
	other := r
	other.Cluster.Guard = v1alpha1.GuardMismatch
	for _, test := range []struct {
		control, reason string
		report          *v1alpha1.EncryptionReport
		want            string
	}{
		{controlUsable, "access denied: kms:DescribeKey on " + keyA + " is not allowed", &r, "generate iam-policy --for audit"},
		{controlUsable, "KMS in us-east-1 did not answer", &r, "status --cluster-name " + clusterARN("c")},
		{controlData, "no context", &r, "verify --cluster-name " + clusterARN("c")},
		{controlUsable, "access denied", &other, "which cluster the kube context leads to"},
	} {
		if got := undecidedRemedy(test.control, test.reason, test.report); !strings.Contains(got, test.want) {
			t.Errorf("%s, %s: remedy = %q, want %q", test.control, test.reason, got, test.want)
		}
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

func TestGroupByKey(t *testing.T) {
	date := metav1.NewTime(now.Add(11*24*time.Hour + 5*time.Hour))
	soon := metav1.NewTime(now.Add(36 * time.Hour))
	later := &v1alpha1.Key{ARN: keyC, State: "PendingDeletion", Usable: v1alpha1.UsableNo, DeletionDate: &date}
	const keyD = "arn:aws:kms:us-east-1:111122223333:key/dddddddd-0000-0000-0000-000000000004"
	sooner := &v1alpha1.Key{ARN: keyD, State: "PendingDeletion", Usable: v1alpha1.UsableNo, DeletionDate: &soon}
	const keyF = "arn:aws:kms:us-east-1:111122223333:key/ffffffff-0000-0000-0000-000000000006"
	undated := &v1alpha1.Key{ARN: keyF, State: "PendingReplicaDeletion", Usable: v1alpha1.UsableNo}
	const foreign = "arn:aws:kms:us-east-1:444455556666:key/eeeeeeee-0000-0000-0000-000000000005"
	hidden := &v1alpha1.Key{ARN: foreign, Usable: v1alpha1.UsableUnknown, Reason: "access denied"}
	keys := GroupByKey(list(
		report("a2", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
		report("a1", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
		report("b", v1alpha1.VerdictCustomerManagedKey, unusable(keyB)),
		report("f", v1alpha1.VerdictCustomerManagedKey, undated),
		report("h", v1alpha1.VerdictCustomerManagedKey, hidden),
		report("c", v1alpha1.VerdictCustomerManagedKey, later),
		report("d", v1alpha1.VerdictCustomerManagedKey, sooner),
		report("o", v1alpha1.VerdictAWSOwnedKey, nil),
	), now)
	var order []string
	for _, k := range keys {
		order = append(order, k.ARN)
	}
	if diff := cmp.Diff([]string{keyD, keyC, keyF, keyB, foreign, keyA}, order); diff != "" {
		t.Fatal(diff)
	}
	if *keys[0].DaysLeft != 1 || *keys[1].DaysLeft != 11 || keys[2].DaysLeft != nil {
		t.Errorf("DaysLeft = %v, %v, %v, want 1, 11, nil", *keys[0].DaysLeft, *keys[1].DaysLeft, keys[2].DaysLeft)
	}
	if diff := cmp.Diff([]string{clusterARN("a1"), clusterARN("a2")}, keys[5].Clusters); diff != "" {
		t.Error(diff)
	}
	if k := keys[4]; k.Account != "444455556666" || k.Region != "us-east-1" || k.Reason != "access denied" {
		t.Errorf("key of another account = %+v, want its account, region and reason", k)
	}
	// An issue that EKS reports for one cluster makes the key unusable.
	sick := usable(keyA)
	sick.Usable, sick.Reason = v1alpha1.UsableNo, "EKS reports KmsGrantRevoked"
	for _, items := range [][]v1alpha1.EncryptionReport{
		list(report("a", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
			report("b", v1alpha1.VerdictCustomerManagedKey, sick)),
		list(report("b", v1alpha1.VerdictCustomerManagedKey, sick),
			report("a", v1alpha1.VerdictCustomerManagedKey, usable(keyA))),
	} {
		if got := GroupByKey(items, now); got[0].Usable != v1alpha1.UsableNo || got[0].Reason != sick.Reason {
			t.Errorf("key = %+v, want not usable", got[0])
		}
	}
}

func TestScannerResults(t *testing.T) {
	groups := scannerResults(list(
		report("old", v1alpha1.VerdictNotEncrypted, nil), report("owned", v1alpha1.VerdictAWSOwnedKey, nil),
		report("good", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
		report("bad", v1alpha1.VerdictCustomerManagedKey, unusable(keyB)),
		report("unknown", v1alpha1.VerdictUnknown, nil), report("connected", v1alpha1.VerdictNotApplicable, nil),
	))
	if len(groups) != 4 {
		t.Fatalf("%d groups, want 4", len(groups))
	}
	says := map[string][]string{}
	for _, g := range groups {
		if len(g.Clusters) != 1 || len(g.Says) != 9 {
			t.Errorf("group %q has %d clusters and %d results, want 1 and 9", g.State, len(g.Clusters), len(g.Says))
		}
		for _, o := range g.Says {
			word := o.Says
			if !o.Agrees {
				word += "!"
			}
			if o.Says == "" || o.Why == "" || o.Check == "" {
				t.Errorf("%s: result = %+v, want no empty field", o.Tool, o)
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

// TestDataOfOneContext checks that the data of a cluster count only for the kube context through which they were
// checked.
func TestDataOfOneContext(t *testing.T) {
	checked, other := report("shop", v1alpha1.VerdictCustomerManagedKey, nil), report("shop", v1alpha1.VerdictUnknown, nil)
	checked.Cluster.Context, other.Cluster.Context = "shop", "old"
	coverage := &v1alpha1.CoverageReport{Cluster: checked.Cluster, Verdict: v1alpha1.CoverageProven}
	out := Assess(Answers{
		Items: []v1alpha1.EncryptionReport{checked, other},
		Data:  map[string]Data{checked.Cluster.ARN: {Coverage: coverage}},
	}, Rules{Now: fleetNow})
	for i, want := range []v1alpha1.Result{v1alpha1.ResultPass, v1alpha1.ResultUnknown} {
		for _, c := range out.Items[i].Controls {
			if c.ID == controlData && c.Result != want {
				t.Errorf("%s of context %s is %s, want %s", c.ID, out.Items[i].Cluster.Context, c.Result, want)
			}
		}
	}
	if len(out.Coverage) != 1 {
		t.Errorf("%d coverage reports, want 1", len(out.Coverage))
	}
}
