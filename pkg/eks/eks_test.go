package eks

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

const (
	account = "111122223333"
	home    = "eu-central-1"
)

// world is a fake EKS on loopback, with a caller that is allowed everything.
type world struct {
	*fakeaws.Server
	client *Client
}

func newWorld(t *testing.T) world {
	t.Helper()
	s := fakeaws.New(fakeaws.Options{})
	t.Cleanup(s.Close)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	must(t, s.AddPrincipal(fakeaws.Principal{
		ARN: "arn:aws:iam::" + account + ":user/ann", AccessKeyID: "AKIAANN", SecretAccessKey: "secret",
		Policy: []fakeaws.Statement{fakeaws.Allow("*")},
	}))
	return world{s, New(eks.NewFromConfig(aws.Config{
		Region: home, BaseEndpoint: aws.String(h.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAANN", "secret", ""),
	}))}
}

func (w world) add(t *testing.T, c fakeaws.Cluster) Ref {
	t.Helper()
	c.Region, c.Account = home, account
	arn, err := w.AddCluster(c)
	must(t, err)
	return Ref{c.Name, arn}
}

func (w world) key(t *testing.T) string {
	t.Helper()
	arn, err := w.AddKey(fakeaws.Key{Region: home, Account: account})
	must(t, err)
	return arn
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func config(value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{"encryptionConfig": json.RawMessage(value)}
}

func TestClusterKey(t *testing.T) {
	w := newWorld(t)
	for i, test := range []struct{ config, want string }{
		{`null`, ""},
		{`[]`, ""},
		{`[{"provider":null}]`, ""},
		{`[{"provider":{"keyArn":""}}]`, ""},
		{`[{"provider":{"keyArn":"k"},"resources":["secrets"]}]`, "k"},
		{`[{"resources":["secrets"]},{"provider":{"keyArn":"k"}}]`, "k"},
	} {
		ref := w.add(t, fakeaws.Cluster{Name: fmt.Sprint("c", i), Extra: config(test.config)})
		c, err := w.client.Cluster(t.Context(), ref)
		if err != nil || c.KeyARN != test.want {
			t.Errorf("encryptionConfig %s: key %q, error %v; want key %q", test.config, c.KeyARN, err, test.want)
		}
	}
}

func TestClusterErrors(t *testing.T) {
	w := newWorld(t)
	empty := w.add(t, fakeaws.Cluster{Name: "empty", Raw: json.RawMessage(`{}`)})
	name := map[string]json.RawMessage{"name": json.RawMessage(`"other"`)}
	other := w.add(t, fakeaws.Cluster{Name: "asked", Extra: name})
	for _, test := range []struct {
		ref  Ref
		want string
	}{
		{Ref{}, "name is empty"},
		{empty, "DescribeCluster of " + empty.ARN + ": the response contains no cluster"},
		{other, "describes another cluster, other"},
		{Ref{Name: "missing"}, "DescribeCluster of cluster/missing: ResourceNotFoundException"},
	} {
		if _, err := w.client.Cluster(t.Context(), test.ref); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("Cluster(%v): error %v, want %q", test.ref, err, test.want)
		}
	}
}

func TestUsedBy(t *testing.T) {
	w := newWorld(t)
	key := w.key(t)
	first := w.add(t, fakeaws.Cluster{Name: "c0", KeyARN: key})
	w.add(t, fakeaws.Cluster{Name: "c1"})
	second := w.add(t, fakeaws.Cluster{Name: "c2", Extra: config(fmt.Sprintf(`[{},{"provider":{"keyArn":%q}}]`, key))})
	w.add(t, fakeaws.Cluster{Name: "c3", ConnectorProvider: "GKE"})
	got, err := w.client.UsedBy(t.Context())
	must(t, err)
	if diff := cmp.Diff(map[string][]string{key: {first.ARN, second.ARN}}, got); diff != "" {
		t.Error(diff)
	}
	w.SetFaults([]fakeaws.Fault{{
		Operation: "DescribeCluster", Cluster: "c1", Status: 403, Code: "AccessDeniedException",
	}})
	if got, err := w.client.UsedBy(t.Context()); awsclient.KindOf(err) != awsclient.KindAccessDenied {
		t.Errorf("with a cluster that can't be described: %v, error %v; want access denied", got, err)
	}
}

func TestClusterPages(t *testing.T) {
	w := newWorld(t)
	for i := range 101 {
		w.add(t, fakeaws.Cluster{Name: fmt.Sprintf("c%03d", i)})
	}
	w.add(t, fakeaws.Cluster{Name: "connected", ConnectorProvider: "GKE"})
	names, err := w.client.ClusterNames(t.Context())
	if err != nil || len(names) != 101 || slices.Contains(names, "connected") {
		t.Errorf("%d names, error %v; want 101 without the connected cluster", len(names), err)
	}
	var pages []int
	err = w.client.EachClusterPage(t.Context(), true, func(page []string) { pages = append(pages, len(page)) })
	if err != nil || !slices.Equal(pages, []int{100, 2}) {
		t.Errorf("pages of %v names, error %v; want 100 and 2", pages, err)
	}
}

func TestUpdates(t *testing.T) {
	w := newWorld(t)
	c := fakeaws.Cluster{Name: "c"}
	for i := range 102 { // the newest first
		c.Updates = append(c.Updates, &fakeaws.Update{
			ID: fmt.Sprint("u-", i), Type: "VersionUpdate", Status: "Successful",
			CreatedAt: time.Unix(int64(1000-i), 0),
		})
	}
	ref := w.add(t, c)
	ids, more, err := w.client.UpdateIDs(t.Context(), ref)
	if err != nil || len(ids) != 100 || !more {
		t.Errorf("UpdateIDs: %d ids, more %t, error %v; want 100 and more", len(ids), more, err)
	}
	updates, err := w.client.Updates(t.Context(), ref)
	must(t, err)
	if len(updates) != 102 || updates[0].ID != "u-101" || updates[101].ID != "u-0" {
		t.Errorf("%d updates from %s to %s, want 102 from u-101 to u-0", len(updates), updates[0].ID, updates[101].ID)
	}
	if _, err := w.client.Update(t.Context(), ref, "missing"); awsclient.KindOf(err) != awsclient.KindNotFound {
		t.Errorf("missing update: error %v, want not found", err)
	}
}

func TestAssociate(t *testing.T) {
	w := newWorld(t)
	ref, key := w.add(t, fakeaws.Cluster{Name: "c"}), w.key(t)
	u, err := w.client.Associate(t.Context(), ref, key, "token")
	must(t, err)
	if !u.IsAssociation() || !u.Running() || u.KeyARN != key {
		t.Errorf("update %+v, want a running association of %s", u, key)
	}
	again, err := w.client.Associate(t.Context(), ref, key, "token")
	if err != nil || again.ID != u.ID {
		t.Errorf("same token: update %s, error %v; want %s", again.ID, err, u.ID)
	}
	if _, err := w.client.Associate(t.Context(), ref, key, "other"); !Conflict(err) {
		t.Errorf("another token: error %v, want a conflict", err)
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
		t.Errorf("an error that is not from AWS: conflict %t, action %q", Conflict(err), DeniedKMSAction(err))
	}
}
