package fakeaws

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestFleetHasEveryCase(t *testing.T) {
	s, url := start(t, Options{})
	expected, err := s.AddFleet(FleetOptions{})
	must(t, err)
	got := map[string][3]string{}
	for _, c := range expected {
		got[c.Name] = [3]string{string(c.Verdict), string(c.Scope), c.KeyState}
	}
	want := map[string][3]string{
		"legacy-126":           {"NotEncrypted", "None", ""},
		"legacy-127-cmk":       {"CustomerManagedKey", "Secrets", "Enabled"},
		"payments-128":         {"AWSOwnedKey", "AllAPIData", ""},
		"payments-prod":        {"CustomerManagedKey", "AllAPIData", "Enabled"},
		"web-135":              {"AWSOwnedKey", "AllAPIData", ""},
		"web-135-cmk":          {"CustomerManagedKey", "AllAPIData", "Enabled"},
		"disabled-key":         {"CustomerManagedKey", "AllAPIData", "Disabled"},
		"key-pending-deletion": {"CustomerManagedKey", "AllAPIData", "PendingDeletion"},
		"other-accounts-key":   {"CustomerManagedKey", "AllAPIData", "Enabled"},
		"update-in-progress":   {"AWSOwnedKey", "AllAPIData", ""},
		"update-failed":        {"AWSOwnedKey", "AllAPIData", ""},
		"palette-prod":         {"AWSOwnedKey", "AllAPIData", ""},
		"eksctl-dev":           {"AWSOwnedKey", "AllAPIData", ""},
		"cfn-shop":             {"CustomerManagedKey", "AllAPIData", "Enabled"},
		"connected-gke":        {"NotApplicable", "Unknown", ""},
		"outpost-local":        {"NotApplicable", "Unknown", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	out, err := eks.NewFromConfig(as(admin, "us-east-1", url)).ListClusters(context.Background(),
		&eks.ListClustersInput{})
	must(t, err)
	if len(out.Clusters) != 7 {
		t.Errorf("clusters in us-east-1 = %v, want 7", out.Clusters)
	}
	_, err = eksOf(admin, url).AssociateEncryptionConfig(context.Background(),
		associateInputOf("update-failed", "alias/eks/disabled-key"))
	wantCode(t, err, "InvalidRequestException")
}

func TestGenerated(t *testing.T) {
	o := GenerateOptions{Clusters: 300, Regions: 20, Accounts: 5, Seed: 7, RegionsDown: 1, AccountsDenied: 1,
		Hostile: true}
	s, url := start(t, Options{})
	g, err := s.AddGenerated(o)
	must(t, err)
	second, _ := start(t, Options{})
	again, err := second.AddGenerated(o)
	must(t, err)
	if diff := cmp.Diff(g, again); diff != "" {
		t.Fatalf("two fleets of the same seed differ (-first +second):\n%s", diff)
	}
	count := map[v1alpha1.Verdict]int{}
	hidden := 0
	for _, c := range g.Expected {
		count[c.Verdict]++
		if c.Unreachable != "" {
			hidden++
			if !slices.Contains(g.Down, c.Region) && !slices.Contains(g.Denied, c.Account) {
				t.Errorf("%s is unreachable, want a region that is down or an account that is denied", c.ARN)
			}
		}
	}
	for _, v := range []v1alpha1.Verdict{v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey,
		v1alpha1.VerdictNotEncrypted, v1alpha1.VerdictNotApplicable} {
		if count[v] == 0 {
			t.Errorf("0 clusters with verdict %s, want some", v)
		}
	}
	if hidden == 0 || len(g.Down) != 1 || len(g.Denied) != 1 {
		t.Errorf("%d hidden clusters, down = %v, denied = %v; want some, one, one", hidden, g.Down, g.Denied)
	}

	ctx := context.Background()
	assume := func(account string) (*sts.AssumeRoleOutput, error) {
		return stsOf(admin, url).AssumeRole(ctx, &sts.AssumeRoleInput{
			RoleArn:         aws.String("arn:aws:iam::" + account + ":role/" + g.RoleName),
			RoleSessionName: aws.String("audit"),
		})
	}
	_, err = assume(g.Denied[0])
	wantCode(t, err, "AccessDenied")
	out, err := assume(g.Accounts[0])
	must(t, err)
	p := Principal{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken}
	_, err = eks.NewFromConfig(as(p, g.Down[0], url)).ListClusters(ctx, &eks.ListClustersInput{})
	wantCode(t, err, "ServiceUnavailableException")
	seen := 0
	for _, region := range g.Regions[:19] {
		out, err := eks.NewFromConfig(as(p, region, url)).ListClusters(ctx,
			&eks.ListClustersInput{Include: []string{"all"}})
		must(t, err)
		seen += len(out.Clusters)
	}
	want := 0
	for _, c := range g.Expected {
		if c.Account == g.Accounts[0] && c.Unreachable == "" {
			want++
		}
	}
	if seen != want {
		t.Errorf("%d clusters in the first account, want %d", seen, want)
	}
}

func TestFaults(t *testing.T) {
	s, url := start(t, Options{})
	_, err := s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
	must(t, err)
	ctx, client := context.Background(), eksOf(admin, url)
	describe := func() error {
		_, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("c")})
		return err
	}
	s.SetFaults([]Fault{{Operation: "Describe*", Status: 429, Times: 1},
		{Cluster: "c", Code: "AccessDeniedException", Times: 1}})
	wantCode(t, describe(), "ThrottlingException")
	err = describe()
	wantCode(t, err, "AccessDeniedException")
	if want := "User: " + admin.ARN +
		" is not authorized to perform: eks:DescribeCluster on resource: " +
		"arn:aws:eks:eu-central-1:111122223333:cluster/c"; !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want the text %q", err, want)
	}
	must(t, describe())
	if left := s.Faults(); len(left) != 0 {
		t.Errorf("faults = %v, want none", left)
	}
	var statuses []int
	for _, r := range s.Requests() {
		statuses = append(statuses, r.Status)
	}
	if diff := cmp.Diff([]int{429, 403, 200}, statuses); diff != "" {
		t.Error(diff)
	}
	s.SetFaults([]Fault{{Service: "eks", Status: -1}})
	if err := describe(); err == nil {
		t.Error("error of a dropped connection = nil, want one")
	}
	s.SetFaults([]Fault{{Rate: 0.5, Status: 500}})
	failed := 0
	for range 100 {
		if describe() != nil {
			failed++
		}
	}
	if failed < 30 || failed > 70 {
		t.Errorf("%d of 100 calls failed, want about 50", failed)
	}
}

