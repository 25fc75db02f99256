package kms

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// depthOptions are those of a caller in the account and region of the tests.
func depthOptions(used map[string][]string) DescribeOptions {
	return DescribeOptions{
		Where: here, Caller: awstest.UserARN, Now: time.Now(),
		UsedBy: func(context.Context) (map[string][]string, error) { return used, nil },
	}
}

func checkOf(r *v1alpha1.KeyReport, name string) v1alpha1.Result {
	for _, c := range r.Checks {
		if c.Name == name {
			return c.Result
		}
	}
	return ""
}

func TestDescribe(t *testing.T) {
	a := newAWS(t)
	key := a.key(t, fakeaws.Key{
		RotationDays: 180, Description: "for payments", Tags: map[string]string{"team": "pay"},
		Grants: []fakeaws.Grant{
			{ID: "g1", Name: "eks", Grantee: "eks.amazonaws.com", Operations: []string{"Encrypt", "Decrypt"}},
		},
	})
	a.alias(t, "alias/b", key)
	a.alias(t, "alias/a", key)
	const cluster = "arn:aws:eks:eu-central-1:111122223333:cluster/c"
	id := key[strings.LastIndexByte(key, '/')+1:]
	for _, named := range []string{key, id, "alias/a", strings.Replace(key, "key/"+id, "alias/b", 1)} {
		r, err := Describe(context.Background(), a.kms(), named, depthOptions(map[string][]string{key: {cluster}}))
		awstest.Must(t, err)
		if r.Name != id || r.Key.ARN != key || !r.Key.Eligible || r.Key.Description != "for payments" ||
			r.Key.CreationDate == nil || r.Key.Account != awstest.Account || r.Key.Palette != v1alpha1.PaletteWithStatement {
			t.Errorf("%s: key = %+v", named, r.Key)
		}
		if diff := cmp.Diff([]string{"alias/a", "alias/b"}, r.Key.Aliases); diff != "" {
			t.Errorf("%s: aliases: %s", named, diff)
		}
		if diff := cmp.Diff(map[string]string{"team": "pay"}, r.Key.Tags); diff != "" {
			t.Errorf("%s: tags: %s", named, diff)
		}
		if diff := cmp.Diff([]string{cluster}, r.Key.UsedBy); diff != "" {
			t.Errorf("%s: usedBy: %s", named, diff)
		}
		if len(r.Grants) != 1 || r.Grants[0].Grantee != "eks.amazonaws.com" ||
			!slices.Equal(r.Grants[0].Operations, []string{"Decrypt", "Encrypt"}) {
			t.Errorf("%s: grants = %+v", named, r.Grants)
		}
		if checkOf(r, "key policy") != v1alpha1.ResultPass || checkOf(r, GrantCheckName) != v1alpha1.ResultPass {
			t.Errorf("%s: checks = %+v", named, r.Checks)
		}
		if r.LastUse == nil || r.LastUse.TrackedSince == nil || len(r.Unknown) > 0 {
			t.Errorf("%s: lastUse = %+v, unknown = %+v", named, r.LastUse, r.Unknown)
		}
	}
	for _, r := range a.Requests() {
		if r.Operation == "CreateGrant" && r.Code != "DryRunOperationException" {
			t.Errorf("CreateGrant = %q, want a dry run", r.Code)
		}
	}
}

// TestDescribeImported checks the days until imported material expires, and its rotations on demand.
func TestDescribeImported(t *testing.T) {
	a := newAWS(t)
	o := depthOptions(nil)
	key := a.key(t, fakeaws.Key{Origin: "EXTERNAL", ValidTo: o.Now.Add(10*24*time.Hour + time.Hour),
		Rotations: []fakeaws.Rotation{{Type: "ON_DEMAND", Date: o.Now}}})
	r, err := Describe(t.Context(), a.kms(), key, o)
	awstest.Must(t, err)
	if left := r.Key.MaterialDaysLeft; left == nil || *left != 10 || r.Key.ValidTo == nil || r.Rotations.OnDemand != 1 ||
		len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "expires in 10 days") {
		t.Errorf("days left = %v, rotations = %+v, notes = %q", left, r.Rotations, r.Notes)
	}
}

