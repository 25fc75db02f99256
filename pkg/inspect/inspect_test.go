package inspect

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

// testAWS is a fake AWS that the real SDK calls.
type testAWS struct {
	*fakeaws.Server
	config aws.Config
}

func newAWS(t *testing.T, policy ...fakeaws.Statement) testAWS {
	t.Helper()
	server, config := awstest.New(t, policy...)
	return testAWS{server, config}
}

// add adds a cluster and returns its ARN.
func (a testAWS) add(t *testing.T, c fakeaws.Cluster) string {
	t.Helper()
	return awstest.AddCluster(t, a.Server, c)
}

// inspect reports on the cluster with this ARN. The target has the endpoint of the fake cluster.
func (a testAWS) inspect(t *testing.T, arn string) Result {
	t.Helper()
	parsed, ok := binding.ParseClusterARN(arn)
	if !ok {
		t.Fatalf("%s is not a cluster ARN", arn)
	}
	endpoint := ""
	a.View(func(state *fakeaws.State) {
		if c := state.Clusters[arn]; c != nil {
			endpoint = c.Endpoint
		}
	})
	return Cluster(t.Context(), a.source(parsed.Region), binding.New(binding.Target{
		ARN: arn, Name: parsed.Name, Region: parsed.Region, Account: parsed.Account, Partition: parsed.Partition,
		Server: endpoint, Context: "ctx",
	}, nil, nil))
}

func (a testAWS) source(region string) Source {
	return Source{
		EKS: eks.New(awseks.NewFromConfig(a.config, func(o *awseks.Options) { o.Region = region })),
		Key: KeyFrom(func(region string) kms.Reader {
			return awskms.NewFromConfig(a.config, func(o *awskms.Options) { o.Region = region })
		}),
	}
}

// TestFleet checks the report on every kind of cluster against the expected answers of the fake fleet.
func TestFleet(t *testing.T) {
	a := newAWS(t)
	truths, err := a.AddFleet(fakeaws.FleetOptions{})
	awstest.Must(t, err)
	for _, truth := range truths {
		t.Run(truth.Name, func(t *testing.T) {
			got := a.inspect(t, truth.ARN)
			awstest.Must(t, got.Err)
			r := got.Report
			e := r.Encryption
			if e.Verdict != truth.Verdict || e.Scope != truth.Scope || e.KeyARN != truth.KeyARN {
				t.Errorf("verdict = %s/%s with key %q, want %s/%s with key %q",
					e.Verdict, e.Scope, e.KeyARN, truth.Verdict, truth.Scope, truth.KeyARN)
			}
			if (r.Key != nil) != (truth.KeyARN != "") {
				t.Fatalf("key = %+v, want one: %t", r.Key, truth.KeyARN != "")
			}
			if r.Key != nil {
				want := v1alpha1.UsableNo
				switch {
				case len(truth.HealthCodes) == 0 && !truth.KeyReadable:
					want = v1alpha1.UsableUnknown
				case len(truth.HealthCodes) == 0 && truth.KeyState == "Enabled":
					want = v1alpha1.UsableYes
				}
				if r.Key.Usable != want {
					t.Errorf("usable = %s (%s), want %s", r.Key.Usable, r.Key.Reason, want)
				}
				if r.Key.Usable != v1alpha1.UsableYes && r.Key.Reason == "" {
					t.Errorf("usable = %s without a reason", r.Key.Usable)
				}
				if truth.KeyReadable && (r.Key.Rotation == nil || r.Key.Rotation.Enabled != truth.RotationOn) {
					t.Errorf("rotation = %+v, want %t", r.Key.Rotation, truth.RotationOn)
				}
			}
			status := ""
			if u := e.Update; u != nil {
				status = u.Status
			}
			if status != truth.Update {
				t.Errorf("status of the last association = %q, want %q", status, truth.Update)
			}
			var codes []string
			for _, i := range r.Health.Issues {
				codes = append(codes, i.Code)
			}
			if !slices.Equal(codes, truth.HealthCodes) || r.Health.Degraded != (len(codes) > 0) {
				t.Errorf("health issues = %v (degraded: %t), want %v", codes, r.Health.Degraded, truth.HealthCodes)
			}
		})
	}
}

