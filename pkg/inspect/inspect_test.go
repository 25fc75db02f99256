package inspect

import (
	"encoding/json"
	"errors"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

const account = "111122223333"

// world is an AWS of its own, asked through the real SDK.
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
		BaseEndpoint: aws.String(h.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAANN", "secret", ""),
	}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask inspects a cluster by its ARN, with the endpoint that EKS gave it.
func (w world) ask(t *testing.T, arn string) Result {
	t.Helper()
	a, ok := binding.ParseClusterARN(arn)
	if !ok {
		t.Fatalf("no ARN: %s", arn)
	}
	endpoint := ""
	w.View(func(world *fakeaws.World) {
		if c := world.Clusters[arn]; c != nil {
			endpoint = c.Endpoint
		}
	})
	return Cluster(t.Context(), w.source(a.Region), binding.Target{
		ARN: arn, Name: a.Name, Region: a.Region, Account: a.Account, Partition: a.Partition, Server: endpoint, Context: "ctx",
	})
}

func (w world) source(region string) Source {
	return Source{
		EKS: eks.NewFromConfig(w.config, func(o *eks.Options) { o.Region = region }),
		Key: KeyFrom(func(region string) kms.Reader {
			return awskms.NewFromConfig(w.config, func(o *awskms.Options) { o.Region = region })
		}),
	}
}

// Every kind of cluster there is, held against the truth that it was made from.
func TestFleet(t *testing.T) {
	w := newWorld(t)
	truths, err := w.AddFleet(fakeaws.FleetOptions{})
	must(t, err)
	for _, truth := range truths {
		t.Run(truth.Name, func(t *testing.T) {
			got := w.ask(t, truth.ARN)
			must(t, got.Err)
			r := got.Report
			if r.Encryption.Verdict != truth.Verdict || r.Encryption.Scope != truth.Scope || r.Encryption.KeyARN != truth.KeyARN {
				t.Errorf("%s/%s, key %q; want %s/%s, key %q", r.Encryption.Verdict, r.Encryption.Scope, r.Encryption.KeyARN, truth.Verdict, truth.Scope, truth.KeyARN)
			}
			if (r.Key != nil) != (truth.KeyARN != "") {
				t.Fatalf("key facts: %+v", r.Key)
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
					t.Errorf("usable: %s (%s), want %s", r.Key.Usable, r.Key.Reason, want)
				}
				if r.Key.Usable != v1alpha1.UsableYes && r.Key.Reason == "" {
					t.Error("not usable, and no reason")
				}
				if truth.KeyReadable && (r.Key.Rotation == nil || r.Key.Rotation.Enabled != truth.RotationOn) {
					t.Errorf("rotation: %+v, want %t", r.Key.Rotation, truth.RotationOn)
				}
			}
			status := ""
			if u := r.Encryption.Update; u != nil {
				status = u.Status
			}
			if status != truth.Update {
				t.Errorf("association: %q, want %q", status, truth.Update)
			}
			var codes []string
			for _, i := range r.Health.Issues {
				codes = append(codes, i.Code)
			}
			if !slices.Equal(codes, truth.HealthCodes) || r.Health.Degraded != (len(codes) > 0) {
				t.Errorf("health: %v (degraded: %t), want %v", codes, r.Health.Degraded, truth.HealthCodes)
			}
		})
	}
}

// DescribeCluster may say "no key" in many ways, and a key in one.
func TestKeyOrNone(t *testing.T) {
	for _, config := range []string{`null`, `[]`, `[{}]`, `[{"resources":["secrets"]}]`, `[{"provider":null}]`, `[{"provider":{}}]`, `[{"provider":{"keyArn":""}}]`} {
		w := newWorld(t)
		arn, err := w.AddCluster(fakeaws.Cluster{Name: "c", Region: "eu-west-1", Account: account, Version: "1.31", Extra: map[string]json.RawMessage{"encryptionConfig": json.RawMessage(config)}})
		must(t, err)
		if got := w.ask(t, arn).Report; got.Encryption.Verdict != v1alpha1.VerdictAWSOwnedKey || got.Key != nil {
			t.Errorf("encryptionConfig %s: %s, key %v", config, got.Encryption.Verdict, got.Key)
		}
	}
}

