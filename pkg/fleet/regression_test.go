package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// in returns the time that many days and one hour after now.
func in(days int) *metav1.Time {
	t := metav1.NewTime(now.AddDate(0, 0, days).Add(time.Hour))
	return &t
}

// state returns a key in a state that KMS reports, deleted at a time if that is not nil.
func state(name string, deleted *metav1.Time) *v1alpha1.Key {
	k := &v1alpha1.Key{ARN: keyA, State: name, Usable: v1alpha1.UsableNo, Reason: "KMS reports " + name,
		DeletionDate: deleted}
	if name == "Enabled" || name == "Updating" {
		k.Usable, k.Reason = v1alpha1.UsableYes, ""
	}
	return k
}

func expiring(days int) *v1alpha1.Key {
	k := usable(keyA)
	k.Origin, k.ValidTo = "EXTERNAL", in(days)
	return k
}

// TestRankedRegressions checks that what got worse is a regression even if the control failed before, and under any
// controls, and that what did not get worse is none.
func TestRankedRegressions(t *testing.T) {
	cmk := func(k *v1alpha1.Key, issues ...string) v1alpha1.EncryptionReport {
		r := report("c", v1alpha1.VerdictCustomerManagedKey, k)
		for _, code := range issues {
			reported := *r.Key
			reported.Usable, reported.Reason = v1alpha1.UsableNo, "EKS reports "+code
			r.Key = &reported
			r.Health.Issues = append(r.Health.Issues, v1alpha1.HealthIssue{Code: code})
		}
		return r
	}
	deleted := &v1alpha1.Key{ARN: keyA, Usable: v1alpha1.UsableNo, Reason: "the key was deleted"}
	hidden := &v1alpha1.Key{ARN: keyA, Usable: v1alpha1.UsableUnknown, Reason: "access denied"}
	secrets := cmk(usable(keyA))
	secrets.Encryption.Scope = v1alpha1.ScopeSecrets
	owned, none := report("c", v1alpha1.VerdictAWSOwnedKey, nil), report("c", v1alpha1.VerdictNotEncrypted, nil)
	for _, test := range []struct {
		name    string
		was, is v1alpha1.EncryptionReport
		want    string // the fields of the regressions
	}{
		{"same", cmk(state("Disabled", nil)), cmk(state("Disabled", nil)), ""},
		{"Disabled, then pending deletion", cmk(state("Disabled", nil)), cmk(state("PendingDeletion", in(29))), "key.state"},
		{"Enabled, then Disabled", cmk(usable(keyA)), cmk(state("Disabled", nil)), "key.state"},
		{"Enabled, then Updating", cmk(usable(keyA)), cmk(state("Updating", nil)), ""},
		{"Disabled, then Unavailable", cmk(state("Disabled", nil)), cmk(state("Unavailable", nil)), ""},
		{"PendingImport, then Disabled", cmk(state("PendingImport", nil)), cmk(state("Disabled", nil)), ""},
		{"pending, then canceled", cmk(state("PendingDeletion", in(9))), cmk(state("Disabled", nil)), ""},
		{"Disabled, then deleted", cmk(state("Disabled", nil)), cmk(deleted), "key.state"},
		{"pending deletion, then deleted", cmk(state("PendingDeletion", in(0))), cmk(deleted), "key.state"},
		{"Disabled, then the grant is revoked", cmk(state("Disabled", nil)), cmk(usable(keyA), "KmsGrantRevoked"), "key.state"},
		{"EKS reports it before KMS can be read", cmk(hidden), cmk(hidden, "KMS_KEY_MARKED_FOR_DELETION"), ""},
		{"EKS reports the deletion", cmk(state("Disabled", nil)), cmk(hidden, "KmsKeyNotFound"), "key.state"},
		{"the worst issue counts", cmk(state("Disabled", nil), "KmsKeyDisabled"),
			cmk(state("Disabled", nil), "KmsKeyDisabled", "KmsKeyMarkedForDeletion"), "key.state"},
		{"the key cannot be read any more", cmk(usable(keyA)), cmk(hidden), ""},
		{"exchanged", cmk(usable(keyA)), cmk(usable(keyB)), "encryption.keyArn"},
		{"exchanged for a worse one", cmk(usable(keyA)), cmk(unusable(keyB)), "encryption.keyArn key.state"},
		{"an alias is not an exchange", cmk(usable(keyA)), cmk(usable(strings.Replace(keyA, "key/", "alias/", 1))), ""},
		{"lost", cmk(usable(keyA)), owned, "encryption.keyArn encryption.verdict"},
		{"first key", owned, cmk(usable(keyA)), ""},
		{"first key, already disabled", owned, cmk(state("Disabled", nil)), "key.state"},
		{"no longer encrypted", owned, none, "encryption.verdict"},
		{"encrypted by an upgrade", none, owned, ""},
		{"covers less", cmk(usable(keyA)), secrets, "encryption.scope"},
		{"31 to 30 days", cmk(state("PendingDeletion", in(31))), cmk(state("PendingDeletion", in(30))), "key.daysLeft"},
		{"30 to 8 days", cmk(state("PendingDeletion", in(30))), cmk(state("PendingDeletion", in(8))), ""},
		{"8 to 7 days", cmk(state("PendingDeletion", in(8))), cmk(state("PendingDeletion", in(7))), "key.daysLeft"},
		{"7 days to 1 day", cmk(state("PendingDeletion", in(7))), cmk(state("PendingDeletion", in(1))), ""},
		{"31 to 3 days", cmk(state("PendingDeletion", in(31))), cmk(state("PendingDeletion", in(3))), "key.daysLeft"},
		{"material expires in 40, then 29 days", cmk(expiring(40)), cmk(expiring(29)), "key.daysLeft"},
		{"material expires in 20, then 6 days", cmk(expiring(20)), cmk(expiring(6)), "key.daysLeft"},
		{"material that did not expire", cmk(usable(keyA)), cmk(expiring(2)), "key.daysLeft"},
		{"material expired", cmk(expiring(3)), cmk(expiring(-1)), "key.daysLeft"},
		{"material expired on the last day", cmk(expiring(0)), cmk(expiring(-1)), "key.daysLeft"},
		{"material was imported again", cmk(expiring(2)), cmk(expiring(300)), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, controls := range [][]string{{"ENC-1"}, {"ENC-2"}} {
				was, is := assessed(test.was, controls...), assessed(test.is, controls...)
				is.Changes = Compare(was, is)
				var got []string
				for _, change := range is.Changes.Regressions {
					if !strings.HasPrefix(change.What, "ENC-") {
						got = append(got, change.What)
					}
					if change.Cluster != clusterARN("c") || change.Is == "" || change.Reason == "" {
						t.Errorf("regression = %+v, want the cluster, a value and a reason", change)
					}
				}
				if strings.Join(got, " ") != test.want {
					t.Errorf("regressions = %+v, want %s", is.Changes.Regressions, test.want)
				}
				if got := CheckRegressions(is); test.want != "" && got != v1alpha1.OutcomeFinding {
					t.Errorf("outcome = %s, want Finding", got)
				}
			}
		})
	}
}

