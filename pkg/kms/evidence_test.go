package kms

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	awscloudtrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cloudtrail"
)

const pluginRole = "arn:aws:sts::111122223333:assumed-role/plugin/session"

// evidenceOf reads the evidence about the key of a new cluster, whose health was checked once.
func (a testAWS) evidenceOf(t *testing.T, k fakeaws.Key) (v1alpha1.KeyEvidence, string) {
	t.Helper()
	now := time.Now()
	k.LastUse, k.LastUseOp, k.LastUseEvent = now.Add(-time.Minute), "Decrypt", "event-1"
	key := a.key(t, k)
	cluster := awstest.AddCluster(t, a.Server, fakeaws.Cluster{Name: "lab", KeyARN: key, RoleARN: clusterRole})
	awstest.Must(t, a.Update(func(w *fakeaws.State) {
		w.AddEvent(fakeaws.Event{ID: "event-1", Region: awstest.Region, Account: awstest.Account, Name: "Decrypt",
			Source: "kms.amazonaws.com", Time: now, Principal: pluginRole, InvokedBy: "eks.amazonaws.com", KeyARN: key})
	}))
	awstest.Must(t, a.CheckHealth(cluster))
	described, err := describe(t.Context(), a.kms(), key)
	if err != nil {
		described.ARN = key
	}
	return ReadEvidence(t.Context(), a.kms(), EvidenceOptions{
		Key: described.Key, Account: awstest.Account, OfCluster: true, Now: now,
		Requester: Requester{ARN: awstest.UserARN, Region: awstest.Region, ClusterRole: clusterRole},
		Events:    cloudtrail.New(awscloudtrail.NewFromConfig(a.config).LookupEvents),
	}), key
}

func results(checks []v1alpha1.Check) (list []string) {
	for _, c := range checks {
		list = append(list, fmt.Sprintf("%s %s", c.Result, c.Name))
	}
	return list
}

func TestReadEvidence(t *testing.T) {
	a := newAWS(t)
	a.AddPrincipal(fakeaws.Principal{ARN: clusterRole, Policy: []fakeaws.Statement{fakeaws.Allow("kms:ListGrants")}})
	day := func(n int) time.Time { return time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC) }
	found, _ := a.evidenceOf(t, fakeaws.Key{
		Rotations: []fakeaws.Rotation{{Type: "ON_DEMAND", Date: day(2)}, {Type: "AUTOMATIC", Date: day(9)},
			{Type: "ON_DEMAND", Date: day(3)}, {Type: "NEW", Date: day(1)}},
		Grants: []fakeaws.Grant{{ID: "g", Grantee: "eks.amazonaws.com", Operations: []string{"Decrypt"},
			Constraints: map[string]any{"SourceArn": "arn:aws:eks:::cluster/lab",
				"EncryptionContextEquals": map[string]string{"a": "b"}}}},
	})
	if len(found.Unknown) > 0 {
		t.Errorf("unknown = %+v, want none", found.Unknown)
	}
	if r := found.Rotations; r.OnDemand != 2 || r.Automatic != 1 || r.OnDemandLimit != 25 || !r.Last.Time.Equal(day(9)) {
		t.Errorf("rotations = %+v", r)
	}
	if g := found.Grants; len(g) != 1 || g[0].SourceARN != "arn:aws:eks:::cluster/lab" || g[0].ContextEquals["a"] != "b" {
		t.Errorf("grants = %+v", g)
	}
	event := found.LastUse.Event
	if event == nil || event.Principal != pluginRole || event.Service != "eks.amazonaws.com" || event.ID != "event-1" {
		t.Errorf("event = %+v", event)
	}
	want := []string{"Pass " + AdministrationCheckName, "Pass " + RoleCheckName, "Pass " + HealthCheckName}
	if got := results(found.Checks); !slices.Equal(got, want) {
		t.Errorf("checks = %q, want %q", got, want)
	}
	if n := awstest.Calls(a.Server, "LookupEvents"); n != 2 {
		t.Errorf("%d calls of LookupEvents, want 2", n)
	}
}

