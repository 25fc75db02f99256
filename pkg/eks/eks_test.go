package eks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// testAWS is a fake AWS with a client that is allowed everything.
type testAWS struct {
	*fakeaws.Server
	client *Client
}

func newAWS(t *testing.T) testAWS {
	t.Helper()
	server, cfg := awstest.New(t)
	return testAWS{server, New(eks.NewFromConfig(cfg))}
}

func (a testAWS) add(t *testing.T, c fakeaws.Cluster) Ref {
	t.Helper()
	return Ref{c.Name, awstest.AddCluster(t, a.Server, c)}
}

// config returns the member encryptionConfig of a described cluster.
func config(value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{"encryptionConfig": json.RawMessage(value)}
}

func TestClusterKey(t *testing.T) {
	a := newAWS(t)
	for i, test := range []struct{ config, want string }{
		{`null`, ""},
		{`[]`, ""},
		{`[{"provider":null}]`, ""},
		{`[{"provider":{"keyArn":""}}]`, ""},
		{`[{"provider":{"keyArn":"k"},"resources":["secrets"]}]`, "k"},
		{`[{"resources":["secrets"]},{"provider":{"keyArn":"k"}}]`, "k"},
	} {
		ref := a.add(t, fakeaws.Cluster{Name: fmt.Sprint("c", i), Extra: config(test.config)})
		c, err := a.client.Cluster(t.Context(), ref)
		if err != nil || c.KeyARN != test.want {
			t.Errorf("encryptionConfig %s: key = %q, error = %v; want key %q", test.config, c.KeyARN, err, test.want)
		}
	}
}

func TestClusterErrors(t *testing.T) {
	a := newAWS(t)
	empty := a.add(t, fakeaws.Cluster{Name: "empty", Raw: json.RawMessage(`{}`)})
	name := map[string]json.RawMessage{"name": json.RawMessage(`"other"`)}
	other := a.add(t, fakeaws.Cluster{Name: "asked", Extra: name})
	for _, test := range []struct {
		ref  Ref
		want string
	}{
		{Ref{}, "name is empty"},
		{empty, "DescribeCluster of " + empty.ARN + ": the response contains no cluster"},
		{other, "describes another cluster, other"},
		{Ref{Name: "missing"}, "DescribeCluster of cluster/missing: ResourceNotFoundException"},
	} {
		if _, err := a.client.Cluster(t.Context(), test.ref); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Cluster(%v): error = %v, want %q", test.ref, err, test.want)
		}
	}
}

func TestUsedBy(t *testing.T) {
	a := newAWS(t)
	key := awstest.AddKey(t, a.Server, fakeaws.Key{})
	first := a.add(t, fakeaws.Cluster{Name: "c0", KeyARN: key})
	a.add(t, fakeaws.Cluster{Name: "c1"})
	second := a.add(t, fakeaws.Cluster{Name: "c2", Extra: config(fmt.Sprintf(`[{},{"provider":{"keyArn":%q}}]`, key))})
	a.add(t, fakeaws.Cluster{Name: "c3", ConnectorProvider: "GKE"})
	got, err := a.client.UsedBy(t.Context())
	awstest.Must(t, err)
	if diff := cmp.Diff(map[string][]string{key: {first.ARN, second.ARN}}, got); diff != "" {
		t.Error(diff)
	}
	a.SetFaults([]fakeaws.Fault{{
		Operation: "DescribeCluster", Cluster: "c1", Status: 403, Code: "AccessDeniedException",
	}})
	if got, err := a.client.UsedBy(t.Context()); awsclient.KindOf(err) != awsclient.KindAccessDenied {
		t.Errorf("UsedBy without access to a cluster = %v, error %v; want access denied", got, err)
	}
}