// TestUnreadKeys checks that a key that could be read earlier and cannot be read now makes the audit incomplete,
// whatever the controls are. A key that could not be read before is not missed, and one in a waived place is accepted.
func TestUnreadKeys(t *testing.T) {
	cmk := func(k *v1alpha1.Key) v1alpha1.EncryptionReport {
		return report("c", v1alpha1.VerdictCustomerManagedKey, k)
	}
	hidden := cmk(&v1alpha1.Key{ARN: keyA, Usable: v1alpha1.UsableUnknown, Reason: "access denied"})
	compared := func(was v1alpha1.EncryptionReport) *v1alpha1.AuditReport {
		is := assessed(hidden, "ENC-1")
		is.Changes = Compare(assessed(was, "ENC-1"), is)
		return is
	}
	for _, readable := range []*v1alpha1.Key{usable(keyA), state("PendingDeletion", in(9))} {
		if is := compared(cmk(readable)); CheckRegressions(is) != v1alpha1.OutcomeCannotTell || len(UnreadKeys(is)) != 1 {
			t.Errorf("%s, then not readable: outcome %s, unread %v, want CannotTell and one", readable.State,
				CheckRegressions(is), UnreadKeys(is))
		}
	}
	if got := CheckRegressions(compared(hidden)); got != v1alpha1.OutcomeHolds {
		t.Errorf("never readable: outcome %s, want Holds", got)
	}
	waived := compared(cmk(usable(keyA)))
	waived.Unreachable = []v1alpha1.Unreachable{{
		Account: "111122223333", Region: "eu-central-1", Waiver: &v1alpha1.Waived{Place: "111122223333/eu-central-1"},
	}}
	if got := CheckRegressions(waived); got != v1alpha1.OutcomeHolds {
		t.Errorf("in a waived place: outcome %s, want Holds", got)
	}
}