// TestNoKey checks the verdict for every form in which DescribeCluster returns no key.
func TestNoKey(t *testing.T) {
	for _, config := range []string{
		`null`, `[]`, `[{}]`, `[{"resources":["secrets"]}]`, `[{"provider":null}]`, `[{"provider":{}}]`,
		`[{"provider":{"keyArn":""}}]`,
	} {
		a := newAWS(t)
		arn := a.add(t, fakeaws.Cluster{
			Name: "c", Region: "eu-west-1", Version: "1.31",
			Extra: map[string]json.RawMessage{"encryptionConfig": json.RawMessage(config)},
		})
		if got := a.inspect(t, arn).Report; got.Encryption.Verdict != v1alpha1.VerdictAWSOwnedKey || got.Key != nil {
			t.Errorf("encryptionConfig %s: verdict = %s, key = %v; want AWSOwnedKey, no key",
				config, got.Encryption.Verdict, got.Key)
		}
	}
}

// TestAlias checks a cluster whose configuration names an alias, as some emulators report it.
func TestAlias(t *testing.T) {
	a := newAWS(t)
	key := awstest.AddKey(t, a.Server, fakeaws.Key{Region: "eu-west-1"})
	alias, err := a.AddAlias(fakeaws.Alias{
		Name: "alias/a", Region: "eu-west-1", Account: awstest.Account, Target: key[strings.LastIndexByte(key, '/')+1:],
	})
	awstest.Must(t, err)
	r := a.inspect(t, a.add(t, fakeaws.Cluster{Name: "c", Region: "eu-west-1", KeyARN: alias,
		Health: []fakeaws.HealthIssue{{Code: "KmsKeyDisabled", ResourceIDs: []string{key}}}})).Report
	if r.Encryption.KeyARN != key || r.Key == nil || r.Key.ARN != key || r.Key.Usable != v1alpha1.UsableNo ||
		!strings.Contains(strings.Join(r.Notes, "; "), alias) {
		t.Errorf("report = %+v, key = %+v; want key %s, not usable, and a note about %s", r.Encryption, r.Key, key, alias)
	}
}

// TestNoCluster checks that a response without a cluster, an empty name, or another cluster's name leads to no verdict.
func TestNoCluster(t *testing.T) {
	a := newAWS(t)
	arn := a.add(t, fakeaws.Cluster{
		Name: "c", Region: "eu-west-1", Raw: json.RawMessage(`{}`),
	})
	other := a.add(t, fakeaws.Cluster{
		Name: "d", Region: "eu-west-1",
		Extra: map[string]json.RawMessage{"name": json.RawMessage(`"e"`)},
	})
	for name, got := range map[string]Result{
		"no cluster in the response": a.inspect(t, arn),
		"another cluster":            a.inspect(t, other),
		"missing cluster":            a.inspect(t, strings.Replace(arn, "/c", "/nope", 1)),
		"empty name": Cluster(t.Context(), a.source("eu-west-1"),
			binding.New(binding.Target{Region: "eu-west-1"}, nil, nil)),
	} {
		if got.Err == nil || got.Report.Encryption.Verdict != v1alpha1.VerdictUnknown {
			t.Errorf("%s: verdict = %s, error = %v; want Unknown and an error",
				name, got.Report.Encryption.Verdict, got.Err)
		}
		if got.Err != nil && !strings.Contains(got.Report.Encryption.Reason, got.Err.Error()) {
			t.Errorf("%s: reason %q does not contain %q", name, got.Report.Encryption.Reason, got.Err)
		}
	}
}

// TestDenied checks that the report names each denied action, and that what it could not read is unknown.
func TestDenied(t *testing.T) {
	const keyRegion = "us-east-1" // not the cluster's region
	tests := []struct {
		action  string
		verdict v1alpha1.Verdict
		usable  v1alpha1.Usable
	}{
		{"eks:DescribeCluster", v1alpha1.VerdictUnknown, ""},
		{"eks:ListUpdates", v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes},
		{"eks:DescribeUpdate", v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes},
		{"kms:DescribeKey", v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableUnknown},
		{"kms:ListAliases", v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes},
		{"kms:GetKeyRotationStatus", v1alpha1.VerdictCustomerManagedKey, v1alpha1.UsableYes},
	}
	for _, test := range tests {
		t.Run(test.action, func(t *testing.T) {
			a := newAWS(t, fakeaws.Allow("*"), fakeaws.Deny(test.action))
			key := awstest.AddKey(t, a.Server, fakeaws.Key{Region: keyRegion})
			association := &fakeaws.Update{
				ID: "u-1", Type: eks.TypeAssociation, Status: "Successful", CreatedAt: time.Unix(1, 0), KeyARN: key,
			}
			arn := a.add(t, fakeaws.Cluster{
				Name: "c", Region: "eu-west-1", KeyARN: key, Updates: []*fakeaws.Update{association},
			})
			got := a.inspect(t, arn)
			if got.Report.Encryption.Verdict != test.verdict {
				t.Errorf("verdict = %s, want %s", got.Report.Encryption.Verdict, test.verdict)
			}
			usable := v1alpha1.Usable("")
			if got.Report.Key != nil {
				usable = got.Report.Key.Usable
			}
			if usable != test.usable {
				t.Errorf("usable = %s, want %s", usable, test.usable)
			}
			text, err := json.Marshal(got.Report)
			awstest.Must(t, err)
			if !strings.Contains(string(text), test.action) {
				t.Errorf("the report does not name %s: %s", test.action, text)
			}
			if want := test.action == "eks:DescribeCluster"; (got.Err != nil) != want {
				t.Errorf("error = %v, want one: %t", got.Err, want)
			}
			denied := awsclient.KindOf(got.Err) == awsclient.KindAccessDenied
			if got.Err != nil && (!denied || !strings.Contains(got.Err.Error(), arn)) {
				t.Errorf("error = %v, want access denied to %s", got.Err, arn)
			}
		})
	}
}