// TestReadEvidenceDenied checks that each missing permission makes only its own fact unknown.
func TestReadEvidenceDenied(t *testing.T) {
	for _, test := range []struct{ action, facts, resource string }{
		{"kms:GetKeyLastUsage", "lastUse", "key"}, {"kms:ListGrants", "grants", "key"},
		{"kms:ListKeyRotations", "rotations", "key"}, {"kms:GetKeyPolicy", "policy", "key"},
		{"cloudtrail:LookupEvents", "event,healthCheck", "*"},
	} {
		a := newAWS(t, fakeaws.Allow("*"), fakeaws.Deny(test.action))
		found, key := a.evidenceOf(t, fakeaws.Key{})
		var facts []string
		for _, u := range found.Unknown {
			facts = append(facts, u.Fact)
			resource := test.resource
			if resource == "key" {
				resource = key
			}
			if u.Action != test.action || u.Resource != resource || u.Reason != "needs "+test.action+" on "+resource {
				t.Errorf("without %s: unknown = %+v", test.action, u)
			}
		}
		if got := strings.Join(facts, ","); got != test.facts {
			t.Errorf("without %s: unknown facts = %q, want %q", test.action, got, test.facts)
		}
		for _, c := range found.Checks {
			unread := test.action == "kms:GetKeyPolicy" && c.Name != HealthCheckName
			if (c.Result == v1alpha1.ResultUnknown) != unread {
				t.Errorf("without %s: check = %+v", test.action, c)
			}
		}
	}
}

// TestHealthCheck checks events as users reported them: the statement, added to the key policy, ends the denials.
func TestHealthCheck(t *testing.T) {
	const role, key = clusterRole, policyKey
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	call := cloudtrail.Event{ID: "1", Name: "ListGrants", Source: "kms.amazonaws.com", Role: role, Time: at}
	message := func(because string) string {
		return "User: arn:aws:sts::1:assumed-role/lab/health-check-session is not authorized to perform: kms:ListGrants on " +
			"resource: " + key + " " + because
	}
	denied := func(because string) cloudtrail.Event {
		e := call
		e.ErrorCode, e.ErrorMessage = "AccessDenied", message(because)
		return e
	}
	other := denied("because no identity-based policy allows the kms:ListGrants action")
	other.Role = "arn:aws:iam::1:role/other"
	failed := denied("")
	failed.ErrorCode = "ThrottlingException"
	later := denied("because no resource-based policy allows the kms:ListGrants action")
	later.Time = at.Add(time.Hour)
	for _, test := range []struct {
		name      string
		events    []cloudtrail.Event
		want      v1alpha1.Result
		statement bool
	}{
		{"none", nil, v1alpha1.ResultUnknown, false},
		{"not of this role", []cloudtrail.Event{other}, v1alpha1.ResultUnknown, false},
		{"of another key", []cloudtrail.Event{call}, v1alpha1.ResultUnknown, false},
		{"denied by IAM", []cloudtrail.Event{denied("because no identity-based policy allows the kms:ListGrants action")},
			v1alpha1.ResultWarn, true},
		{"denied by the key policy", []cloudtrail.Event{later}, v1alpha1.ResultWarn, true},
		{"a statement denies it", []cloudtrail.Event{denied("with an explicit deny in a resource-based policy")},
			v1alpha1.ResultWarn, false},
		{"failed", []cloudtrail.Event{failed}, v1alpha1.ResultUnknown, false},
	} {
		c := healthCheck(test.events, key, role)
		if c.Result != test.want || (len(c.Statements) > 0) != test.statement {
			t.Errorf("%s: check = %+v, want %s", test.name, c, test.want)
		}
	}

	for _, policy := range []string{"", `{"Statement":[` + allowed(`"`+roleARN+`"`, `"kms:*"`) + `]}`} {
		a := newAWS(t)
		awstest.Must(t, a.AddPrincipal(fakeaws.Principal{ARN: role}))
		arn := a.key(t, fakeaws.Key{Policy: policy})
		cluster := awstest.AddCluster(t, a.Server, fakeaws.Cluster{Name: "lab", KeyARN: arn, RoleARN: role})
		check := func() v1alpha1.Check {
			awstest.Must(t, a.CheckHealth(cluster))
			events, _, err := cloudtrail.New(awscloudtrail.NewFromConfig(a.config).LookupEvents).
				Session(t.Context(), healthSession, time.Now().Add(-time.Hour))
			awstest.Must(t, err)
			return healthCheck(events[:1], arn, role) // the newest
		}
		before := check()
		if before.Result != v1alpha1.ResultWarn {
			t.Fatalf("before: %+v, want Warn", before)
		}
		time.Sleep(time.Millisecond) // so that the next event is newer
		awstest.Must(t, a.Update(func(w *fakeaws.State) {
			w.Keys[arn].Policy = strings.Replace(w.Keys[arn].Policy, "[", "["+StatementText(before.Statements)+",", 1)
		}))
		if after := check(); after.Result != v1alpha1.ResultPass {
			t.Errorf("after: %+v, want Pass", after)
		}
	}
}