// TestUndatedReport checks that the days that a key has left are compared with those of a report without a date.
func TestUndatedReport(t *testing.T) {
	was := assessed(report("c", v1alpha1.VerdictCustomerManagedKey, expiring(20)), "ENC-1")
	was.StartedAt, was.FinishedAt = nil, nil
	is := assessed(report("c", v1alpha1.VerdictCustomerManagedKey, expiring(5)), "ENC-1")
	is.Changes = Compare(was, is)
	if c := is.Changes.Regressions; len(c) != 1 || c[0].Was != "unknown" || c[0].Is != "5" {
		t.Errorf("regressions = %+v, want the days left, unknown before", c)
	}
}

// assessed returns the report of an audit of the region of the cluster.
func assessed(item v1alpha1.EncryptionReport, controls ...string) *v1alpha1.AuditReport {
	return inScope(Assess(Answers{Items: list(item), StartedAt: now}, rules(controls...)), "111122223333", "eu-central-1")
}

// TestLostScope checks that a smaller scope is not a success.
func TestLostScope(t *testing.T) {
	const account = "111122223333"
	c := report("c", v1alpha1.VerdictAWSOwnedKey, nil)
	far := report("far", v1alpha1.VerdictAWSOwnedKey, nil)
	far.Cluster.ARN, far.Cluster.Region = strings.Replace(far.Cluster.ARN, "eu-central-1", "us-east-1", 1), "us-east-1"
	audit := func(
		items []v1alpha1.EncryptionReport, dark []v1alpha1.Unreachable, waivers ...Waiver,
	) *v1alpha1.AuditReport {
		return Assess(Answers{Items: items, Unreachable: dark, StartedAt: now},
			Rules{Controls: []string{"ENC-1"}, Waivers: waivers, Now: now})
	}
	both := inScope(audit(list(c, far), nil), account, "eu-central-1", "us-east-1")
	down := []v1alpha1.Unreachable{{Account: account, Region: "us-east-1", Reason: "503"}}
	whole := []v1alpha1.Unreachable{{Account: account, Reason: "denied"}}
	filtered := inScope(audit(list(c), nil), account, "eu-central-1", "us-east-1")
	filtered.Scope.FilteredOut = []string{far.Cluster.ARN}
	old := inScope(audit(list(c, far), nil), account, "eu-central-1", "us-east-1")
	old.Scope.Answered = nil // as earlier versions wrote it
	empty := inScope(audit(list(c), nil), account, "ap-east-1", "eu-central-1")
	waiver := Waiver{Place: account + "/us-*", Owner: "ann", Reason: "r", Expires: "2026-12-31"}
	byContext := audit(list(c), nil)
	byContext.Scope.Contexts = []string{"one"}
	expired := audit(list(c), []v1alpha1.Unreachable{{Context: "two", Reason: "expired"}})
	gap := inScope(audit(list(c), []v1alpha1.Unreachable{{Missing: "shard 1/2"}}), account, "eu-central-1")
	kind := v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Context: "kind"},
		Encryption: v1alpha1.Encryption{Verdict: v1alpha1.VerdictNotApplicable}}
	withKind := inScope(audit(list(c, kind), nil), account, "eu-central-1")
	for _, test := range []struct {
		name    string
		was, is *v1alpha1.AuditReport
		gone    int
		lost    int
		places  string
		outcome v1alpha1.AuditOutcome
	}{
		{"same", both, both, 0, 0, "", v1alpha1.OutcomeHolds},
		{"gone: the region answered", both, inScope(audit(list(c), nil), account, "eu-central-1", "us-east-1"), 1, 0, "",
			v1alpha1.OutcomeHolds},
		{"the region is not queried", both, inScope(audit(list(c), nil), account, "eu-central-1"), 0, 1,
			account + "/us-east-1", v1alpha1.OutcomeCannotTell},
		{"a region without clusters is not queried", empty, inScope(audit(list(c), nil), account, "eu-central-1"), 0, 0,
			account + "/ap-east-1", v1alpha1.OutcomeCannotTell},
		{"the region is not queried, old report", old, inScope(audit(list(c), nil), account, "eu-central-1"), 0, 1,
			"us-east-1", v1alpha1.OutcomeCannotTell},
		{"the account is not queried", both, inScope(audit(list(report("o", v1alpha1.VerdictAWSOwnedKey, nil)), nil),
			"444455556666", "eu-central-1", "us-east-1"), 0, 2, account, v1alpha1.OutcomeCannotTell},
		{"the region is down", both, inScope(audit(list(c), down), account, "eu-central-1", "us-east-1"), 0, 1, "",
			v1alpha1.OutcomeCannotTell},
		{"the account is dark", both, inScope(audit(nil, whole), account, "eu-central-1"), 0, 2, "",
			v1alpha1.OutcomeCannotTell},
		{"a dark region leaves the scope", inScope(audit(list(c), down), account, "eu-central-1", "us-east-1"),
			inScope(audit(list(c), nil), account, "eu-central-1"), 0, 0, account + "/us-east-1", v1alpha1.OutcomeCannotTell},
		{"the region is down and waived", both,
			inScope(audit(list(c), down, waiver), account, "eu-central-1", "us-east-1"), 0, 1, "", v1alpha1.OutcomeHolds},
		{"a filter leaves the cluster out", both, filtered, 0, 1, "", v1alpha1.OutcomeCannotTell},
		{"a context is missing", byContext, &v1alpha1.AuditReport{Items: list(far)}, 0, 1, "", v1alpha1.OutcomeCannotTell},
		{"a context that could not be queried is missing", expired, byContext, 0, 0, "context two",
			v1alpha1.OutcomeCannotTell},
		{"a shard that had no report", gap, both, 0, 0, "", v1alpha1.OutcomeHolds},
		{"a context of something else is missing", withKind, inScope(audit(list(c), nil), account, "eu-central-1"), 0, 0, "",
			v1alpha1.OutcomeHolds},
	} {
		t.Run(test.name, func(t *testing.T) {
			is := *test.is
			is.Changes = Compare(test.was, &is)
			if ch := is.Changes; len(ch.Gone) != test.gone || len(ch.LostSight) != test.lost ||
				strings.Join(ch.LostPlaces, " ") != test.places {
				t.Errorf("gone %v, lost %v, places %v; want %d, %d, %q", ch.Gone, ch.LostSight, ch.LostPlaces, test.gone,
					test.lost, test.places)
			}
			if got := CheckRegressions(&is); got != test.outcome {
				t.Errorf("outcome = %s, want %s", got, test.outcome)
			}
		})
	}
}

