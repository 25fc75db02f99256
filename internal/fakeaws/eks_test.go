package fakeaws

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/google/go-cmp/cmp"
)

// associateInputOf returns a request to associate a key with a cluster.
func associateInputOf(name, key string, resources ...string) *eks.AssociateEncryptionConfigInput {
	return &eks.AssociateEncryptionConfigInput{ClusterName: &name, EncryptionConfig: []types.EncryptionConfig{
		{Provider: &types.Provider{KeyArn: &key}, Resources: resources},
	}}
}

func TestDescribeCluster(t *testing.T) {
	s, url := start(t, Options{})
	keyARN, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	for _, c := range []Cluster{
		{Name: "plain"}, {Name: "keyed", KeyARN: keyARN,
			Health: []HealthIssue{{Code: "KmsKeyDisabled", Message: "m", ResourceIDs: []string{keyARN}}}},
		{Name: "null", Extra: map[string]json.RawMessage{"encryptionConfig": json.RawMessage(`null`)}},
		{Name: "empty", Extra: map[string]json.RawMessage{"encryptionConfig": json.RawMessage(`[]`),
			"status": json.RawMessage(`"BRAND_NEW"`)}},
		{Name: "raw", Raw: json.RawMessage(`{}`)},
		{Name: "gke", ConnectorProvider: "GKE"}, {Name: "outpost",
			OutpostARN: "arn:aws:outposts:eu-central-1:1:outpost/op-1"},
	} {
		c.Region, c.Account = home, account
		_, err := s.AddCluster(c)
		must(t, err)
	}
	client := eksOf(admin, url)
	describe := func(name string) *types.Cluster {
		t.Helper()
		out, err := client.DescribeCluster(context.Background(), &eks.DescribeClusterInput{Name: &name})
		must(t, err)
		return out.Cluster
	}
	plain := describe("plain")
	if plain.EncryptionConfig != nil {
		t.Errorf("encryptionConfig without a key = %v, want nil", plain.EncryptionConfig)
	}
	if got, want := aws.ToString(plain.Arn), "arn:aws:eks:eu-central-1:111122223333:cluster/plain"; got != want {
		t.Errorf("ARN = %s, want %s", got, want)
	}
	if plain.CreatedAt == nil || plain.CreatedAt.Year() != 2026 {
		t.Errorf("createdAt = %v, want 2026", plain.CreatedAt)
	}
	keyed := describe("keyed")
	if len(keyed.EncryptionConfig) != 1 || aws.ToString(keyed.EncryptionConfig[0].Provider.KeyArn) != keyARN {
		t.Errorf("encryptionConfig = %v, want the key %s", keyed.EncryptionConfig, keyARN)
	}
	if len(keyed.Health.Issues) != 1 || keyed.Health.Issues[0].Code != types.ClusterIssueCodeKmsKeyDisabled {
		t.Errorf("health = %v, want KmsKeyDisabled", keyed.Health)
	}
	if describe("null").EncryptionConfig != nil {
		t.Error("encryptionConfig is not nil, want null in the response")
	}
	if c := describe("empty"); c.EncryptionConfig == nil || len(c.EncryptionConfig) != 0 || c.Status != "BRAND_NEW" {
		t.Errorf("encryptionConfig = %v, status = %s; want [], BRAND_NEW", c.EncryptionConfig, c.Status)
	}
	if describe("raw") != nil {
		t.Error("cluster of a raw response is not nil, want nil")
	}
	if c := describe("gke"); c.ConnectorConfig == nil || c.Version != nil {
		t.Errorf("connected cluster: connectorConfig = %v, version = %v; want one and nil",
			c.ConnectorConfig, c.Version)
	}
	if c := describe("outpost"); c.OutpostConfig == nil || c.Id == nil {
		t.Errorf("local cluster on Outposts: outpostConfig = %v, want one and an ID", c.OutpostConfig)
	}
	_, err = client.DescribeCluster(context.Background(), &eks.DescribeClusterInput{Name: aws.String("nowhere")})
	var notFound *types.ResourceNotFoundException
	if !errors.As(err, &notFound) || notFound.ErrorMessage() != "No cluster found for name: nowhere." {
		t.Errorf("missing cluster: error = %v, want ResourceNotFoundException", err)
	}
	// The SDK sends an empty name to the list route.
	out, err := client.DescribeCluster(context.Background(), &eks.DescribeClusterInput{Name: aws.String("")})
	if err != nil || out.Cluster != nil {
		t.Errorf("empty name: %v, %v, want a response without a cluster", out, err)
	}
}