// TestTwoRounds checks that a report takes two rounds of concurrent calls.
func TestTwoRounds(t *testing.T) {
	a := newAWS(t)
	key := awstest.AddKey(t, a.Server, fakeaws.Key{Region: "eu-west-1", RotationDays: 365})
	c := fakeaws.Cluster{Name: "c", Region: "eu-west-1", KeyARN: key}
	for i := range 10 {
		c.Updates = append(c.Updates, &fakeaws.Update{
			ID: "u-" + string(rune('a'+i)), Type: "VersionUpdate", Status: "Successful",
			CreatedAt: time.Unix(int64(i), 0),
		})
	}
	arn := a.add(t, c)
	const latency = 100 * time.Millisecond
	a.SetFaults([]fakeaws.Fault{{Latency: latency}})
	begin := time.Now()
	awstest.Must(t, a.inspect(t, arn).Err)
	if took := time.Since(begin); took < 2*latency {
		t.Errorf("took %v, want at least %v: the latency had no effect", took, 2*latency)
	}
	if n := a.MaxInFlight(); n < 10 {
		t.Errorf("at most %d calls were in flight, want 10: the second round is not concurrent", n)
	}
}

// TestLastAssociation checks that the newest association is reported, in any order of the updates.
func TestLastAssociation(t *testing.T) {
	a := newAWS(t)
	c := fakeaws.Cluster{Name: "c", Region: "eu-west-1"}
	for _, u := range []struct {
		id, kind string
		created  int64
	}{
		{"old", eks.TypeAssociation, 1}, {"new", eks.TypeAssociation, 3}, {"middle", eks.TypeAssociation, 2},
		{"version", "VersionUpdate", 4},
	} {
		c.Updates = append(c.Updates, &fakeaws.Update{
			ID: u.id, Type: u.kind, Status: "Failed", CreatedAt: time.Unix(u.created, 0),
		})
	}
	arn := a.add(t, c)
	if u := a.inspect(t, arn).Report.Encryption.Update; u == nil || u.ID != "new" {
		t.Errorf("last association = %+v, want new", u)
	}
}