// TestNewlyWaived checks that a finding does not disappear silently into a waiver, and that an extended waiver shows.
func TestNewlyWaived(t *testing.T) {
	bad := report("bad", v1alpha1.VerdictCustomerManagedKey, unusable(keyB))
	dark := []v1alpha1.Unreachable{{Account: "111122223333", Region: "us-east-1", Reason: "503"}}
	audit := func(waivers ...Waiver) *v1alpha1.AuditReport {
		return inScope(Assess(Answers{Items: list(bad), Unreachable: dark, StartedAt: now},
			Rules{Controls: []string{"ENC-3"}, Waivers: waivers, Now: now}), "111122223333", "eu-central-1", "us-east-1")
	}
	place := Waiver{Place: "111122223333/us-*", Reason: "r", Owner: "ann", Expires: "2026-12-31"}
	open, waived := audit(), audit(waive("bad", "ENC-3", "ann", "2026-12-31"), place)
	waived.Changes = Compare(open, waived)
	if c := waived.Changes; len(c.Waived) != 2 || c.Waived[0].Severity != v1alpha1.SeverityCritical ||
		c.Waived[0].Name != "bad" || c.Waived[1].Place != "111122223333/us-east-1" {
		t.Errorf("waived = %+v, want the Critical finding and the place", c.Waived)
	}
	if got := CheckRegressions(waived); got != v1alpha1.OutcomeHolds {
		t.Errorf("outcome = %s, want Holds: the owner accepts the finding and the place", got)
	}
	if again := Compare(waived, waived); len(again.Waived) != 0 {
		t.Errorf("waived = %+v, want none the second time", again.Waived)
	}
	extended := Compare(waived, audit(waive("bad", "ENC-3", "ann", "9999-12-31"), place))
	if len(extended.Other) != 1 || !strings.Contains(extended.Other[0].Is, "9999-12-31") || len(extended.Notes) != 1 {
		t.Errorf("changes = %+v, want the extended waiver and a note", extended)
	}
	// A key that gets worse is a regression although its finding is waived.
	doomed := report("bad", v1alpha1.VerdictCustomerManagedKey, state("PendingDeletion", in(3)))
	doomed.Encryption.KeyARN, doomed.Key.ARN = keyB, keyB
	worse := inScope(Assess(Answers{Items: list(doomed), Unreachable: dark, StartedAt: now}, Rules{
		Controls: []string{"ENC-3"}, Waivers: []Waiver{waive("bad", "ENC-3", "ann", "2026-12-31"), place}, Now: now,
	}), "111122223333", "eu-central-1", "us-east-1")
	worse.Changes = Compare(waived, worse)
	if got := CheckRegressions(worse); got != v1alpha1.OutcomeFinding {
		t.Errorf("outcome = %s, want Finding", got)
	}
}

