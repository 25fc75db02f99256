package fakeaws

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
)

// tokenFor returns a token in the form of `aws eks get-token`.
func tokenFor(t *testing.T, p Principal, url, cluster string) string {
	t.Helper()
	signed, err := sts.NewPresignClient(stsOf(p, url)).PresignGetCallerIdentity(context.Background(),
		&sts.GetCallerIdentityInput{},
		func(o *sts.PresignOptions) {
			o.ClientOptions = append(o.ClientOptions, func(o *sts.Options) {
				o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue(clusterIDHeader, cluster),
					smithyhttp.SetHeaderValue("X-Amz-Expires", "60"))
			})
		})
	must(t, err)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(signed.URL))
}

func TestIdentify(t *testing.T) {
	clock := newClock()
	s, url := start(t, Options{Now: clock.Now})
	for _, name := range []string{"first", "second"} {
		_, err := s.AddCluster(Cluster{Name: name, Region: home, Account: account})
		must(t, err)
	}
	token := tokenFor(t, admin, url, "second")
	got, err := s.Identify(token)
	must(t, err)
	want := Identity{ARN: admin.ARN, Account: account, UserID: defaultUserID(admin.ARN), ClusterID: "second"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	stranger := admin
	stranger.SecretAccessKey = "guessed"
	mangle := func(from, to string) string {
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, tokenPrefix))
		must(t, err)
		return tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), from, to, 1)))
	}
	for name, bad := range map[string]string{
		"no prefix":         strings.TrimPrefix(token, tokenPrefix),
		"not base64":        tokenPrefix + "%%%",
		"unknown cluster":   tokenFor(t, admin, url, "third"),
		"wrong secret":      tokenFor(t, stranger, url, "second"),
		"another action":    mangle("GetCallerIdentity", "GetSessionToken"),
		"id not signed":     mangle("x-k8s-aws-id", "x-k8s-aws-xx"),
		"parameter twice":   mangle("Action=", "Action=X&Action="),
		"changed signature": mangle("X-Amz-Signature=", "X-Amz-Signature=0"),
	} {
		if got, err := s.Identify(bad); err == nil {
			t.Errorf("%s: Identify = %+v, want an error", name, got)
		}
	}
	clock.advance(14 * time.Minute)
	if _, err := s.Identify(token); err != nil {
		t.Errorf("Identify of a token of 14 minutes = %v, want nil", err)
	}
	clock.advance(2 * time.Minute)
	if _, err := s.Identify(token); err == nil {
		t.Error("Identify of a token of 16 minutes = nil error, want an error")
	}
}

func TestAssumeRole(t *testing.T) {
	clock := newClock()
	s, url := start(t, Options{Now: clock.Now})
	role := Principal{ARN: "arn:aws:iam::" + other + ":role/path/auditor", Trust: []string{admin.ARN},
		ExternalID:  "x-42",
		WebIdentity: []string{"a.b.c"}, Policy: []Statement{Allow("eks:Describe*"), Allow("eks:ListClusters")}}
	must(t, s.AddPrincipal(role))
	_, err := s.AddCluster(Cluster{Name: "c", Region: home, Account: other})
	must(t, err)
	ctx, client := context.Background(), stsOf(admin, url)
	_, err = client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: aws.String("me")})
	wantCode(t, err, "AccessDenied")
	out, err := client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: aws.String("me"),
		ExternalId: aws.String("x-42")})
	must(t, err)
	// Another session of the same name does not end the first one.
	_, err = client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &role.ARN, RoleSessionName: aws.String("me"),
		ExternalId: aws.String("x-42")})
	must(t, err)
	session := Principal{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey,
		SessionToken: *out.Credentials.SessionToken}
	who, err := stsOf(session, url).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	must(t, err)
	if got, want := *who.Arn, "arn:aws:sts::444455556666:assumed-role/auditor/me"; got != want {
		t.Errorf("identity = %s, want %s", got, want)
	}
	if *who.Account != other || !strings.HasSuffix(*who.UserId, ":me") || !strings.HasPrefix(*who.UserId, "AROA") {
		t.Errorf("account = %s, user ID = %s; want the role's account and AROA…:me", *who.Account, *who.UserId)
	}
	_, err = eksOf(session, url).DescribeCluster(ctx, &eks.DescribeClusterInput{Name: aws.String("c")})
	must(t, err)
	_, err = eksOf(session, url).ListUpdates(ctx, &eks.ListUpdatesInput{Name: aws.String("c")})
	wantCode(t, err, "AccessDeniedException")
	if want := "User: arn:aws:sts::444455556666:assumed-role/auditor/me is not authorized to perform: " +
		"eks:ListUpdates on resource: " +
		"arn:aws:eks:eu-central-1:444455556666:cluster/c"; !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want one with %q", err, want)
	}
	if id, err := s.Identify(tokenFor(t, session, url, "c")); err != nil || id.Role != role.ARN {
		t.Errorf("Identify of the session's token = %+v, %v, want its role", id, err)
	}
	clock.advance(time.Hour + time.Second)
	_, err = stsOf(session, url).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	wantCode(t, err, "ExpiredToken")
}

