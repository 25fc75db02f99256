package fleet

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// waive returns a waiver of findings.
func waive(cluster, control, owner, expires string) Waiver {
	return Waiver{Cluster: cluster, Control: control, Reason: "r", Owner: owner, Expires: expires}
}

func TestWaivers(t *testing.T) {
	none := report("legacy-1", v1alpha1.VerdictNotEncrypted, nil)
	for _, test := range []struct {
		name    string
		waivers []Waiver
		waived  bool
		expired string
	}{
		{"by name", []Waiver{waive("legacy-*", "ENC-1", "ann", "2026-11-25")}, true, ""},
		{"by ARN", []Waiver{
			waive("arn:aws:eks:*:111122223333:cluster/legacy-?", "ENC-1", "ann", "2027-01-01"),
		}, true, ""},
		{"for another account", []Waiver{
			waive("arn:aws:eks:*:444455556666:cluster/legacy-?", "ENC-1", "ann", "2027-01-01"),
		}, false, ""},
		{"for another control", []Waiver{waive("legacy-*", "ENC-3", "ann", "2027-01-01")}, false, ""},
		{"expired yesterday", []Waiver{waive("legacy-*", "ENC-1", "ann", "2026-11-24")}, false, "ann"},
		{"last of several expired", []Waiver{
			waive("*", "ENC-1", "bob", "2026-01-01"), waive("legacy-*", "ENC-1", "ann", "2026-11-24"),
			waive("*", "ENC-1", "eve", "2025-01-01"),
		}, false, "ann"},
		{"one expired, one valid", []Waiver{
			waive("legacy-*", "ENC-1", "ann", "2026-11-24"), waive("*", "ENC-1", "bob", "2027-01-01"),
		}, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := Assess(Answers{Items: list(none), StartedAt: now},
				Rules{Controls: []string{"ENC-1"}, Waivers: test.waivers, Now: now})
			if (len(r.Waived) == 1) != test.waived || (len(r.Findings) == 0) != test.waived {
				t.Fatalf("Waived = %+v, Findings = %+v, want waived %v", r.Waived, r.Findings, test.waived)
			}
			expired := ""
			if len(r.Findings) > 0 && r.Findings[0].ExpiredWaiver != nil {
				expired = r.Findings[0].ExpiredWaiver.Owner
			}
			if expired != test.expired {
				t.Errorf("owner of ExpiredWaiver = %q, want %q", expired, test.expired)
			}
		})
	}
	// An unknown result cannot be waived.
	r := Assess(Answers{Items: list(report("x", v1alpha1.VerdictUnknown, nil))}, Rules{
		Controls: []string{"ENC-1"}, Waivers: []Waiver{waive("*", "ENC-1", "ann", "2027-01-01")}, Now: now,
	})
	if len(r.Undecided) != 1 || len(r.Waived) != 0 {
		t.Errorf("Undecided = %+v, Waived = %+v, want one undecided", r.Undecided, r.Waived)
	}
}

func TestParseWaivers(t *testing.T) {
	const good = "waivers:\n- {cluster: 'legacy-*', control: enc-1, reason: r, owner: ann, expires: 2027-01-31}\n"
	got, err := ParseWaivers([]byte(good))
	if err != nil || len(got) != 1 || got[0].Control != "ENC-1" {
		t.Fatalf("ParseWaivers = %+v, %v, want one for ENC-1", got, err)
	}
	if end, _ := got[0].end(); !end.Equal(time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("end = %v, want 2027-02-01", end)
	}
	for name, text := range map[string]string{
		"misspelt field":    strings.Replace(good, "cluster:", "clusters:", 1),
		"misspelt list":     strings.Replace(good, "waivers:", "waiver:", 1),
		"no owner":          strings.Replace(good, "owner: ann, ", "", 1),
		"no reason":         strings.Replace(good, "reason: r", "reason: ' '", 1),
		"no expiry":         strings.Replace(good, ", expires: 2027-01-31", "", 1),
		"not a day":         strings.Replace(good, "2027-01-31", "never", 1),
		"no such day":       strings.Replace(good, "2027-01-31", "2027-02-30", 1),
		"unknown control":   strings.Replace(good, "enc-1", "ENC-7", 1),
		"invalid pattern":   strings.Replace(good, "legacy-*", "[", 1),
		"a duplicate field": strings.Replace(good, "owner: ann", "owner: ann, owner: bob", 1),
		"not YAML":          "{",
		"two documents":     good + "---\n" + good,
		"a field in capitals": `{"waivers": [{"cluster": "c", "control": "ENC-1", "reason": "r", "owner": "ann", ` +
			`"Expires": "2020-01-01", "expires": "2027-01-31"}]}`,
	} {
		if got, err := ParseWaivers([]byte(text)); err == nil {
			t.Errorf("%s: ParseWaivers = %+v, want an error", name, got)
		}
	}
	for _, start := range []string{"---\n", "# ours\n\n# all\n---\n", "\ufeff%YAML 1.1\n---\n", "\ufeff# ours\r\n"} {
		if got, err := ParseWaivers([]byte(start + good)); err != nil || len(got) != 1 {
			t.Errorf("ParseWaivers after %q = %+v, %v, want one", start, got, err)
		}
	}
	if got, err := ParseWaivers(nil); err != nil || len(got) != 0 {
		t.Errorf("empty file: ParseWaivers = %+v, %v, want none", got, err)
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
				t.Errorf("ParseWaivers accepted %+v (%v), want a complete waiver", w, err)
			}
			w.covers(clusterARN(name), name, w.Control)
		}
	})
}

