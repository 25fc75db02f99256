package kms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// testAWS is a fake AWS with the SDK configuration of one caller.
type testAWS struct {
	*fakeaws.Server
	config aws.Config
}

// newAWS starts a fake AWS. The caller has the given policy, or is allowed everything if there is none.
func newAWS(t *testing.T, policy ...fakeaws.Statement) testAWS {
	t.Helper()
	server, config := awstest.New(t, policy...)
	return testAWS{server, config}
}

func (a testAWS) kms() *kms.Client { return kms.NewFromConfig(a.config) }

func (a testAWS) key(t *testing.T, k fakeaws.Key) string {
	t.Helper()
	return awstest.AddKey(t, a.Server, k)
}

func (a testAWS) alias(t *testing.T, name, keyARN string) {
	t.Helper()
	_, err := a.AddAlias(fakeaws.Alias{
		Name: name, Region: awstest.Region, Account: awstest.Account,
		Target: keyARN[strings.LastIndexByte(keyARN, '/')+1:],
	})
	awstest.Must(t, err)
}

func TestList(t *testing.T) {
	a := newAWS(t)
	plain := a.key(t, fakeaws.Key{RotationDays: 180})
	named := a.key(t, fakeaws.Key{})
	a.alias(t, "alias/cluster-api-provider-aws-x", named)
	disabled := a.key(t, fakeaws.Key{State: "Disabled"})
	a.alias(t, "alias/off", disabled)
	ofAWS := a.key(t, fakeaws.Key{Manager: "AWS"})
	a.alias(t, "alias/aws/ebs", ofAWS)
	a.key(t, fakeaws.Key{Region: "us-east-1"})
	var last, total int
	l, err := List(context.Background(), a.kms(), ListOptions{
		Where: here, UsedBy: map[string][]string{plain: {"arn:c"}},
		Progress: func(done, all int) { last, total = done, all },
	})
	awstest.Must(t, err)
	type row struct {
		ARN, Alias string
		Eligible   bool
		Palette    bool
		Rotation   string
		UsedBy     int
	}
	var got []row
	for _, k := range l.Items {
		r := row{k.ARN, strings.Join(k.Aliases, ","), k.Eligible, k.PaletteUsable, "unknown", len(k.UsedBy)}
		if k.Rotation != nil {
			r.Rotation = fmt.Sprint(k.Rotation.Enabled, k.Rotation.PeriodDays)
		}
		got = append(got, r)
	}
	want := []row{
		{named, "alias/cluster-api-provider-aws-x", true, true, "false 0", 0},
		{plain, "", true, false, "true 180", 1},
		{disabled, "alias/off", false, false, "false 0", 0},
		{ofAWS, "alias/aws/ebs", false, false, "unknown", 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last != 4 || total != 4 {
		t.Errorf("last progress = %d of %d, want 4 of 4", last, total)
	}
	if len(l.Notes) > 0 {
		t.Errorf("Notes = %q, want none", l.Notes)
	}
}

func TestListWithPartialPermissions(t *testing.T) {
	for _, test := range []struct {
		name    string
		denied  []string
		keys    int
		note    string
		err     string
		aliases bool
	}{
		{"no rotation status", []string{"kms:GetKeyRotationStatus"}, 2,
			"kms:GetKeyRotationStatus failed for 2 of 2 keys", "", true},
		{"no aliases", []string{"kms:ListAliases"}, 2, "kms:ListAliases", "", false},
		{"no keys", []string{"kms:ListKeys"}, 1, "only keys with an alias are listed", "", true},
		{"neither", []string{"kms:ListKeys", "kms:ListAliases"}, 0, "", "kms:ListKeys", false},
		{"no descriptions", []string{"kms:DescribeKey"}, 2, "kms:DescribeKey failed for 2 of 2 keys", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := []fakeaws.Statement{fakeaws.Allow("*")}
			for _, action := range test.denied {
				policy = append(policy, fakeaws.Deny(action))
			}
			a := newAWS(t, policy...)
			a.key(t, fakeaws.Key{})
			a.alias(t, "alias/named", a.key(t, fakeaws.Key{}))
			l, err := List(context.Background(), a.kms(), ListOptions{Where: here})
			if test.err != "" {
				if err == nil || !strings.Contains(errText(err), test.err) {
					t.Fatalf("List = %v, want an error with %s", err, test.err)
				}
				return
			}
			awstest.Must(t, err)
			if len(l.Items) != test.keys {
				t.Errorf("%d keys, want %d", len(l.Items), test.keys)
			}
			if !strings.Contains(strings.Join(l.Notes, "\n"), test.note) {
				t.Errorf("notes = %q, want one with %q", l.Notes, test.note)
			}
			named := slices.ContainsFunc(l.Items, func(k v1alpha1.KeyListItem) bool {
				return slices.Equal(k.Aliases, []string{"alias/named"})
			})
			if named != test.aliases {
				t.Errorf("List returns the alias: %v, want %v", named, test.aliases)
			}
		})
	}
}

func TestListManyWithinQuota(t *testing.T) {
	a := newAWS(t)
	const n = 1500
	awstest.Must(t, a.Update(func(state *fakeaws.State) {
		for range n {
			state.AddKey(fakeaws.Key{Region: awstest.Region, Account: awstest.Account, Manager: "AWS"})
		}
	}))
	l, err := List(context.Background(), a.kms(), ListOptions{Where: here, PerSecond: 100_000})
	awstest.Must(t, err)
	if len(l.Items) != n {
		t.Errorf("%d keys, want %d", len(l.Items), n)
	}
	if most := a.MaxInFlight(); most > listConcurrency {
		t.Errorf("%d concurrent requests, want at most %d", most, listConcurrency)
	}
}

func TestResolve(t *testing.T) {
	a := newAWS(t) // the caller's policy gives no access to keys of other accounts
	key := a.key(t, fakeaws.Key{})
	a.alias(t, "alias/payments", key)
	replica := a.key(t, fakeaws.Key{
		ID: "mrk-1234abcd12ab34cd56ef1234567890ab", MultiRegion: true,
		Primary: "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab",
	})
	foreign := a.key(t, fakeaws.Key{Account: awstest.OtherAccount})
	a.alias(t, "alias/orphan", "key/ffffffff-12ab-34cd-56ef-1234567890ab")
	for _, test := range []struct{ named, want, err string }{
		{key, key, ""},
		{key[strings.LastIndexByte(key, '/')+1:], key, ""},
		{"alias/payments", key, ""},
		{"arn:aws:kms:eu-central-1:111122223333:alias/payments", key, ""},
		{replica, replica, ""},
		{"payments", "", "did you mean alias/payments"},
		{"alias/dangling", "", "the alias does not refer to a key"},
		{"alias/orphan", "", "the alias does not refer to a key"},
		{"alias/aws/eks", "", "managed by AWS"},
		{"arn:aws:kms:eu-central-1:111122223333:alias/aws/eks", "", "managed by AWS"},
		{"ffffffff-12ab-34cd-56ef-1234567890ab", "", "doesn't exist in eu-central-1"},
		{strings.Replace(replica, awstest.Region, "us-east-1", 1), "", "make a replica"},
		{foreign, "", "account 444455556666"},
		{"arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", "", "partition aws-cn"},
	} {
		got, err := Resolve(context.Background(), a.kms(), test.named, here)
		if got.ARN != test.want || (err == nil) != (test.err == "") || !strings.Contains(errText(err), test.err) {
			t.Errorf("Resolve(%q) = %q, %v, want %q, %q", test.named, got.ARN, err, test.want, test.err)
		}
	}
	for _, r := range a.Requests() {
		if strings.Contains(r.KeyID, "alias/aws/") {
			t.Errorf("%s of %s, want no call: it may create a key", r.Operation, r.KeyID)
		}
	}
	denied := newAWS(t, fakeaws.Deny("kms:DescribeKey"))
	_, err := Resolve(context.Background(), denied.kms(), denied.key(t, fakeaws.Key{}), here)
	if !strings.Contains(errText(err), "kms:DescribeKey") {
		t.Errorf("error = %v, want one with kms:DescribeKey", err)
	}
}

func TestCheckGrant(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/cluster"
	viaEKS := `{"Version":"2012-10-17","Statement":[{"Sid":"E","Effect":"Allow","Principal":{"AWS":"*"},` +
		`"Action":"kms:*","Resource":"*",` +
		`"Condition":{"StringEquals":{"kms:ViaService":"eks.eu-central-1.amazonaws.com"}}}]}`
	exceptViaEKS := `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"},` +
		`{"Effect":"Deny","Principal":"*","Action":"kms:CreateGrant","Resource":"*",` +
		`"Condition":{"StringNotEquals":{"kms:ViaService":"eks.eu-central-1.amazonaws.com"}}}]}`
	describeOnly := []fakeaws.Statement{fakeaws.Allow("kms:DescribeKey")}
	for _, test := range []struct {
		name   string
		policy []fakeaws.Statement
		key    fakeaws.Key
		fault  fakeaws.Fault
		want   v1alpha1.Result
		text   string
	}{
		{name: "allowed", want: v1alpha1.ResultPass, text: "would have been allowed"},
		{name: "denied", policy: []fakeaws.Statement{fakeaws.Allow("*"), fakeaws.Deny("kms:CreateGrant")},
			want: v1alpha1.ResultFail, text: "kms:CreateGrant"},
		{name: "not allowed", policy: describeOnly, want: v1alpha1.ResultFail, text: "kms:CreateGrant"},
		{name: "allowed only through EKS", policy: describeOnly, key: fakeaws.Key{Policy: viaEKS},
			want: v1alpha1.ResultUnknown, text: "only through EKS"},
		{name: "denied except through EKS", key: fakeaws.Key{Policy: exceptViaEKS}, want: v1alpha1.ResultUnknown,
			text: "only through EKS"},
		{name: "disabled", key: fakeaws.Key{State: "Disabled"}, want: v1alpha1.ResultFail, text: "fails"},
		{name: "throttled", fault: fakeaws.Fault{Status: 400, Code: "ThrottlingException"},
			want: v1alpha1.ResultUnknown, text: "inconclusive"},
		{name: "no response", fault: fakeaws.Fault{Status: -1}, want: v1alpha1.ResultUnknown, text: "inconclusive"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t, test.policy...)
			awstest.Must(t, a.AddPrincipal(fakeaws.Principal{ARN: role}))
			arn := a.key(t, test.key)
			test.fault.Operation = "CreateGrant"
			a.SetFaults([]fakeaws.Fault{test.fault})
			var issues PolicyIssues
			if test.key.Policy != "" {
				policy, err := parsePolicy(test.key.Policy)
				awstest.Must(t, err)
				issues = policy.issues(arn, Requester{Region: awstest.Region})
			}
			got := CheckGrant(context.Background(), a.kms(), arn, role, issues)
			if got.Result != test.want || !strings.Contains(got.Message+got.Remedy, test.text) {
				t.Errorf("CheckGrant = %+v, want %s with %q", got, test.want, test.text)
			}
			a.View(func(state *fakeaws.State) {
				for _, k := range state.Keys {
					if len(k.Grants) > 0 {
						t.Errorf("grants = %+v, want none", k.Grants)
					}
				}
			})
		})
	}
}

