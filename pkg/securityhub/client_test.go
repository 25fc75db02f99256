package securityhub

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/securityhub"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

const region = "eu-central-1"

// hub returns a Client on the fake AWS, with this policy.
func hub(t *testing.T, policy ...fakeaws.Statement) (*fakeaws.Server, *Client) {
	t.Helper()
	server, config := awstest.New(t, policy...)
	awstest.ClearEnvironment(t)
	t.Setenv("AWS_ACCESS_KEY_ID", awstest.AccessKeyID)
	t.Setenv("AWS_SECRET_ACCESS_KEY", awstest.SecretAccessKey)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL_SECURITYHUB", *config.BaseEndpoint)
	clients, err := new(awsclient.Pool).New(t.Context(), awsclient.Options{Region: region})
	awstest.Must(t, err)
	clients = clients.RetryThrottled(func(int) time.Duration { return time.Millisecond }, nil)
	c := New(clients.SecurityHub(), Place{"aws", awstest.Account, region})
	c.Pause = func(context.Context, time.Duration) error { return nil }
	return server, c
}

// complete returns a finding that Security Hub accepts.
func complete(c *Client, cluster, control, status string) Finding {
	f := finding(cluster, control, status)
	f.SchemaVersion, f.ProductArn, f.ProductName, f.CompanyName = SchemaVersion, c.productARN(), ToolName, "eks-encrypt"
	f.GeneratorID, f.AwsAccountID, f.Region = generators+control, c.Account, c.Region
	f.Title, f.Description = control, "why"
	f.Provider = Provider{Severity{"HIGH"}, []string{"Software and Configuration Checks/AWS Security Best Practices"}}
	f.Resources[0].Partition, f.Resources[0].Region = "aws", c.Region
	return f
}

func stored(s *fakeaws.Server) map[string]fakeaws.HubFinding {
	all := map[string]fakeaws.HubFinding{}
	s.View(func(w *fakeaws.State) {
		for _, f := range w.Hub.Findings {
			all[strings.TrimPrefix(f.ID, arn)] = *f
		}
	})
	return all
}

func at(hours int) time.Time { return now.Add(time.Duration(hours) * time.Hour) }

func check(t *testing.T, got Result, want Result) {
	t.Helper()
	want.Place = got.Place
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("result = %+v, want %+v", got, want)
	}
}

// TestSync imports the findings of several audits: a waiver that begins and ends, a cluster that is deleted, and pages.
func TestSync(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	var wanted []Wanted
	for i := range 250 {
		wanted = append(wanted, Wanted{Finding: complete(c, fmt.Sprint("c", i), "ENC-2", "FAILED")})
	}
	for i := range 120 {
		wanted[i].Waiver = waiver("2027-03-31")
	}
	other := complete(c, "c0", "ENC-2", "FAILED")
	other.ID, other.GeneratorID = "other", "another-program/1"
	awstest.Must(t, server.Update(func(w *fakeaws.State) {
		w.Hub.NotFound = 1
		w.PageSize = 70
		w.Hub.Findings = append(w.Hub.Findings, &fakeaws.HubFinding{ID: "other", GeneratorID: other.GeneratorID,
			ProductArn: other.ProductArn, AwsAccountID: c.Account, Region: region, UpdatedAt: yesterday,
			RecordState: Active, Workflow: &fakeaws.HubWorkflow{Status: "SUPPRESSED"}})
	}))
	whole := Coverage{Complete: true, Since: at(47)}
	check(t, c.Sync(t.Context(), wanted, whole, at(0)), Result{Imported: 250, Suppressed: 120})
	if n := awstest.Calls(server, "BatchImportFindings"); n != 3 {
		t.Errorf("%d calls of BatchImportFindings, want 3", n)
	}
	if f := stored(server)["c7/ENC-2"]; f.Workflow.Status != "SUPPRESSED" || !strings.Contains(f.Note.Text, "team-web") {
		t.Errorf("waived finding = %s, note %v, want SUPPRESSED with a note", f.Workflow.Status, f.Note)
	}
	check(t, c.Sync(t.Context(), wanted, whole, at(0)), Result{Unchanged: 250})
	check(t, c.Sync(t.Context(), wanted, whole, at(24)), Result{Unchanged: 250})
	if n := awstest.Calls(server, "BatchImportFindings"); n != 3 {
		t.Errorf("%d calls of BatchImportFindings after audits without a change, want the 3 of the first", n)
	}
	for i := range 120 {
		wanted[i].Waiver = nil // expired
	}
	check(t, c.Sync(t.Context(), wanted[:200], whole, at(48)), Result{Unchanged: 200, Archived: 50, Reopened: 120})
	all := stored(server)
	if f := all["c7/ENC-2"]; f.Workflow.Status != "NEW" || f.UserDefinedFields[markField] != released {
		t.Errorf("finding after its waiver = %s, fields %v, want NEW", f.Workflow.Status, f.UserDefinedFields)
	}
	if f := all["c240/ENC-2"]; f.RecordState != Archived {
		t.Errorf("finding of a deleted cluster is %s, want %s", f.RecordState, Archived)
	}
	if f := all["other"]; f.RecordState != Active || f.Workflow.Status != "SUPPRESSED" {
		t.Errorf("finding of another program = %+v, want it unchanged", f)
	}
	check(t, c.Sync(t.Context(), wanted, Coverage{}, at(72)), Result{Imported: 50, Unchanged: 200})
	if f := stored(server)["c240/ENC-2"]; f.RecordState != Active {
		t.Errorf("finding of a cluster that is back is %s, want %s", f.RecordState, Active)
	}
}

