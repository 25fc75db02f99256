package cloudtrail

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

const (
	key  = "arn:aws:kms:eu-central-1:111122223333:key/1234"
	role = "arn:aws:iam::111122223333:role/cluster"
)

func newClient(t *testing.T, policy ...fakeaws.Statement) (*fakeaws.Server, *Client) {
	t.Helper()
	server, config := awstest.New(t, policy...)
	c := New(cloudtrail.NewFromConfig(config).LookupEvents)
	c.pace.SetLimit(1e6)
	return server, c
}

func add(t *testing.T, server *fakeaws.Server, events ...fakeaws.Event) {
	t.Helper()
	awstest.Must(t, server.Update(func(w *fakeaws.State) {
		for _, e := range events {
			e.Region, e.Account = awstest.Region, awstest.Account
			w.AddEvent(e)
		}
	}))
}

func TestEvent(t *testing.T) {
	server, c := newClient(t)
	at := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	add(t, server, fakeaws.Event{ID: "1", Name: "Decrypt", Source: "kms.amazonaws.com", Time: at, KeyARN: key,
		Principal: "arn:aws:sts::111122223333:assumed-role/cluster/s", Role: role, InvokedBy: "eks.amazonaws.com"},
		fakeaws.Event{ID: "2", Name: "Encrypt", InvokedBy: "eks.amazonaws.com"},
		fakeaws.Event{ID: "3", Record: "{"}, fakeaws.Event{ID: "4", Record: `{"eventID":"5"}`},
		fakeaws.Event{ID: "6", Record: `{"eventID":"6","requestParameters":{"keyId":["a"]},"userIdentity":null}`})
	e, found, err := c.Event(t.Context(), "1")
	awstest.Must(t, err)
	if !found || e.Name != "Decrypt" || !e.Time.Equal(at) || e.Role != role || e.Service != "eks.amazonaws.com" ||
		!strings.HasSuffix(e.Principal, "/s") || !e.Concerns(key) || e.Concerns(key+"0") {
		t.Errorf("event = %+v, found = %t", e, found)
	}
	if e, _, err := c.Event(t.Context(), "2"); err != nil || e.Principal != "eks.amazonaws.com" {
		t.Errorf("event of a service = %+v, %v, want the service as principal", e, err)
	}
	if e, found, err := c.Event(t.Context(), "6"); err != nil || !found || e.Concerns("") != true {
		t.Errorf("event without a key = %+v, %t, %v", e, found, err)
	}
	if _, found, err := c.Event(t.Context(), "7"); found || err != nil {
		t.Errorf("absent event: found = %t, %v", found, err)
	}
	for _, id := range []string{"3", "4"} {
		if e, _, err := c.Event(t.Context(), id); err == nil {
			t.Errorf("event %s = %+v, want an error", id, e)
		}
	}
	_, c = newClient(t, fakeaws.Allow("kms:*"))
	if _, _, err := c.Event(t.Context(), "1"); awsclient.KindOf(err) != awsclient.KindAccessDenied ||
		!strings.Contains(err.Error(), "cloudtrail:LookupEvents on *") {
		t.Errorf("denied: %v", err)
	}
}

func TestSession(t *testing.T) {
	server, c := newClient(t)
	now := time.Now()
	for i := range 120 {
		add(t, server, fakeaws.Event{ID: fmt.Sprint(i), Time: now.Add(-time.Duration(i) * time.Minute),
			Principal: "arn:aws:sts::111122223333:assumed-role/cluster/health-check-session", Role: role})
	}
	add(t, server, fakeaws.Event{ID: "other", Time: now, Principal: "arn:aws:sts::1:assumed-role/cluster/other"})
	events, complete, err := c.Session(t.Context(), "health-check-session", now.Add(-61*time.Minute))
	awstest.Must(t, err)
	if len(events) < 60 || len(events) > 62 || !complete || events[0].ID != "0" {
		t.Errorf("%d events, complete = %t, want those of an hour", len(events), complete)
	}
	awstest.Must(t, server.Update(func(w *fakeaws.State) { w.PageSize = 10 }))
	server.ResetRequests()
	events, complete, err = c.Session(t.Context(), "health-check-session", now.Add(-3*time.Hour))
	awstest.Must(t, err)
	if len(events) != 10*maxPages || complete || awstest.Calls(server, "LookupEvents") != maxPages {
		t.Errorf("%d events, complete = %t, want %d pages of them", len(events), complete, maxPages)
	}
}

// TestPace checks that a client keeps to the quota, which others need too.
func TestPace(t *testing.T) {
	_, config := awstest.New(t)
	c := New(cloudtrail.NewFromConfig(config).LookupEvents)
	if c.pace.Limit() != perSecond || c.pace.Burst() != 1 {
		t.Errorf("pace = %v with bursts of %d, want %d a second", c.pace.Limit(), c.pace.Burst(), perSecond)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"eventID":"1","eventTime":"2026-11-26T09:00:00Z","userIdentity":{"arn":"a"},"resources":[{"ARN":"k"}]}`)
	f.Add(`{"requestParameters":null,"errorMessage":"on resource: ` + key + ` because"}`)
	f.Fuzz(func(_ *testing.T, text string) {
		if e, err := parse(text); err == nil {
			e.Concerns(key)
		}
	})
}