// TestDescribeDenied checks that each missing permission makes one fact unknown, with its action and resource.
func TestDescribeDenied(t *testing.T) {
	for _, test := range []struct{ operation, fact string }{
		{"DescribeKey", "metadata"}, {"ListAliases", "aliases"}, {"ListResourceTags", "tags"},
		{"GetKeyRotationStatus", "rotation"}, {"GetKeyLastUsage", "lastUse"}, {"GetKeyPolicy", "policy"},
		{"ListGrants", "grants"},
	} {
		a := newAWS(t, fakeaws.Allow("kms:*"), fakeaws.Deny("kms:"+test.operation))
		key := a.key(t, fakeaws.Key{RotationDays: 180})
		r, err := Describe(context.Background(), a.kms(), key, depthOptions(nil))
		awstest.Must(t, err)
		resource := key
		if test.operation == "ListAliases" {
			resource = "*"
		}
		want := []v1alpha1.UnknownFact{{
			Fact: test.fact, Action: "kms:" + test.operation, Resource: resource,
			Reason: "needs kms:" + test.operation + " on " + resource,
		}}
		if diff := cmp.Diff(want, r.Unknown); diff != "" {
			t.Errorf("without %s: %s", test.operation, diff)
		}
		if test.fact == "metadata" && (r.Key.Eligible || !strings.HasPrefix(r.Key.Reasons[0], "unknown")) {
			t.Errorf("without %s: key = %+v, want an unknown eligibility", test.operation, r.Key)
		}
	}
	a := newAWS(t, fakeaws.Allow("kms:*"), fakeaws.Deny("kms:CreateGrant"))
	r, err := Describe(context.Background(), a.kms(), a.key(t, fakeaws.Key{}), depthOptions(nil))
	awstest.Must(t, err)
	if checkOf(r, GrantCheckName) != v1alpha1.ResultFail || len(r.Unknown) > 0 {
		t.Errorf("without CreateGrant: checks = %+v, unknown = %+v", r.Checks, r.Unknown)
	}
}

// TestDescribeOthers checks keys of other regions and accounts, and keys that no cluster can use.
func TestDescribeOthers(t *testing.T) {
	a := newAWS(t)
	far := a.key(t, fakeaws.Key{Region: "us-east-1"})
	foreign := a.key(t, fakeaws.Key{Account: awstest.OtherAccount, RotationDays: 90,
		Policy: `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"}]}`})
	signing := a.key(t, fakeaws.Key{Spec: "RSA_2048", Usage: "SIGN_VERIFY"})
	inRegion := func(region string) *kms.Client {
		config := a.config.Copy()
		config.Region = region
		return kms.NewFromConfig(config)
	}
	r, err := Describe(context.Background(), inRegion("us-east-1"), far, depthOptions(nil))
	awstest.Must(t, err)
	if r.Key.Eligible || !strings.Contains(r.Key.Reasons[0], "in us-east-1, but the cluster is in eu-central-1") {
		t.Errorf("key of another region = %+v", r.Key)
	}

	r, err = Describe(context.Background(), a.kms(), foreign, depthOptions(nil))
	awstest.Must(t, err)
	var unknown []string
	for _, u := range r.Unknown {
		unknown = append(unknown, u.Fact)
		if u.Action != "" || !strings.Contains(u.Reason, "only to account "+awstest.OtherAccount) {
			t.Errorf("unknown of a foreign key = %+v, want the owner's account", u)
		}
	}
	if want := []string{"aliases", "lastUse", "policy", "rotations", "tags"}; !slices.Equal(unknown, want) {
		t.Errorf("unknown of a foreign key = %q, want %q", unknown, want)
	}
	if r.Key.Rotation == nil || r.Key.Rotation.PeriodDays != 90 || !r.Key.Eligible {
		t.Errorf("foreign key = %+v, want its rotation, which KMS shows to other accounts", r.Key)
	}

	r, err = Describe(context.Background(), a.kms(), signing, depthOptions(nil))
	awstest.Must(t, err)
	if r.Key.Eligible || checkOf(r, GrantCheckName) != "" || r.Key.Palette != v1alpha1.PaletteNo {
		t.Errorf("signing key = %+v, checks %+v", r.Key, r.Checks)
	}

	for named, want := range map[string]string{
		"alias/absent":  "does not refer to a key",
		"alias/aws/eks": "an alias of AWS",
		"x y":           "not a valid KMS key reference",
		"arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000": "doesn't exist in eu-central-1",
	} {
		_, err := Describe(context.Background(), a.kms(), named, depthOptions(nil))
		if !strings.Contains(errText(err), want) {
			t.Errorf("Describe(%q) = %v, want %q", named, err, want)
		}
	}
	o := depthOptions(nil)
	o.UsedBy = func(context.Context) (map[string][]string, error) { return nil, errors.New("no answer") }
	if r, err = Describe(context.Background(), a.kms(), signing, o); err != nil || len(r.Unknown) != 1 ||
		r.Unknown[0].Fact != "usedBy" || r.Unknown[0].Reason != "no answer" {
		t.Errorf("without clusters: unknown = %+v, %v", r.Unknown, err)
	}
}