func TestAuthentication(t *testing.T) {
	clock := newClock()
	s, url := start(t, Options{Now: clock.Now})
	must(t, s.AddPrincipal(Principal{ARN: "arn:aws:sts::" + account + ":assumed-role/r/old", AccessKeyID: "ASIAOLD",
		SecretAccessKey: "s", SessionToken: "t",
		Expires: clock.Now().Add(-time.Second)}))
	unknown, wrong, old := admin, admin, Principal{AccessKeyID: "ASIAOLD", SecretAccessKey: "s", SessionToken: "t"}
	unknown.AccessKeyID, wrong.SecretAccessKey = "AKIAUNKNOWN", "guessed"
	for _, tt := range []struct {
		name          string
		who           Principal
		eks, kms, sts string
	}{
		{"unknown access key", unknown, "UnrecognizedClientException", "UnrecognizedClientException",
			"InvalidClientTokenId"},
		{"wrong secret", wrong, "InvalidSignatureException", "InvalidSignatureException", "SignatureDoesNotMatch"},
		{"expired session", old, "ExpiredTokenException", "ExpiredTokenException", "ExpiredToken"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := context.Background()
			_, err := eksOf(tt.who, url).ListClusters(ctx, &eks.ListClustersInput{})
			wantCode(t, err, tt.eks)
			_, err = kmsOf(tt.who, url).ListKeys(ctx, &kms.ListKeysInput{})
			wantCode(t, err, tt.kms)
			_, err = stsOf(tt.who, url).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
			wantCode(t, err, tt.sts)
		})
	}
	resp, err := http.Get(url + "/clusters")
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden || resp.Header.Get(
		"X-Amzn-ErrorType") != "MissingAuthenticationTokenException" {
		t.Errorf("unsigned call: %s, %v, want 403 with MissingAuthenticationTokenException", resp.Status, resp.Header)
	}
}

// TestSignatureCoversTheRequest checks that a change of a signed part of the request leads to 403.
func TestSignatureCoversTheRequest(t *testing.T) {
	clock := newClock()
	_, url := start(t, Options{Now: clock.Now})
	for name, change := range map[string]func(*http.Request){
		"":       func(*http.Request) {},
		"path":   func(r *http.Request) { r.URL.Path = "/clusters/b" },
		"query":  func(r *http.Request) { r.URL.RawQuery = "maxResults=2" },
		"method": func(r *http.Request) { r.Method = http.MethodPost },
		"header": func(r *http.Request) { r.Header.Set("X-Amz-Meta", "2") },
		"host":   func(r *http.Request) { r.Host = "eks.eu-central-1.amazonaws.com" },
		"old":    func(*http.Request) {},
	} {
		r, err := http.NewRequest(http.MethodGet, url+"/clusters?maxResults=1", nil)
		must(t, err)
		r.Header.Set("X-Amz-Meta", "1  1")
		at := clock.Now()
		if name == "old" {
			at = at.Add(-6 * time.Minute)
		}
		creds := aws.Credentials{AccessKeyID: admin.AccessKeyID, SecretAccessKey: admin.SecretAccessKey}
		must(t, v4.NewSigner().SignHTTP(context.Background(), creds, r, hexSum(nil), "eks", home, at))
		change(r)
		resp, err := http.DefaultClient.Do(r)
		must(t, err)
		resp.Body.Close()
		if want := map[bool]int{true: 200, false: 403}[name == ""]; resp.StatusCode != want {
			t.Errorf("change of %q: status = %s, want %d", name, resp.Status, want)
		}
	}
}
