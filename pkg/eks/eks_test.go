package eks

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

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
	err = a.client.EachClusterPage(t.Context(), true, func(page []string) { pages = append(pages, len(page)) })
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
	ids, more, err := a.client.UpdateIDs(t.Context(), ref)
	if err != nil || len(ids) != 100 || !more {
		t.Errorf("UpdateIDs: %d IDs, more = %t, error = %v; want 100 and true", len(ids), more, err)
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
	if _, err := a.client.Associate(t.Context(), ref, key, "other"); !Conflict(err) {
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

func TestErrorMeaning(t *testing.T) {
	for _, test := range []struct {
		code, text string
		conflict   bool
		action     string
	}{
		{"ResourceInUseException", "", true, ""},
		{"InvalidRequestException", "Cluster currently has update u in progress", true, ""},
		{"InvalidParameterException", "Encryption is already enabled", true, ""},
		{
			"InvalidRequestException", "not authorized to perform: kms:CreateGrant on arn:aws:kms:eu-west-1:1:key/k",
			false, "kms:CreateGrant",
		},
		{"InvalidParameterException", "arn:aws:kms:eu-west-1:1:key/k is invalid", false, ""},
	} {
		err := fmt.Errorf("wrapped: %w", &smithy.GenericAPIError{Code: test.code, Message: test.text})
		if got := Conflict(err); got != test.conflict {
			t.Errorf("Conflict(%v) = %t, want %t", err, got, test.conflict)
		}
		if got := DeniedKMSAction(err); got != test.action {
			t.Errorf("DeniedKMSAction(%v) = %q, want %q", err, got, test.action)
		}
	}
	if err := errors.New("kms:CreateGrant"); Conflict(err) || DeniedKMSAction(err) != "" {
		t.Errorf("error that is not from AWS: Conflict = %t, DeniedKMSAction = %q; want false and none",
			Conflict(err), DeniedKMSAction(err))
	}
}