func TestListClusters(t *testing.T) {
	s, url := start(t, Options{})
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		_, err := s.AddCluster(Cluster{Name: name, Region: home, Account: account})
		must(t, err)
	}
	_, err := s.AddCluster(Cluster{Name: "gke", Region: home, Account: account, ConnectorProvider: "GKE"})
	must(t, err)
	_, err = s.AddCluster(Cluster{Name: "elsewhere", Region: "us-east-1", Account: account})
	must(t, err)
	must(t, s.Update(func(w *State) { w.PageSize = 2 }))
	list := func(in *eks.ListClustersInput) (names []string) {
		for p := eks.NewListClustersPaginator(eksOf(admin, url), in); p.HasMorePages(); {
			out, err := p.NextPage(context.Background())
			must(t, err)
			names = append(names, out.Clusters...)
		}
		return names
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, list(&eks.ListClustersInput{})); diff != "" {
		t.Error(diff)
	}
	if got := len(s.Requests()); got != 3 {
		t.Errorf("%d requests for 5 clusters by 2, want 3", got)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e", "gke"},
		list(&eks.ListClustersInput{Include: []string{"all"}})); diff != "" {
		t.Error(diff)
	}
	_, err = eksOf(admin, url).ListClusters(context.Background(),
		&eks.ListClustersInput{NextToken: aws.String("bogus")})
	wantCode(t, err, "InvalidParameterException")
}

func TestAssociate(t *testing.T) {
	clock := newClock()
	release := make(chan error)
	events := make(chan AssociateEvent, 1)
	s, url := start(t, Options{
		Now: clock.Now, AssociationTime: time.Minute, StatusLag: 10 * time.Second,
		OnAssociate: func(ctx context.Context, e AssociateEvent) error {
			events <- e
			select {
			case err := <-release:
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		},
	})
	keyARN, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	_, err = s.AddAlias(Alias{Name: "alias/mine", Region: home, Account: account, Target: keyARN[len(keyARN)-36:]})
	must(t, err)
	clusterARN, err := s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
	must(t, err)
	ctx, client := context.Background(), eksOf(admin, url)

	in := associateInputOf("c", "alias/mine")
	out, err := client.AssociateEncryptionConfig(ctx, in)
	must(t, err)
	if out.Update.Status != types.UpdateStatusInProgress ||
		out.Update.Type != types.UpdateTypeAssociateEncryptionConfig {
		t.Fatalf("update = %+v, want InProgress", out.Update)
	}
	want := AssociateEvent{UpdateID: *out.Update.Id, ClusterARN: clusterARN, ClusterName: "c", Region: home,
		Account: account, KeyARN: keyARN}
	if diff := cmp.Diff(want, <-events); diff != "" {
		t.Error(diff)
	}
	status := func() (types.UpdateStatus, types.ClusterStatus, int) {
		t.Helper()
		u, err := client.DescribeUpdate(ctx, &eks.DescribeUpdateInput{Name: aws.String("c"), UpdateId: out.Update.Id})
		must(t, err)
		c, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("c")})
		must(t, err)
		return u.Update.Status, c.Cluster.Status, len(c.Cluster.EncryptionConfig)
	}
	expect := func(wantUpdate types.UpdateStatus, wantCluster types.ClusterStatus, wantKeys int) {
		t.Helper()
		u, c, n := status()
		if u != wantUpdate || c != wantCluster || n != wantKeys {
			t.Fatalf("update = %s, cluster = %s, %d keys; want %s, %s, %d", u, c, n, wantUpdate, wantCluster, wantKeys)
		}
	}
	expect("InProgress", "ACTIVE", 0) // eventually consistent
	clock.advance(30 * time.Second)
	expect("InProgress", "UPDATING", 0)

	again, err := client.AssociateEncryptionConfig(ctx, in) // same input, same token
	must(t, err)
	if *again.Update.Id != *out.Update.Id {
		t.Error("the same token created a second update, want the first")
	}
	_, err = client.AssociateEncryptionConfig(ctx, associateInputOf("c", keyARN))
	wantCode(t, err, "ResourceInUseException")

	release <- nil
	s.work.Wait()
	expect("InProgress", "UPDATING", 0) // applied, but AssociationTime has not passed
	clock.advance(time.Minute)
	expect("Successful", "ACTIVE", 1)
	ids, err := client.ListUpdates(ctx, &eks.ListUpdatesInput{Name: aws.String("c")})
	must(t, err)
	if diff := cmp.Diff([]string{*out.Update.Id}, ids.UpdateIds); diff != "" {
		t.Error(diff)
	}
	_, err = client.AssociateEncryptionConfig(ctx, associateInputOf("c", keyARN))
	wantCode(t, err, "InvalidParameterException")
	s.View(func(w *State) {
		if g := w.Keys[keyARN].Grants; len(g) != 1 || g[0].Grantee != eksService {
			t.Errorf("grants of the key = %v, want one for EKS", g)
		}
	})
}