func TestClusterPages(t *testing.T) {
	a := newAWS(t)
	for i := range 101 {
		a.add(t, fakeaws.Cluster{Name: fmt.Sprintf("c%03d", i)})
	}
	a.add(t, fakeaws.Cluster{Name: "connected", ConnectorProvider: "GKE"})
	names, err := a.client.ClusterNames(t.Context())
	if err != nil || len(names) != 101 || slices.Contains(names, "connected") {
		t.Errorf("%d names, error = %v; want 101 without the connected cluster", len(names), err)
	}
	var pages []int
	err = a.client.EachClusterPage(t.Context(), true, func(page []string) error {
		pages = append(pages, len(page))
		return nil
	})
	if err != nil || !slices.Equal(pages, []int{100, 2}) {
		t.Errorf("names per page = %v, error = %v; want 100 and 2", pages, err)
	}
}

func TestUpdates(t *testing.T) {
	a := newAWS(t)
	c := fakeaws.Cluster{Name: "c"}
	for i := range 102 { // the newest first
		c.Updates = append(c.Updates, &fakeaws.Update{
			ID: fmt.Sprint("u-", i), Type: "VersionUpdate", Status: "Successful",
			CreatedAt: time.Unix(int64(1000-i), 0),
		})
	}
	ref := a.add(t, c)
	ids, err := a.client.UpdateIDs(t.Context(), ref)
	if err != nil || len(ids) != 102 {
		t.Errorf("UpdateIDs: %d IDs, error = %v; want all 102", len(ids), err)
	}
	updates, err := a.client.Updates(t.Context(), ref)
	awstest.Must(t, err)
	if len(updates) != 102 || updates[0].ID != "u-101" || updates[101].ID != "u-0" {
		t.Errorf("%d updates from %s to %s, want 102 from u-101 to u-0", len(updates), updates[0].ID, updates[101].ID)
	}
	if _, err := a.client.Update(t.Context(), ref, "missing"); awsclient.KindOf(err) != awsclient.KindNotFound {
		t.Errorf("missing update: error = %v, want not found", err)
	}
}

func TestAssociate(t *testing.T) {
	a := newAWS(t)
	ref, key := a.add(t, fakeaws.Cluster{Name: "c"}), awstest.AddKey(t, a.Server, fakeaws.Key{})
	u, err := a.client.Associate(t.Context(), ref, key, "token")
	awstest.Must(t, err)
	if !u.IsAssociation() || !u.Running() || u.KeyARN != key {
		t.Errorf("update = %+v, want a running association of %s", u, key)
	}
	again, err := a.client.Associate(t.Context(), ref, key, "token")
	if err != nil || again.ID != u.ID {
		t.Errorf("same token: update = %s, error = %v; want %s", again.ID, err, u.ID)
	}
	_, err = a.client.Associate(t.Context(), ref, key, "other")
	if cause, _ := CauseOf(err); !cause.Conflict() {
		t.Errorf("another token: error = %v, want a conflict", err)
	}
}

func TestKeyOfParam(t *testing.T) {
	for value, want := range map[string]string{
		`[{"resources":["secrets"],"provider":{"keyArn":"k"}}]`:   "k",
		`[{"resources":["secrets"]},{"provider":{"keyArn":"k"}}]`: "k",
		`{"resources":["secrets"],"provider":{"keyArn":"k"}}`:     "k",
		`[]`: "", `{}`: "", `null`: "", ``: "", `not JSON`: "",
	} {
		if got := keyOfParam(value); got != want {
			t.Errorf("keyOfParam(%s) = %q, want %q", value, got, want)
		}
	}
}