// TestCompareTransition checks that a cluster that is being deleted is neither fixed nor lost.
func TestCompareTransition(t *testing.T) {
	old := report("old", v1alpha1.VerdictNotEncrypted, nil)
	deleting := old
	deleting.Cluster.Status = "DELETING"
	well := report("well", v1alpha1.VerdictAWSOwnedKey, nil)
	audit := func(items ...v1alpha1.EncryptionReport) *v1alpha1.AuditReport {
		return inScope(Assess(Answers{Items: items, StartedAt: now}, rules("ENC-1")), "111122223333", "eu-central-1")
	}
	is := audit(deleting, well)
	is.Changes = Compare(audit(old, well), is)
	if c := is.Changes; len(c.Fixed)+len(c.LostSight)+len(c.Regressions) > 0 || len(c.Other) != 1 {
		t.Errorf("changes = %+v, want only the status", c)
	}
	if !slices.ContainsFunc(is.Notes, func(n string) bool {
		return strings.Contains(n, "old (111122223333/eu-central-1): EKS is deleting")
	}) {
		t.Errorf("notes = %q, want the cluster with its place", is.Notes)
	}
	if c := Compare(is, audit(well)); len(c.Gone) != 1 {
		t.Errorf("gone = %v, want the deleted cluster", c.Gone)
	}
}

// TestRecreated checks that an exchanged or lost key is a regression while EKS creates the cluster that replaces the
// earlier one: the next audit does not see the earlier key.
func TestRecreated(t *testing.T) {
	for name, test := range map[string]struct {
		was, is v1alpha1.EncryptionReport
		want    bool
	}{
		"another key": {report("c", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
			report("c", v1alpha1.VerdictCustomerManagedKey, usable(keyB)), true},
		"no key": {report("c", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
			report("c", v1alpha1.VerdictAWSOwnedKey, nil), true},
		"the same key": {report("c", v1alpha1.VerdictCustomerManagedKey, usable(keyA)),
			report("c", v1alpha1.VerdictCustomerManagedKey, unusable(keyA)), false},
		"the first key": {report("c", v1alpha1.VerdictAWSOwnedKey, nil),
			report("c", v1alpha1.VerdictCustomerManagedKey, usable(keyB)), false},
	} {
		for _, status := range []string{"CREATING", "DELETING"} {
			test.is.Cluster.Status = status
			was, is := assessed(test.was, "ENC-1"), assessed(test.is, "ENC-1")
			is.Changes = Compare(was, is)
			if got := CheckRegressions(is) == v1alpha1.OutcomeFinding; got != test.want {
				t.Errorf("%s, %s: regressions = %+v, want one: %v", name, status, is.Changes.Regressions, test.want)
			}
		}
	}
}