// A reply without a cluster, an empty name, or a name that isn't the one asked
// for must never turn into a verdict.
func TestNoCluster(t *testing.T) {
	w := newWorld(t)
	arn, err := w.AddCluster(fakeaws.Cluster{Name: "c", Region: "eu-west-1", Account: account, Raw: json.RawMessage(`{}`)})
	must(t, err)
	other, err := w.AddCluster(fakeaws.Cluster{Name: "d", Region: "eu-west-1", Account: account, Extra: map[string]json.RawMessage{"name": json.RawMessage(`"e"`)}})
	must(t, err)
	for name, got := range map[string]Result{
		"a reply without a cluster": w.ask(t, arn),
		"another cluster":           w.ask(t, other),
		"not existing":              w.ask(t, strings.Replace(arn, "/c", "/nope", 1)),
		"an empty name":             Cluster(t.Context(), w.source("eu-west-1"), binding.Target{Region: "eu-west-1"}),
	} {
		if got.Err == nil || got.Report.Encryption.Verdict != v1alpha1.VerdictUnknown {
			t.Errorf("%s: %s, %v", name, got.Report.Encryption.Verdict, got.Err)
		}
		if !strings.HasPrefix(got.Report.Encryption.Reason, "Unknown, because ") {
			t.Errorf("%s: the reason is %q", name, got.Report.Encryption.Reason)
		}
	}
}

// What may not be read is named, with the action and the ARN, and never guessed.
func TestDenied(t *testing.T) {
	const keyHome = "us-east-1" // another region than the cluster's
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
			w := newWorld(t, fakeaws.Allow("*"), fakeaws.Deny(test.action))
			key, err := w.AddKey(fakeaws.Key{Region: keyHome, Account: account})
			must(t, err)
			arn, err := w.AddCluster(fakeaws.Cluster{Name: "c", Region: "eu-west-1", Account: account, KeyARN: key, Updates: []*fakeaws.Update{{
				ID: "u-1", Type: "AssociateEncryptionConfig", Status: "Successful", CreatedAt: time.Unix(1, 0), KeyARN: key,
			}}})
			must(t, err)
			got := w.ask(t, arn)
			if got.Report.Encryption.Verdict != test.verdict {
				t.Errorf("verdict %s, want %s", got.Report.Encryption.Verdict, test.verdict)
			}
			usable := v1alpha1.Usable("")
			if got.Report.Key != nil {
				usable = got.Report.Key.Usable
			}
			if usable != test.usable {
				t.Errorf("usable %s, want %s", usable, test.usable)
			}
			said, err := json.Marshal(got.Report)
			must(t, err)
			if !strings.Contains(string(said), test.action) {
				t.Errorf("nothing in the report names %s: %s", test.action, said)
			}
			if (got.Err != nil) != (test.action == "eks:DescribeCluster") {
				t.Errorf("error: %v", got.Err)
			}
			if got.Err != nil && (!strings.Contains(got.Err.Error(), arn) || awsclient.KindOf(got.Err) != awsclient.KindAccessDenied) {
				t.Errorf("error %v doesn't name %s", got.Err, arn)
			}
		})
	}
}

// Two rounds of calls: with 100 calls side by side the rounds are what counts.
func TestTwoRounds(t *testing.T) {
	w := newWorld(t)
	key, err := w.AddKey(fakeaws.Key{Region: "eu-west-1", Account: account, RotationDays: 365})
	must(t, err)
	c := fakeaws.Cluster{Name: "c", Region: "eu-west-1", Account: account, KeyARN: key}
	for i := range 10 {
		c.Updates = append(c.Updates, &fakeaws.Update{ID: "u-" + string(rune('a'+i)), Type: "VersionUpdate", Status: "Successful", CreatedAt: time.Unix(int64(i), 0)})
	}
	arn, err := w.AddCluster(c)
	must(t, err)
	const late = 100 * time.Millisecond
	w.SetFaults([]fakeaws.Fault{{Latency: late}})
	begin := time.Now()
	must(t, w.ask(t, arn).Err)
	// Not a benchmark: three rounds in a row could not be faster than this.
	if took := time.Since(begin); took < 2*late {
		t.Errorf("took %v: the latency was not in force", took)
	}
	if n := w.MaxInFlight(); n < 10 {
		t.Errorf("at most %d calls were in flight: the second round is not side by side", n)
	}
}

func TestNotEKS(t *testing.T) {
	r := NotEKS(&binding.NotEKSError{Context: "kind-x", Server: "https://127.0.0.1", LooksLike: "kind", Why: "so"})
	if r.Encryption.Verdict != v1alpha1.VerdictNotApplicable || !strings.Contains(r.Encryption.Reason, "kind") {
		t.Errorf("%+v", r.Encryption)
	}
	if u := Unknown(binding.Target{Name: "c"}, errors.New("no answer")); u.Encryption.Verdict != v1alpha1.VerdictUnknown {
		t.Errorf("%+v", u.Encryption)
	}
}