// TestSyncRefused checks that each refused finding is named, and the others are imported.
func TestSyncRefused(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	awstest.Must(t, server.Update(func(w *fakeaws.State) { w.Hub.Refused = []string{"*c1/ENC-2"} }))
	wanted := []Wanted{{Finding: complete(c, "c0", "ENC-2", "FAILED")},
		{Finding: complete(c, "c1", "ENC-2", "FAILED"), Waiver: waiver("2027-03-31")}}
	r := c.Sync(t.Context(), wanted, Coverage{Complete: true}, at(0))
	if r.Imported != 1 || r.Suppressed != 0 || len(r.Errs) != 1 || !strings.Contains(r.Errs[0].Error(), arn+"c1/ENC-2") {
		t.Errorf("result = %+v, want one finding imported and c1 named", r)
	}
	wanted[1].AwsAccountID = "999999999999"
	if r := c.Sync(t.Context(), wanted, Coverage{}, at(1)); len(r.Errs) != 1 || r.Imported != 0 {
		t.Errorf("result = %+v, want a refusal of the finding of another account", r)
	}
}

// TestSyncFails checks that an error names the action and the ARN, and what to do.
func TestSyncFails(t *testing.T) {
	allowed, c0 := fakeaws.Allow("securityhub:*"), Place{"aws", awstest.Account, region}
	for _, test := range []struct {
		name       string
		policy     []fakeaws.Statement
		disabled   bool
		text, hint string
	}{
		{"get", []fakeaws.Statement{allowed, fakeaws.Deny("securityhub:GetFindings")}, false,
			"securityhub:GetFindings on " + c0.hubARN(), "allow securityhub:GetFindings"},
		{"import", []fakeaws.Statement{allowed, fakeaws.Deny("securityhub:BatchImportFindings")}, false,
			"securityhub:BatchImportFindings on " + c0.productARN(), "allow"},
		{"update", []fakeaws.Statement{allowed, fakeaws.Deny("securityhub:BatchUpdateFindings")}, false,
			"securityhub:BatchUpdateFindings on arn:aws:securityhub:eu-central-1:111122223333:hub/default", "allow"},
		{"not enabled", []fakeaws.Statement{allowed}, true, "is not subscribed to AWS Security Hub",
			"enable-security-hub --no-enable-default-standards --region eu-central-1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			server, c := hub(t, test.policy...)
			if test.disabled {
				awstest.Must(t, server.Update(func(w *fakeaws.State) { w.Hub.Disabled = []string{"*/eu-*"} }))
				check(t, c.Sync(t.Context(), nil, Coverage{Complete: true}, at(0)), Result{})
			}
			w := Wanted{Finding: complete(c, "c0", "ENC-2", "FAILED"), Waiver: waiver("2027-03-31")}
			r := c.Sync(t.Context(), []Wanted{w}, Coverage{Complete: true}, at(0))
			if len(r.Errs) != 1 || !strings.Contains(r.Errs[0].Error(), test.text) ||
				!strings.Contains(hint.Of(r.Errs[0]), test.hint) {
				t.Errorf("errors = %v, hint %q, want %q and %q", r.Errs, hint.Of(r.Errs[0]), test.text, test.hint)
			}
		})
	}
}

// TestSyncThrottled checks that throttled calls are repeated.
func TestSyncThrottled(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	server.SetFaults([]fakeaws.Fault{{Service: "securityhub", Code: "LimitExceededException", Status: 429, Times: 5},
		{Service: "securityhub", Operation: "BatchImportFindings", Code: "ThrottlingException", Times: 5}})
	w := Wanted{Finding: complete(c, "c0", "ENC-2", "FAILED")}
	check(t, c.Sync(t.Context(), []Wanted{w}, Coverage{Complete: true}, at(0)), Result{Imported: 1})
}

// TestNotFound checks that a finding that Security Hub never finds is named.
func TestNotFound(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	awstest.Must(t, server.Update(func(w *fakeaws.State) { w.Hub.NotFound = 100 }))
	w := Wanted{Finding: complete(c, "c0", "ENC-2", "FAILED"), Waiver: waiver("2027-03-31")}
	r := c.Sync(t.Context(), []Wanted{w}, Coverage{Complete: true}, at(0))
	if len(r.Errs) != 1 || !strings.Contains(r.Errs[0].Error(), "c0/ENC-2: FindingNotFound") || r.Suppressed != 0 {
		t.Errorf("result = %+v, want the finding named", r)
	}
	if n := awstest.Calls(server, "BatchUpdateFindings"); n != attempts {
		t.Errorf("%d calls of BatchUpdateFindings, want %d", n, attempts)
	}
}

// TestEarlierOfOthers checks that an administrator account or an aggregation region, which also returns the findings of
// other places, changes none of them.
func TestEarlierOfOthers(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	c.calls.GetFindings = func(context.Context, *securityhub.GetFindingsInput, ...func(*securityhub.Options)) (
		*securityhub.GetFindingsOutput, error) {
		out := &securityhub.GetFindingsOutput{}
		for _, change := range []func(*Finding){
			func(f *Finding) { f.AwsAccountID = "999999999999" },
			func(f *Finding) { f.Region = "us-east-1" },
			func(f *Finding) { f.ProductArn = "arn:aws:securityhub:eu-central-1::product/vendor/product" },
			func(f *Finding) { f.GeneratorID = ToolName + "-other/ENC-2" },
		} {
			f := complete(c, "gone", "ENC-2", "FAILED")
			f.UpdatedAt = yesterday
			change(&f)
			out.Findings = append(out.Findings, f.wire())
		}
		return out, nil
	}
	check(t, c.Sync(t.Context(), nil, Coverage{Complete: true, Since: now}, at(0)), Result{})
	if n := awstest.Calls(server, "BatchImportFindings"); n != 0 {
		t.Errorf("%d calls of BatchImportFindings, want none", n)
	}
}