func TestReadKeyARNs(t *testing.T) {
	got, err := ReadKeyARNs(strings.NewReader("# ours\n\n" + keyB + "  # prod\n  " + keyA + "\r\n" + keyB + "\n"))
	if diff := cmp.Diff([]string{keyA, keyB}, got); err != nil || diff != "" {
		t.Errorf("ReadKeyARNs: error = %v (-want +got):\n%s", err, diff)
	}
	for _, bad := range []string{
		"alias/prod", strings.Replace(keyA, "key/", "alias/", 1), "aaaaaaaa-0000-0000-0000-000000000001", "*",
		keyA + " " + keyB, "arn:aws:eks:eu-central-1:111122223333:cluster/x",
	} {
		got, err := ReadKeyARNs(strings.NewReader(keyA + "\n" + bad))
		if err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: ReadKeyARNs = %v, %v, want an error for line 2", bad, got, err)
		}
	}
}

// TestApprovedAlias checks that a key of which only an alias is known is neither approved nor refused.
func TestApprovedAlias(t *testing.T) {
	alias := strings.Replace(keyA, "key/", "alias/", 1)
	hidden := &v1alpha1.Key{ARN: alias, Usable: v1alpha1.UsableUnknown, Reason: "access denied: kms:DescribeKey"}
	for _, test := range []struct {
		key      *v1alpha1.Key
		approved string
		want     v1alpha1.Result
	}{
		{usable(keyA), keyA, v1alpha1.ResultPass}, {usable(keyB), keyA, v1alpha1.ResultFail},
		{hidden, keyA, v1alpha1.ResultUnknown}, {hidden, alias, v1alpha1.ResultPass},
	} {
		item := report("c", v1alpha1.VerdictCustomerManagedKey, test.key)
		rules := Rules{Controls: []string{controlApproved}, Approved: []string{test.approved}, Now: now}
		r := Assess(Answers{Items: list(item)}, rules)
		if got := resultOf(&r.Items[0], controlApproved); got != string(test.want) {
			t.Errorf("%s, approved %s: ENC-6 = %s, want %s", test.key.ARN, test.approved, got, test.want)
		}
		for _, f := range r.Undecided {
			if !strings.Contains(f.Reason, alias+" refers to could not be read: access denied") ||
				!strings.Contains(f.Remedy, "allow the action") {
				t.Errorf("reason %q, remedy %q, want the alias, and what KMS answered", f.Reason, f.Remedy)
			}
		}
	}
}

func FuzzReadKeyARNs(f *testing.F) {
	f.Add(keyA + " # x\n")
	f.Fuzz(func(t *testing.T, text string) {
		arns, err := ReadKeyARNs(strings.NewReader(text))
		for _, a := range arns {
			if !keyARNPattern.MatchString(a) || err != nil {
				t.Errorf("ReadKeyARNs accepted %q, %v, want a key ARN", a, err)
			}
		}
	})
}

func TestScopeAndFilter(t *testing.T) {
	for _, good := range []Scope{
		{}, {Regions: []string{"eu-central-1", "us-gov-west-1"}}, {Regions: []string{"all"}},
		{Accounts: []string{"111122223333"}, RoleName: "team/auditor"}, {Organization: true, RoleName: "auditor"},
	} {
		if err := good.Validate(); err != nil {
			t.Errorf("%+v: Validate = %v, want nil", good, err)
		}
	}
	for _, bad := range []Scope{
		{Regions: []string{"nowhere"}}, {Regions: []string{"all", "eu-central-1"}},
		{Accounts: []string{"1"}, RoleName: "r"}, {Accounts: []string{"111122223333"}},
		{Organization: true}, {RoleName: "r"}, {Organization: true, RoleName: "arn:aws:iam::1:role/x"},
		{Organization: true, Accounts: []string{"111122223333"}, RoleName: "r"},
	} {
		if err := bad.Validate(); err == nil {
			t.Errorf("%+v: Validate = nil, want an error", bad)
		}
	}
	f, err := NewFilter([]string{"prod-*", " web ", ""}, []string{"team=pay*", "owner", "path=/a/*"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"prod-1": true, "web": true, "dev-prod-1": false, "web2": false} {
		if f.MatchesName(name) != want {
			t.Errorf("Name(%s) = %v, want %v", name, !want, want)
		}
	}
	tags := map[string]string{"team": "payments", "owner": "", "path": "/a/b/c"}
	if !f.MatchesTags(tags) {
		t.Errorf("Tags(%v) = false, want true", tags)
	}
	delete(tags, "owner")
	if f.MatchesTags(tags) || f.MatchesTags(nil) {
		t.Error("Tags without the tag owner = true, want false")
	}
	if none, _ := NewFilter(nil, nil); !none.MatchesName("x") || !none.MatchesTags(nil) || len(none.Conditions()) != 0 {
		t.Error("the empty filter excludes a cluster")
	}
	for _, bad := range []string{"=x", "k=["} {
		if _, err := NewFilter(nil, []string{bad}); err == nil {
			t.Errorf("NewFilter with tag %q = nil error, want an error", bad)
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
		{encryption.RequireCMK, false, false, "ENC-1 ENC-2 ENC-3"},
		{encryption.RequireCMK, true, true, "ENC-1 ENC-2 ENC-3 ENC-5 ENC-6"},
	} {
		if got := strings.Join(DefaultControls(test.require, test.approved, test.data), " "); got != test.want {
			t.Errorf("%+v: DefaultControls = %s", test, got)
		}
	}
	got, err := ParseControls([]string{"enc-3", " ENC-1", "ENC-3"})
	if err != nil || strings.Join(got, " ") != "ENC-1 ENC-3" {
		t.Errorf("ParseControls = %v, %v, want ENC-1 and ENC-3", got, err)
	}
	if _, err := ParseControls([]string{"ENC-0"}); err == nil {
		t.Error("ParseControls(ENC-0) = nil error, want an error")
	}
}
