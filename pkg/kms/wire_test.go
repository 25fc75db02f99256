package kms

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// world is KMS and EKS on loopback, and a caller with the given policy.
type world struct {
	*fakeaws.Server
	config aws.Config
}

func newWorld(t *testing.T, allowed ...fakeaws.Statement) world {
	t.Helper()
	s := fakeaws.New(fakeaws.Options{})
	t.Cleanup(s.Close)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	if len(allowed) == 0 {
		allowed = []fakeaws.Statement{fakeaws.Allow("*")}
	}
	must(t, s.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + account + ":user/ann", AccessKeyID: "AKIAANN", SecretAccessKey: "secret", Policy: allowed}))
	return world{s, aws.Config{
		Region: home, BaseEndpoint: aws.String(h.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAANN", "secret", ""),
	}}
}

func (w world) kms() *kms.Client { return kms.NewFromConfig(w.config) }

func (w world) key(t *testing.T, k fakeaws.Key) string {
	t.Helper()
	if k.Region == "" {
		k.Region = home
	}
	if k.Account == "" {
		k.Account = account
	}
	arn, err := w.AddKey(k)
	must(t, err)
	return arn
}

func (w world) alias(t *testing.T, name, keyARN string) {
	t.Helper()
	_, err := w.AddAlias(fakeaws.Alias{Name: name, Region: home, Account: account, Target: keyARN[strings.LastIndexByte(keyARN, '/')+1:]})
	must(t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestList(t *testing.T) {
	w := newWorld(t)
	plain := w.key(t, fakeaws.Key{RotationDays: 180})
	named := w.key(t, fakeaws.Key{})
	w.alias(t, "alias/cluster-api-provider-aws-x", named)
	disabled := w.key(t, fakeaws.Key{State: "Disabled"})
	w.alias(t, "alias/off", disabled)
	ofAWS := w.key(t, fakeaws.Key{Manager: "AWS"})
	w.alias(t, "alias/aws/ebs", ofAWS)
	w.key(t, fakeaws.Key{Region: "us-east-1"})
	var last, total int
	l, err := List(context.Background(), w.kms(), ListOptions{
		Where: here, UsedBy: map[string][]string{plain: {"arn:c"}},
		Progress: func(done, all int) { last, total = done, all },
	})
	must(t, err)
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
		t.Errorf("progress ended at %d of %d, want 4 of 4", last, total)
	}
	if len(l.Notes) > 0 {
		t.Errorf("notes %q, want none", l.Notes)
	}
}

func TestListWithPartialPermissions(t *testing.T) {
	all := fakeaws.Allow("*")
	for _, test := range []struct {
		name    string
		denied  []string
		keys    int
		note    string
		err     string
		aliases bool
	}{
		{"no rotation status", []string{"kms:GetKeyRotationStatus"}, 2, "kms:GetKeyRotationStatus was refused for 2 of 2 keys", "", true},
		{"no aliases", []string{"kms:ListAliases"}, 2, "kms:ListAliases", "", false},
		{"no keys", []string{"kms:ListKeys"}, 1, "only keys with an alias are listed", "", true},
		{"neither", []string{"kms:ListKeys", "kms:ListAliases"}, 0, "", "kms:ListKeys", false},
		{"no descriptions", []string{"kms:DescribeKey"}, 2, "kms:DescribeKey was refused for 2 of 2 keys", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			allowed := []fakeaws.Statement{all}
			for _, action := range test.denied {
				allowed = append(allowed, fakeaws.Deny(action))
			}
			w := newWorld(t, allowed...)
			w.key(t, fakeaws.Key{})
			w.alias(t, "alias/named", w.key(t, fakeaws.Key{}))
			l, err := List(context.Background(), w.kms(), ListOptions{Where: here})
			if test.err != "" {
				if err == nil || !strings.Contains(errText(err), test.err) {
					t.Fatalf("error %v, want one naming %s", err, test.err)
				}
				return
			}
			must(t, err)
			if len(l.Items) != test.keys {
				t.Errorf("%d keys, want %d", len(l.Items), test.keys)
			}
			if !strings.Contains(strings.Join(l.Notes, "\n"), test.note) {
				t.Errorf("notes %q, want one with %q", l.Notes, test.note)
			}
			named := slices.ContainsFunc(l.Items, func(k v1alpha1.KeyListItem) bool { return slices.Equal(k.Aliases, []string{"alias/named"}) })
			if named != test.aliases {
				t.Errorf("alias known: %v, want %v", named, test.aliases)
			}
		})
	}
}

