package fleet

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// inScope sets the places that the audit queried, and those of them that answered.
func inScope(r *v1alpha1.AuditReport, account string, regions ...string) *v1alpha1.AuditReport {
	r.Scope.Accounts, r.Scope.Regions = []string{account}, regions
	var answered []string
	for _, region := range regions {
		place := &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Account: account, Region: region}}
		if !unreachable(r, place) {
			answered = append(answered, region)
		}
	}
	r.Scope.Answered = []v1alpha1.AccountRegions{{Account: account, Regions: answered}}
	return r
}

func TestCompare(t *testing.T) {
	assess := func(unreachable []v1alpha1.Unreachable, items ...v1alpha1.EncryptionReport) *v1alpha1.AuditReport {
		r := Assess(Answers{Items: items, Unreachable: unreachable, StartedAt: now}, rules("ENC-1", "ENC-3"))
		return inScope(r, "111122223333", "eu-central-1")
	}
	before := assess(nil,
		report("well", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
		report("sick", v1alpha1.VerdictCustomerManagedKey, unusable(keyB)),
		report("gone", v1alpha1.VerdictAWSOwnedKey, nil), report("blurred", v1alpha1.VerdictAWSOwnedKey, nil),
		report("rebuilt", v1alpha1.VerdictCustomerManagedKey, usable(keyC)),
		report("old", v1alpha1.VerdictNotEncrypted, nil))
	after := assess(nil,
		report("well", v1alpha1.VerdictCustomerManagedKey, unusable(keyA)),
		report("sick", v1alpha1.VerdictCustomerManagedKey, usable(keyB)),
		report("blurred", v1alpha1.VerdictUnknown, nil), report("rebuilt", v1alpha1.VerdictAWSOwnedKey, nil),
		report("old", v1alpha1.VerdictNotEncrypted, nil), report("fresh", v1alpha1.VerdictNotEncrypted, nil))
	c := Compare(before, after)
	if diff := cmp.Diff([][]string{{clusterARN("fresh")}, {clusterARN("gone")}, {clusterARN("blurred")}},
		[][]string{c.New, c.Gone, c.LostSight}); diff != "" {
		t.Error(diff)
	}
	summary := func(changes []v1alpha1.Change) (words []string) {
		for _, change := range changes {
			name := change.Cluster[strings.LastIndexByte(change.Cluster, '/')+1:]
			words = append(words, name+" "+change.What+" "+change.Was)
		}
		return words
	}
	if diff := cmp.Diff([]string{"fresh ENC-1 new cluster", "rebuilt encryption.keyArn " + keyC,
		"rebuilt encryption.verdict CustomerManagedKey", "well ENC-3 Pass", "well key.state Enabled"},
		summary(c.Regressions)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"sick ENC-3 Fail"}, summary(c.Fixed)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"sick key.rotation off", "sick key.state Disabled", "well key.rotation on",
	}, summary(c.Other)); diff != "" {
		t.Error(diff)
	}

	// The clusters of an unreachable region are neither gone nor, later, new.
	down := assess([]v1alpha1.Unreachable{{Account: "111122223333", Region: "eu-central-1", Reason: "503"}})
	if c := Compare(before, down); len(c.Gone) != 0 || len(c.LostSight) != 6 {
		t.Errorf("Compare = %+v, want 6 in LostSight and none gone", c)
	}
	c = Compare(down, before)
	if len(c.New) != 0 {
		t.Errorf("New = %v, want none", c.New)
	}
	// Whether their findings are old is unknown, so they count, and the word does not claim more.
	if diff := cmp.Diff([]string{"old ENC-1 unknown: its location could not be queried",
		"sick ENC-3 unknown: its location could not be queried"}, summary(c.Regressions)); diff != "" {
		t.Error(diff)
	}

	same := Compare(before, before)
	if diff := cmp.Diff(&v1alpha1.AuditChanges{Since: before.FinishedAt}, same); diff != "" {
		t.Error(diff)
	}
	before.Changes = same
	if got := CheckRegressions(before); got != v1alpha1.OutcomeHolds {
		t.Errorf("known findings: outcome = %s, want Holds", got)
	}
	after.Changes = Compare(before, after)
	if got := CheckRegressions(after); got != v1alpha1.OutcomeFinding {
		t.Errorf("regressions: outcome = %s, want Finding", got)
	}
	down.Changes = Compare(before, down)
	if got := CheckRegressions(down); got != v1alpha1.OutcomeCannotTell {
		t.Errorf("LostSight: outcome = %s, want CannotTell", got)
	}

	// Different rules are not a regression; notes explain them.
	owned := Answers{Items: list(report("owned", v1alpha1.VerdictAWSOwnedKey, nil)), StartedAt: now}
	strict, lax := Assess(owned, rules("ENC-2")), Assess(owned, rules("ENC-1"))
	if c := Compare(lax, strict); len(c.Regressions) != 0 || len(c.Notes) != 2 {
		t.Errorf("Compare = %+v, want no regressions and two notes", c)
	}
	// A finding that is no longer waived is a regression.
	was := Assess(Answers{Items: list(report("old", v1alpha1.VerdictNotEncrypted, nil))}, Rules{
		Controls: []string{"ENC-1"}, Now: now, Waivers: []Waiver{waive("*", "ENC-1", "ann", "2026-12-01")},
	})
	is := Assess(Answers{Items: list(report("old", v1alpha1.VerdictNotEncrypted, nil))}, rules("ENC-1"))
	if c := Compare(was, is); len(c.Regressions) != 1 || c.Regressions[0].Was != "Waived" {
		t.Errorf("Regressions = %+v, want one that was Waived", c.Regressions)
	}
}

func TestParseReport(t *testing.T) {
	if _, err := ParseReport([]byte("apiVersion: eks-encrypt/v1alpha1\nkind: AuditReport\nitems: []\n")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{
		"", "{", "[]", "apiVersion: v1\nkind: AuditReport", "apiVersion: eks-encrypt/v1alpha1\nkind: EncryptionReport",
	} {
		if _, err := ParseReport([]byte(bad)); err == nil {
			t.Errorf("ParseReport(%q) = nil error, want an error", bad)
		}
	}
}

// TestScopeNotes checks that a note names each part of the scope that differs. Other controls do not change which
// clusters are visible.
func TestScopeNotes(t *testing.T) {
	was := v1alpha1.AuditScope{Regions: []string{"eu-central-1"}, Controls: []string{"ENC-1"}}
	is := v1alpha1.AuditScope{Regions: []string{"us-east-1"}, Controls: []string{"ENC-1", "ENC-3"}}
	if diff := cmp.Diff([]string{
		"the earlier audit used different regions, so some clusters may only appear to be new or lost",
		"the earlier audit used different controls",
	}, scopeNotes(was, is)); diff != "" {
		t.Error(diff)
	}
}