// TestUpdatesUnknown checks when it is unknown whether an association is in progress, and that every update is read.
func TestUpdatesUnknown(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:" + awstest.Account + ":key/1234abcd-12ab-34cd-56ef-1234567890ab"
	update := func(id, kind, status string) *fakeaws.Update {
		return &fakeaws.Update{ID: id, Type: kind, Status: status, CreatedAt: time.Unix(1, 0)}
	}
	many := []*fakeaws.Update{update("ended", eks.TypeAssociation, "Failed")}
	for i := range 250 {
		many = append(many, update(fmt.Sprint("v-", i), "VersionUpdate", "Successful"))
	}
	old := update("old", eks.TypeAssociation, "InProgress")
	old.CreatedAt = time.Time{} // EKS need not report when; the newest is not always the one in progress
	for _, test := range []struct {
		name    string
		cluster fakeaws.Cluster
		denied  string
		update  string // the id of the reported association
		unknown string // part of the reason; empty if it is known
		note    string
	}{
		{name: "no update"},
		{name: "association in progress on the last page", update: "last",
			cluster: fakeaws.Cluster{Updates: slices.Concat(many, []*fakeaws.Update{
				update("last", eks.TypeAssociation, "InProgress")})}},
		{name: "association in progress, older than one that ended", update: "old",
			cluster: fakeaws.Cluster{Updates: slices.Concat(many, []*fakeaws.Update{old})}},
		{name: "status that is not known", update: "u",
			cluster: fakeaws.Cluster{Updates: []*fakeaws.Update{update("u", eks.TypeAssociation, "Paused")}}},
		{name: "no permission to list", denied: "eks:ListUpdates", unknown: "eks:ListUpdates", note: "eks:ListUpdates"},
		{name: "no permission to describe", denied: "eks:DescribeUpdate", unknown: "eks:DescribeUpdate",
			cluster: fakeaws.Cluster{Updates: many}, note: "eks:DescribeUpdate"},
		{name: "UPDATING without an update", cluster: fakeaws.Cluster{Status: "UPDATING"},
			unknown: "lists no update that is in progress"},
		{name: "UPDATING by another update", note: "update u (LoggingUpdate) is InProgress",
			cluster: fakeaws.Cluster{Status: "UPDATING", Updates: []*fakeaws.Update{
				update("u", "LoggingUpdate", "InProgress")}}},
		{name: "CREATING", cluster: fakeaws.Cluster{Status: "CREATING"}, unknown: `not ACTIVE: its status is "CREATING"`},
		{name: "DELETING", cluster: fakeaws.Cluster{Status: "DELETING", KeyARN: key}, unknown: "not ACTIVE"},
		{name: "association whose key is not shown yet", update: "u", unknown: "DescribeCluster returns none yet",
			cluster: fakeaws.Cluster{Updates: []*fakeaws.Update{update("u", eks.TypeAssociation, "Successful")}}},
		{name: "association that is done", update: "u", cluster: fakeaws.Cluster{KeyARN: key, Updates: []*fakeaws.Update{
			update("u", eks.TypeAssociation, "Successful")}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			policy := []fakeaws.Statement{fakeaws.Allow("*")}
			if test.denied != "" {
				policy = append(policy, fakeaws.Deny(test.denied))
			}
			a := newAWS(t, policy...)
			test.cluster.Name, test.cluster.Region = "c", "eu-west-1"
			r := a.inspect(t, a.add(t, test.cluster)).Report
			id := ""
			if u := r.Encryption.Update; u != nil {
				id = u.ID
			}
			unknown := r.Encryption.UpdatesUnknown
			if id != test.update || (unknown == "") != (test.unknown == "") || !strings.Contains(unknown, test.unknown) {
				t.Errorf("update = %q, unknown: %q; want %q, %q", id, unknown, test.update, test.unknown)
			}
			if !strings.Contains(strings.Join(r.Notes, "; "), test.note) {
				t.Errorf("notes = %q, want %q", r.Notes, test.note)
			}
			err := (rewriter.Preconditions{Report: &r}).Check(v1alpha1.MethodReadOnly)
			done := test.update == "" || test.name == "association that is done"
			if (err == nil) != (test.unknown == "" && done) {
				t.Errorf("Check = %v", err)
			}
		})
	}
}

func TestNotEKS(t *testing.T) {
	r := NotEKS(&binding.NotEKSError{Context: "kind-x", Server: "https://127.0.0.1", LooksLike: "kind", Why: "so"})
	if r.Encryption.Verdict != v1alpha1.VerdictNotApplicable || !strings.Contains(r.Encryption.Reason, "kind") {
		t.Errorf("NotEKS = %+v, want NotApplicable and the product kind", r.Encryption)
	}
	u := Unknown(binding.Target{Name: "c"}, errors.New("no response"))
	if u.Encryption.Verdict != v1alpha1.VerdictUnknown {
		t.Errorf("Unknown = %+v, want Unknown", u.Encryption)
	}
}

// TestDeletedKey checks that a key that KMS does not know is not usable, and one in a wrong region is unknown.
func TestDeletedKey(t *testing.T) {
	a := newAWS(t)
	key := awstest.AddKey(t, a.Server, fakeaws.Key{Region: "eu-west-1"})
	arn := a.add(t, fakeaws.Cluster{Name: "c", Region: "eu-west-1", KeyARN: key})
	awstest.Must(t, a.Update(func(w *fakeaws.State) { delete(w.Keys, key) }))
	if r := a.inspect(t, arn).Report; r.Key.Usable != v1alpha1.UsableNo || !strings.Contains(r.Key.Reason, "was deleted") {
		t.Errorf("key = %+v, want not usable, because it was deleted", r.Key)
	}
	a.SetFaults([]fakeaws.Fault{{Operation: "DescribeKey", Status: 400, Code: "NotFoundException",
		Message: "Invalid arn eu-west-1"}})
	if r := a.inspect(t, arn).Report; r.Key.Usable != v1alpha1.UsableUnknown {
		t.Errorf("usable = %s (%s), want Unknown", r.Key.Usable, r.Key.Reason)
	}
}