func TestListManyWithinQuota(t *testing.T) {
	w := newWorld(t)
	const n = 1500
	must(t, w.Update(func(world *fakeaws.World) {
		for range n {
			world.AddKey(fakeaws.Key{Region: home, Account: account, Manager: "AWS"})
		}
	}))
	l, err := List(context.Background(), w.kms(), ListOptions{Where: here, PerSecond: 100_000})
	must(t, err)
	if len(l.Items) != n {
		t.Errorf("%d keys, want %d", len(l.Items), n)
	}
	if most := w.MaxInFlight(); most > listConcurrency {
		t.Errorf("%d requests at once, want at most %d", most, listConcurrency)
	}
}

func TestResolve(t *testing.T) {
	// The caller may use everything of its own account, and nothing of others'.
	w := newWorld(t, fakeaws.Allow("*"))
	key := w.key(t, fakeaws.Key{})
	w.alias(t, "alias/payments", key)
	replica := w.key(t, fakeaws.Key{ID: "mrk-1234abcd12ab34cd56ef1234567890ab", MultiRegion: true, Primary: "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"})
	foreign := w.key(t, fakeaws.Key{Account: other})
	w.alias(t, "alias/orphan", "key/ffffffff-12ab-34cd-56ef-1234567890ab")
	for _, test := range []struct{ named, want, err string }{
		{key, key, ""},
		{key[strings.LastIndexByte(key, '/')+1:], key, ""},
		{"alias/payments", key, ""},
		{"arn:aws:kms:eu-central-1:111122223333:alias/payments", key, ""},
		{replica, replica, ""},
		{"payments", "", "did you mean alias/payments"},
		{"alias/dangling", "", "no key stands behind that alias"},
		{"alias/orphan", "", "no key stands behind that alias"},
		{"alias/aws/eks", "", "managed by AWS"},
		{"arn:aws:kms:eu-central-1:111122223333:alias/aws/eks", "", "managed by AWS"},
		{"ffffffff-12ab-34cd-56ef-1234567890ab", "", "doesn't exist in eu-central-1"},
		{strings.Replace(replica, home, "us-east-1", 1), "", "make a replica"},
		{foreign, "", "account 444455556666"},
		{"arn:aws-cn:kms:cn-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", "", "partition aws-cn"},
	} {
		got, err := Resolve(context.Background(), w.kms(), test.named, here)
		if got.ARN != test.want || (err == nil) != (test.err == "") || !strings.Contains(errText(err), test.err) {
			t.Errorf("%s: %s, %v; want %s, %q", test.named, got.ARN, err, test.want, test.err)
		}
	}
	for _, r := range w.Requests() {
		if strings.Contains(r.KeyID, "alias/aws/") {
			t.Errorf("KMS was asked for %s, which may make a key", r.KeyID)
		}
	}
	denied := newWorld(t, fakeaws.Deny("kms:DescribeKey"))
	_, err := Resolve(context.Background(), denied.kms(), denied.key(t, fakeaws.Key{}), here)
	if !strings.Contains(errText(err), "kms:DescribeKey") {
		t.Errorf("without permission: %v, want the action named", err)
	}
}