func TestFailedAssociation(t *testing.T) {
	s, url := start(t, Options{OnAssociate: func(context.Context, AssociateEvent) error { return io.ErrUnexpectedEOF }})
	keyARN, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	_, err = s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
	must(t, err)
	out, err := eksOf(admin, url).AssociateEncryptionConfig(context.Background(), associateInputOf("c", keyARN))
	must(t, err)
	s.work.Wait()
	u, err := eksOf(admin, url).DescribeUpdate(context.Background(),
		&eks.DescribeUpdateInput{Name: aws.String("c"), UpdateId: out.Update.Id})
	must(t, err)
	if u.Update.Status != types.UpdateStatusFailed || len(u.Update.Errors) != 1 ||
		u.Update.Errors[0].ErrorCode != types.ErrorCodeUnknown {
		t.Errorf("update = %+v, want Failed with the error Unknown", u.Update)
	}
	s.View(func(w *State) {
		if k := w.Clusters["arn:aws:eks:eu-central-1:111122223333:cluster/c"].KeyARN; k != "" {
			t.Errorf("key after a failed association = %s, want none", k)
		}
	})
}

func TestAssociateErrors(t *testing.T) {
	s, url := start(t, Options{})
	good, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	keyOf := func(k Key) string {
		if k.Region == "" {
			k.Region = home
		}
		if k.Account == "" {
			k.Account = account
		}
		arn, err := s.AddKey(k)
		must(t, err)
		return arn
	}
	noGrant := Principal{ARN: "arn:aws:iam::" + account + ":user/nogrant", AccessKeyID: "AKIANOGRANT",
		SecretAccessKey: "x",
		Policy:          []Statement{Allow("eks:*"), Allow("kms:DescribeKey")}}
	byKey := Principal{ARN: "arn:aws:iam::" + account + ":user/onekey", AccessKeyID: "AKIAONEKEY", SecretAccessKey: "x",
		Policy: []Statement{Allow("*"), {Effect: "Deny", Action: StringSet{"eks:AssociateEncryptionConfig"},
			Resource:  StringSet{"*"},
			Condition: map[string]map[string]StringSet{"StringNotEquals": {"eks:encryptionConfigProviderKeyArns": {good}}}}}}
	must(t, s.AddPrincipal(noGrant))
	must(t, s.AddPrincipal(byKey))
	for _, c := range []Cluster{{Name: "c"}, {Name: "gke", ConnectorProvider: "GKE"}, {Name: "keyed", KeyARN: good},
		{Name: "upgrading", Updates: []*Update{{ID: "u", Type: "VersionUpdate", Status: inProgress}}}} {
		c.Region, c.Account = home, account
		_, err := s.AddCluster(c)
		must(t, err)
	}
	awsOnly := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account +
		`:root"},"Action":"kms:*","Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}}]}`
	viaEKS := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"` + admin.ARN +
		`"},"Action":["kms:DescribeKey","kms:CreateGrant"],"Resource":"*",` +
		`"Condition":{"StringEquals":{"kms:ViaService":"eks.eu-central-1.amazonaws.com"}}}]}`
	for _, tt := range []struct {
		name, cluster, key, code string
		resources                []string
		as                       Principal
	}{
		{name: "unknown cluster", cluster: "x", key: good, code: "ResourceNotFoundException"},
		{name: "no key", cluster: "c", key: "", code: "InvalidParameterException"},
		{name: "other resources", cluster: "c", key: good, resources: []string{"configmaps"},
			code: "InvalidParameterException"},
		{name: "unknown key", cluster: "c", key: "alias/none", code: "InvalidParameterException"},
		{name: "key of another region", cluster: "c", key: keyOf(Key{Region: "us-east-1"}),
			code: "InvalidParameterException"},
		{name: "disabled key", cluster: "c", key: keyOf(Key{State: "Disabled"}), code: "InvalidRequestException"},
		{name: "RSA key", cluster: "c", key: keyOf(Key{Spec: "RSA_2048"}), code: "InvalidParameterException"},
		{name: "HMAC key", cluster: "c", key: keyOf(Key{Spec: "HMAC_256", Usage: "GENERATE_VERIFY_MAC"}),
			code: "InvalidParameterException"},
		{name: "AWS-managed key", cluster: "c", key: keyOf(Key{Manager: "AWS"}), code: "InvalidRequestException"},
		{name: "key of another account", cluster: "c", key: keyOf(Key{Account: other}),
			code: "InvalidRequestException"},
		{name: "grants for AWS resources only", cluster: "c", key: keyOf(Key{Policy: awsOnly}),
			code: "InvalidRequestException"},
		{name: "no kms:CreateGrant", cluster: "c", key: good, as: noGrant, code: "InvalidRequestException"},
		{name: "key that the policy does not allow", cluster: "c", key: keyOf(Key{}), as: byKey,
			code: "AccessDeniedException"},
		{name: "already associated", cluster: "keyed", key: good, code: "InvalidParameterException"},
		{name: "connected cluster", cluster: "gke", key: good, code: "InvalidRequestException"},
		{name: "another update", cluster: "upgrading", key: good, code: "InvalidRequestException"},
		{name: "allowed through EKS only", cluster: "c", key: keyOf(Key{Policy: viaEKS})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.as.ARN == "" {
				tt.as = admin
			}
			_, err := eksOf(tt.as, url).AssociateEncryptionConfig(context.Background(),
				associateInputOf(tt.cluster, tt.key, tt.resources...))
			wantCode(t, err, tt.code)
		})
	}
}