// TestCause checks the causes of recorded messages of EKS, and of similar ones.
func TestCause(t *testing.T) {
	const key = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	for _, test := range []struct {
		code, text string
		want       Cause
		action     string
	}{
		{"InvalidParameterException", "The KeyArn in encryptionConfig provider " + key + " is not found.",
			CauseKeyNotFound, ""},
		{"InvalidParameterException", "The keyArn for encryptionConfig is invalid.", CauseKeyNotFound, ""},
		{"InvalidParameterException", "Encryption is already enabled on the cluster", CauseHasKey, ""},
		{"InvalidRequestException", "Encryption is already enabled on the cluster", CauseHasKey, ""},
		{"InvalidParameterException", "KeyArn is required", CauseOther, ""},
		{"InvalidParameterException", "The keyArn for encryptionConfig must be owned by caller's account.", CauseOther, ""},
		{"InvalidRequestException", "User not authorized to perform kms:CreateGrant operation",
			CausePermission, "kms:CreateGrant"},
		{"InvalidRequestException", "User: arn:aws:iam::1:user/kms:Decrypt is not authorized to perform: " +
			"kms:DescribeKey on resource: " + key, CausePermission, "kms:DescribeKey"},
		{"InvalidRequestException", "Role with arn: arn:aws:iam::1:role/r, could not be assumed because it does not exist " +
			"or the trusted entity is not correct", CauseRole, ""},
		{"InvalidParameterException", "Role with arn: arn:aws:iam::1:role/not-found, could not be assumed because it does " +
			"not exist or the trusted entity is not correct", CauseRole, ""},
		{"InvalidRequestException", "Access denied for arn:aws:kms:EU:1:key/k", CausePermission, ""},
		{"InvalidRequestException",
			"Cannot AssociateEncryptionConfig because cluster c currently has update u-1 in progress", CauseBusy, ""},
		{"InvalidRequestException", "Cannot LoggingUpdate because cluster c currently has an update in progress",
			CauseBusy, ""},
		{"ResourceInUseException", "", CauseBusy, ""},
		{"InvalidRequestException", "The key " + key + " is not enabled", CauseKeyState, ""},
		{"InvalidRequestException", key + " is pending deletion.", CauseKeyState, ""},
		{"InvalidParameterException", "The key arn:aws:kms:eu-west-1:1:alias/grant-disabled is odd", CauseOther, ""},
		{"InvalidParameterException", "Invalid ARN arn:aws:kms:AccessDenied:1:key/k", CauseOther, ""},
		{"AccessDenied", "kms:CreateGrant is not authorized", CausePermission, "kms:CreateGrant"},
		{"Unknown", "the key could not be used", CauseOther, ""},
		{"ThrottlingException", "Rate exceeded", CauseOther, ""},
		{"ResourceNotFoundException", "No cluster found for name: permission-demo.", CauseOther, ""},
		{"InvalidRequestException", "Encryption config cannot be associated with cluster not-authorized", CauseOther, ""},
		{"InvalidRequestException", "Cannot VersionUpdate because cluster grant-disabled currently has update u in progress",
			CauseBusy, ""},
	} {
		err := fmt.Errorf("wrapped: %w", &smithy.GenericAPIError{Code: test.code, Message: test.text})
		if got, action := CauseOf(err); got != test.want || action != test.action {
			t.Errorf("CauseOf(%v) = %d, %q; want %d, %q", err, got, action, test.want, test.action)
		}
	}
	if got, action := CauseOf(errors.New("kms:CreateGrant is not authorized")); got != CauseOther || action != "" {
		t.Errorf("error that is not from AWS: CauseOf = %d, %q; want other", got, action)
	}
}

// TestUpdatePages checks that a list that never ends is an error.
func TestUpdatePages(t *testing.T) {
	if ids, err := New(endlessUpdates{}).UpdateIDs(t.Context(), Ref{Name: "c"}); err == nil {
		t.Errorf("UpdateIDs = %v, want an error about the repeated token", ids)
	}
}

// endlessUpdates is an API whose list of updates repeats a page.
type endlessUpdates struct{ API }

func (endlessUpdates) ListUpdates(context.Context, *eks.ListUpdatesInput, ...func(*eks.Options)) (
	*eks.ListUpdatesOutput, error) {
	return &eks.ListUpdatesOutput{UpdateIds: []string{"u"}, NextToken: aws.String("same")}, nil
}

func TestCapabilities(t *testing.T) {
	a := newAWS(t)
	ref := a.add(t, fakeaws.Cluster{Name: "c", Capabilities: []fakeaws.Capability{
		{Name: "ack", Type: "ACK"}, {Name: "gone", Type: "KRO", Status: "DELETING"}, {Name: "argo", Type: "ARGOCD"},
	}})
	got, err := a.client.Capabilities(t.Context(), ref)
	awstest.Must(t, err)
	if want := []Capability{{"ack", "ACK"}, {"argo", "ARGOCD"}}; !slices.Equal(got, want) {
		t.Errorf("Capabilities = %v, want %v", got, want)
	}
}