// TestGrants checks the constraints and service principals of grants, and the limit, on the wire.
func TestGrants(t *testing.T) {
	pages := 0
	listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		pages++
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		one := `{"GrantId":"g","GranteeServicePrincipal":"eks.amazonaws.com","GranteePrincipal":"eks.amazonaws.com",
			"RetiringServicePrincipal":"eks.amazonaws.com","Operations":["Encrypt","Decrypt"],"CreationDate":1.7e9,
			"Constraints":{"SourceArn":"arn:aws:eks:eu-central-1:111122223333:cluster/c"}}`
		context := `{"GrantId":"h","GranteePrincipal":"arn:x","Constraints":{"EncryptionContextSubset":{"a":"b"}}}`
		list := strings.Repeat(one+",", 99) + context
		_, _ = io.WriteString(w, fmt.Sprintf(`{"Grants":[%s],"Truncated":true,"NextMarker":"m%d"}`, list, pages))
	}))
	t.Cleanup(listener.Close)
	api := kms.NewFromConfig(aws.Config{
		Region: awstest.Region, BaseEndpoint: &listener.URL, RetryMaxAttempts: 1,
		HTTPClient:  requestbody.InMemory{Next: http.DefaultClient},
		Credentials: credentials.NewStaticCredentialsProvider("AKIA", "secret", ""),
	})
	found, more, err := grants(context.Background(), api, "arn:key")
	awstest.Must(t, err)
	if len(found) != maxGrants || !more || pages != maxGrants/100 {
		t.Fatalf("%d grants of %d pages, more: %v", len(found), pages, more)
	}
	first, last := found[0], found[99]
	if first.Grantee != "eks.amazonaws.com" || first.Retiring != "eks.amazonaws.com" || first.CreationDate == nil ||
		first.SourceARN != "arn:aws:eks:eu-central-1:111122223333:cluster/c" || first.EncryptionContext {
		t.Errorf("first grant = %+v", first)
	}
	if last.Grantee != "arn:x" || last.SourceARN != "" || !last.EncryptionContext || last.Operations == nil {
		t.Errorf("last grant = %+v", last)
	}
}

// TestListTags checks that tags are read only on request and only for customer keys.
func TestListTags(t *testing.T) {
	a := newAWS(t)
	a.key(t, fakeaws.Key{Tags: map[string]string{"a": "1", "b": ""}})
	a.key(t, fakeaws.Key{Manager: "AWS"})
	for _, test := range []struct {
		tags  TagReader
		calls int
	}{{nil, 0}, {a.kms(), 1}} {
		l, err := List(context.Background(), a.kms(), ListOptions{Where: here, Tags: test.tags})
		awstest.Must(t, err)
		if n := awstest.Calls(a.Server, "ListResourceTags"); n != test.calls {
			t.Errorf("%d calls of ListResourceTags, want %d", n, test.calls)
		}
		if (len(l.Items[0].Tags) == 2) != (test.calls > 0) {
			t.Errorf("tags = %q", l.Items[0].Tags)
		}
	}
	denied := newAWS(t, fakeaws.Allow("kms:*"), fakeaws.Deny("kms:ListResourceTags"))
	denied.key(t, fakeaws.Key{})
	l, err := List(context.Background(), denied.kms(), ListOptions{Where: here, Tags: denied.kms()})
	awstest.Must(t, err)
	if want := []string{"kms:ListResourceTags failed for 1 of 1 keys"}; !slices.Equal(l.Notes, want) {
		t.Errorf("notes = %q, want %q", l.Notes, want)
	}
}
