package securityhub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/securityhub"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// clusters returns the findings of n clusters, the first of which have a waiver in force.
func clusters(c *Client, n, waived int) []Wanted {
	var wanted []Wanted
	for i := range n {
		w := Wanted{Finding: complete(c, fmt.Sprint("c", i), "ENC-2", "FAILED")}
		if i < waived {
			w.Waiver = waiver("2027-03-31")
		}
		wanted = append(wanted, w)
	}
	return wanted
}

func onlyError(t *testing.T, r Result, parts ...string) {
	t.Helper()
	if len(r.Errs) != 1 {
		t.Fatalf("errors = %v, want one", r.Errs)
	}
	for _, part := range parts {
		if !strings.Contains(r.Errs[0].Error(), part) {
			t.Errorf("error = %v, want %q in it", r.Errs[0], part)
		}
	}
}

// TestImportInvalid checks that one finding, because of which Security Hub refuses the whole call, is named, and that
// the others are imported.
func TestImportInvalid(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	awstest.Must(t, server.Update(func(w *fakeaws.State) { w.Hub.Invalid = []string{"*/c77/*"} }))
	r := c.Sync(t.Context(), clusters(c, 150, 80), Coverage{}, at(0))
	if onlyError(t, r, arn+"c77/ENC-2: InvalidInput: "); r.Imported != 149 || r.Suppressed != 79 {
		t.Errorf("result = %+v, want the other 149 findings imported and 79 suppressed", r)
	}
	if n := awstest.Calls(server, "BatchImportFindings"); n > 20 {
		t.Errorf("%d calls of BatchImportFindings, want at most 20", n)
	}
}

// TestUpdateInvalid checks that a finding whose 50 fields leave no room for the mark does not keep others suppressed.
func TestUpdateInvalid(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	wanted := clusters(c, 3, 0)
	check(t, c.Sync(t.Context(), wanted, Coverage{}, at(0)), Result{Imported: 3})
	awstest.Must(t, server.Update(func(w *fakeaws.State) {
		fields := map[string]string{}
		for i := range 50 {
			fields[fmt.Sprint("f", i)] = "x"
		}
		w.Hub.Findings[0].UserDefinedFields = fields
	}))
	for i := range wanted {
		wanted[i].Waiver = waiver("2027-03-31")
	}
	r := c.Sync(t.Context(), wanted, Coverage{}, at(1))
	if onlyError(t, r, arn+"c0/ENC-2: InvalidInput: "); r.Suppressed != 2 {
		t.Errorf("result = %+v, want 2 findings suppressed", r)
	}
}

// TestUpdateAgain checks that an update is repeated if the finding is still being imported.
func TestUpdateAgain(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	awstest.Must(t, server.Update(func(w *fakeaws.State) {
		w.Hub.NotFound, w.Hub.Unprocessed = 2, "ConcurrentUpdateError"
	}))
	check(t, c.Sync(t.Context(), clusters(c, 2, 2), Coverage{}, at(0)), Result{Imported: 2, Suppressed: 2})
}

// TestReleaseWithoutImport checks that an ended waiver does not hide a finding if the import is not permitted, and that
// nothing is suppressed then.
func TestReleaseWithoutImport(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	wanted := clusters(c, 2, 1)
	check(t, c.Sync(t.Context(), wanted, Coverage{}, at(0)), Result{Imported: 2, Suppressed: 1})
	awstest.Must(t, server.AddPrincipal(fakeaws.Principal{
		ARN: awstest.UserARN, AccessKeyID: awstest.AccessKeyID,
		SecretAccessKey: awstest.SecretAccessKey, Policy: []fakeaws.Statement{
			fakeaws.Allow("securityhub:*"), fakeaws.Deny("securityhub:BatchImportFindings")},
	}))
	for i := range wanted {
		wanted[i].Description, wanted[i].Waiver = "changed", nil
	}
	wanted[1].Waiver = waiver("2027-03-31")
	r := c.Sync(t.Context(), wanted, Coverage{}, at(1))
	if onlyError(t, r, "securityhub:BatchImportFindings"); r.Reopened != 1 || r.Suppressed != 0 {
		t.Errorf("result = %+v, want one finding NEW again and none suppressed", r)
	}
}

// TestImportCounts checks that what was imported before a failure is counted.
func TestImportCounts(t *testing.T) {
	_, c := hub(t, fakeaws.Allow("securityhub:*"))
	call, calls := c.calls.BatchImportFindings, 0
	c.calls.BatchImportFindings = func(ctx context.Context, in *securityhub.BatchImportFindingsInput,
		o ...func(*securityhub.Options)) (*securityhub.BatchImportFindingsOutput, error) {
		if calls++; calls == 2 {
			return nil, errors.New("connection lost")
		}
		return call(ctx, in, o...)
	}
	r := c.Sync(t.Context(), clusters(c, 150, 0), Coverage{}, at(0))
	if onlyError(t, r, "connection lost"); r.Imported != 100 {
		t.Errorf("result = %+v, want 100 findings imported", r)
	}
}

// TestNotEnabled checks that Security Hub may be off where no finding is to be imported.
func TestNotEnabled(t *testing.T) {
	server, c := hub(t, fakeaws.Allow("securityhub:*"))
	awstest.Must(t, server.Update(func(w *fakeaws.State) { w.Hub.Disabled = []string{"*/eu-*"} }))
	wanted := clusters(c, 2, 0)
	wanted[0].State, wanted[1].State = Ended, Unchecked
	check(t, c.Sync(t.Context(), wanted, Coverage{Complete: true}, at(0)), Result{})
}