// TestCheckGrantIgnoredDryRun checks the result if the endpoint ignores DryRun: KMS always returns an error.
func TestCheckGrantIgnoredDryRun(t *testing.T) {
	got := grantCheck(nil, keyARN, PolicyIssues{})
	if got.Result != v1alpha1.ResultFail || !strings.Contains(got.Message, "ignored DryRun") {
		t.Errorf("grantCheck = %+v, want Fail", got)
	}
}

// TestFactsOfAlias checks a cluster whose configuration names an alias, as emulators report it.
func TestFactsOfAlias(t *testing.T) {
	a := newAWS(t)
	key := a.key(t, fakeaws.Key{RotationDays: 90})
	a.alias(t, "alias/named", key)
	got, notes, err := Facts(context.Background(), a.kms(), "arn:aws:kms:eu-central-1:111122223333:alias/named")
	if got.ARN != key || got.State != "Enabled" || got.Rotation == nil || err != nil || len(notes) > 0 {
		t.Errorf("Facts = %+v, %q, %q; want those of %s", got, err, notes, key)
	}
}

func TestReadPolicyIssues(t *testing.T) {
	a := newAWS(t, fakeaws.Allow("*"), fakeaws.Deny("kms:GetKeyPolicy"))
	_, reason := ReadPolicyIssues(context.Background(), a.kms(), a.key(t, fakeaws.Key{}),
		Requester{Region: awstest.Region})
	if reason == "" {
		t.Error("ReadPolicyIssues without permission returns no reason")
	}
}

func TestListCanceled(t *testing.T) {
	a := newAWS(t)
	a.key(t, fakeaws.Key{})
	a.SetFaults([]fakeaws.Fault{{Operation: "DescribeKey", Latency: time.Minute}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := List(ctx, a.kms(), ListOptions{Where: here}); !errors.Is(err, context.Canceled) {
		t.Errorf("List = %v, want %v", err, context.Canceled)
	}
}