func TestRequestsAreRecorded(t *testing.T) {
	s, url := start(t, Options{})
	_, err := s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
	must(t, err)
	s.SetFaults([]Fault{{Latency: 50 * time.Millisecond}})
	done := make(chan error)
	for range 5 {
		go func() {
			_, err := eksOf(admin, url).DescribeCluster(context.Background(),
				&eks.DescribeClusterInput{Name: aws.String("c")})
			done <- err
		}()
	}
	for range 5 {
		must(t, <-done)
	}
	requests := s.Requests()
	if len(requests) != 5 || s.MaxInFlight() < 2 || s.MaxInFlight() > 5 {
		t.Errorf("%d requests, at most %d at a time; want 5, 2 to 5", len(requests), s.MaxInFlight())
	}
	r := requests[0]
	if r.Service != "eks" || r.Operation != "DescribeCluster" || r.Region != home || r.Principal != admin.ARN ||
		r.Cluster != "c" || r.UserAgent == "" || r.Account != account {
		t.Errorf("request = %+v, want DescribeCluster of c", r)
	}
	s.ResetRequests()
	if len(s.Requests()) != 0 {
		t.Error("requests remain after ResetRequests, want none")
	}
}

func TestSaveAndLoad(t *testing.T) {
	var saved []byte
	saves := 0
	s, url := start(t, Options{
		AssociationTime: 0,
		Save:            func(b []byte) error { saved, saves = b, saves+1; return nil },
		OnAssociate:     func(ctx context.Context, _ AssociateEvent) error { <-ctx.Done(); return ctx.Err() },
	})
	expected, err := s.AddFleet(FleetOptions{})
	must(t, err)
	arn, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	before := saves
	out, err := eksOf(admin, url).AssociateEncryptionConfig(context.Background(), associateInputOf("payments-128", arn))
	must(t, err)
	if saves != before+1 {
		t.Errorf("%d saves by an association, want 1", saves-before)
	}
	s.Close() // in the middle of the association

	var resumed atomic.Pointer[AssociateEvent]
	next, url := start(t, Options{OnAssociate: func(_ context.Context,
		e AssociateEvent) error {
		resumed.Store(&e)
		return nil
	}})
	must(t, next.Load(saved))
	next.work.Wait()
	if e := resumed.Load(); e == nil || e.UpdateID != *out.Update.Id {
		t.Fatalf("resumed = %+v, want update %s", e, *out.Update.Id)
	}
	c, err := eksOf(admin, url).DescribeCluster(context.Background(),
		&eks.DescribeClusterInput{Name: aws.String("payments-128")})
	must(t, err)
	if len(c.Cluster.EncryptionConfig) != 1 {
		t.Error("encryptionConfig after Load is empty, want the key of the association")
	}
	if got := len(next.Expected()); got != len(expected) {
		t.Errorf("%d clusters after Load, want %d", got, len(expected))
	}
	if err := next.Load([]byte("{")); err == nil {
		t.Error("Load of invalid JSON = nil, want an error")
	}
}