func TestCheckGrant(t *testing.T) {
	const role = "arn:aws:iam::111122223333:role/cluster"
	viaEKS := `{"Version":"2012-10-17","Statement":[{"Sid":"E","Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"eks.eu-central-1.amazonaws.com"}}}]}`
	for _, test := range []struct {
		name    string
		allowed []fakeaws.Statement
		key     fakeaws.Key
		faults  []fakeaws.Fault
		want    v1alpha1.Result
		text    string
	}{
		{"allowed", nil, fakeaws.Key{}, nil, v1alpha1.ResultPass, "would have been allowed"},
		{"denied", []fakeaws.Statement{fakeaws.Allow("*"), fakeaws.Deny("kms:CreateGrant")}, fakeaws.Key{}, nil, v1alpha1.ResultFail, "kms:CreateGrant"},
		{"nothing allowed", []fakeaws.Statement{fakeaws.Allow("kms:DescribeKey")}, fakeaws.Key{}, nil, v1alpha1.ResultFail, "kms:CreateGrant"},
		{"by way of EKS alone", []fakeaws.Statement{fakeaws.Allow("kms:DescribeKey")}, fakeaws.Key{Policy: viaEKS}, nil, v1alpha1.ResultUnknown, "by way of EKS alone"},
		{"disabled", nil, fakeaws.Key{State: "Disabled"}, nil, v1alpha1.ResultFail, "can't work"},
		{"throttled", nil, fakeaws.Key{}, []fakeaws.Fault{{Operation: "CreateGrant", Status: 400, Code: "ThrottlingException"}}, v1alpha1.ResultUnknown, "told nothing"},
		{"not answered", nil, fakeaws.Key{}, []fakeaws.Fault{{Operation: "CreateGrant", Status: -1}}, v1alpha1.ResultUnknown, "told nothing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.allowed...)
			must(t, w.AddPrincipal(fakeaws.Principal{ARN: role}))
			arn := w.key(t, test.key)
			w.SetFaults(test.faults)
			var traps Traps
			if test.key.Policy != "" {
				var err error
				traps, err = FindTraps(test.key.Policy, home)
				must(t, err)
			}
			got := CheckGrant(context.Background(), w.kms(), arn, role, traps)
			if got.Result != test.want || !strings.Contains(got.Message+got.Remedy, test.text) {
				t.Errorf("%+v, want %s with %q", got, test.want, test.text)
			}
			w.View(func(world *fakeaws.World) {
				for _, k := range world.Keys {
					if len(k.Grants) > 0 {
						t.Errorf("a grant was left behind: %+v", k.Grants)
					}
				}
			})
		})
	}
}

// An endpoint that ignores DryRun answers without an error, which KMS never does.
func TestCheckGrantIgnoredDryRun(t *testing.T) {
	got := judgeGrant(true, nil, keyARN, Traps{})
	if got.Result != v1alpha1.ResultFail || !strings.Contains(got.Message, "ignored DryRun") {
		t.Errorf("%+v, want Fail", got)
	}
}

func TestReadTraps(t *testing.T) {
	w := newWorld(t, fakeaws.Allow("*"), fakeaws.Deny("kms:GetKeyPolicy"))
	if _, unread := ReadTraps(context.Background(), w.kms(), w.key(t, fakeaws.Key{}), home); unread == "" {
		t.Error("a policy that may not be read was taken for one without traps")
	}
}

func TestCreate(t *testing.T) {
	w := newWorld(t)
	told := ""
	k, err := Create(context.Background(), w.kms(), Creation{
		Alias: "alias/new", Description: "d", Rotate: true, RotationDays: 180, MultiRegion: true,
		Tags: []Tag{{"team", "a"}}, Policy: KeyPolicy("aws", account, nil).String(),
	}, home, func(arn string) { told = arn })
	must(t, err)
	if told != k.ARN || k.ARN == "" {
		t.Errorf("told %q, made %q", told, k.ARN)
	}
	found, err := Resolve(context.Background(), w.kms(), "alias/new", here)
	must(t, err)
	if reasons, _ := Judge(found, here); len(reasons) > 0 || found.ARN != k.ARN || !found.MultiRegion {
		t.Errorf("made %+v, not eligible: %q", found, reasons)
	}
	l, err := List(context.Background(), w.kms(), ListOptions{Where: here})
	must(t, err)
	if diff := cmp.Diff(&v1alpha1.Rotation{Enabled: true, PeriodDays: 180}, l.Items[0].Rotation); diff != "" {
		t.Error(diff)
	}
}

func TestCreateFails(t *testing.T) {
	c := Creation{Alias: "alias/new", Rotate: true, Policy: KeyPolicy("aws", account, nil).String()}
	for _, test := range []struct {
		name  string
		fault fakeaws.Fault
		told  bool
		want  []string
	}{
		{"not permitted", fakeaws.Fault{Operation: "CreateKey", Status: 400, Code: "AccessDeniedException"}, false, []string{"kms:CreateKey"}},
		{"unknown principal", fakeaws.Fault{Operation: "CreateKey", Status: 400, Code: "MalformedPolicyDocumentException"}, false, []string{"--principal"}},
		{"server error", fakeaws.Fault{Operation: "CreateKey", Status: 500, Code: "KMSInternalException"}, false, []string{"whether a key was made is unknown", "look before"}},
		{"lost answer", fakeaws.Fault{Operation: "CreateKey", Status: -1}, false, []string{"whether a key was made is unknown", "look before"}},
		{"alias refused", fakeaws.Fault{Operation: "CreateAlias", Status: 400, Code: "AccessDeniedException"}, true, []string{"kms:CreateAlias", "don't create another", "create-alias", "enable-key-rotation"}},
		{"rotation refused", fakeaws.Fault{Operation: "EnableKeyRotation", Status: 400, Code: "AccessDeniedException"}, true, []string{"kms:EnableKeyRotation", "finish this one: aws kms enable-key-rotation"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.SetFaults([]fakeaws.Fault{test.fault})
			told := ""
			_, err := Create(context.Background(), w.kms(), c, home, func(arn string) { told = arn })
			if err == nil {
				t.Fatal("no error")
			}
			for _, part := range test.want {
				if !strings.Contains(errText(err), part) {
					t.Errorf("error %q, want a part %q", errText(err), part)
				}
			}
			if (told != "") != test.told {
				t.Errorf("told %q", told)
			}
			var partly *PartlyCreatedError
			if errors.As(err, &partly) != test.told || test.told && partly.KeyARN != told {
				t.Errorf("error %#v, told %q", err, told)
			}
			made := 0
			for _, r := range w.Requests() {
				if r.Operation == "CreateKey" {
					made++
				}
			}
			if made != 1 {
				t.Errorf("%d CreateKey, want 1", made)
			}
		})
	}
}

// The SDK must not repeat a CreateKey whose answer was lost, whatever its own policy.
func TestCreateKeyIsNotRepeated(t *testing.T) {
	w := newWorld(t)
	w.config.RetryMaxAttempts = 3
	w.SetFaults([]fakeaws.Fault{{Operation: "CreateKey", Status: 500, Times: 1}})
	if _, err := Create(context.Background(), w.kms(), Creation{}, home, func(string) {}); err == nil {
		t.Error("no error: the request was repeated")
	}
	w.SetFaults([]fakeaws.Fault{{Operation: "CreateKey", Status: 400, Code: "ThrottlingException", Times: 1}})
	if _, err := Create(context.Background(), w.kms(), Creation{}, home, func(string) {}); err != nil {
		t.Errorf("a throttled request was not repeated: %v", err)
	}
}

func TestListEndsWithItsContext(t *testing.T) {
	w := newWorld(t)
	w.key(t, fakeaws.Key{})
	w.SetFaults([]fakeaws.Fault{{Operation: "DescribeKey", Latency: time.Minute}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := List(ctx, w.kms(), ListOptions{Where: here}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want canceled", err)
	}
}
