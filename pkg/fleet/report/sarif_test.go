package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func decodeSARIF(t *testing.T, r *v1alpha1.AuditReport, o SARIF) sarifRun {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, "sarif", r, Options{SARIF: o}); err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(b.Bytes(), &log); err != nil {
		t.Fatal(err)
	}
	return log.Runs[0]
}

// byRule returns the results of each rule, and checks that each index leads to its rule.
func byRule(t *testing.T, run sarifRun) map[string][]sarifResult {
	t.Helper()
	results := map[string][]sarifResult{}
	for _, r := range run.Results {
		results[r.RuleID] = append(results[r.RuleID], r)
		if got := run.Tool.Driver.Rules[r.RuleIndex].ID; got != r.RuleID {
			t.Errorf("the index of rule %s leads to %s", r.RuleID, got)
		}
	}
	return results
}

// TestSARIFForCodeScanning checks what GitHub makes of a file: it opens an alert for every result, also for suppressed
// ones, and closes those that are missing.
func TestSARIFForCodeScanning(t *testing.T) {
	r := fixture(t)
	run := decodeSARIF(t, r, SARIF{})
	if run.Automation != nil {
		t.Errorf("automationDetails = %v, want none: the upload action sets its category only then", *run.Automation)
	}
	for _, result := range run.Results {
		if len(result.Suppressions) > 0 || result.Kind != "fail" || result.Level == "none" {
			t.Errorf("%s has kind %s, level %s and %d suppressions, want an unsuppressed failure", result.Message.Text,
				result.Kind, result.Level, len(result.Suppressions))
		}
		if region := result.Locations[0].Physical.Region; region != (sarifRegion{1, 1, 1, 1}) {
			t.Errorf("region = %v, want all four numbers", region)
		}
	}
	if run.Invocations[0].Successful {
		t.Error("executionSuccessful = true with undecided controls and unreachable locations, want false")
	}
	results := byRule(t, run)
	if got, want := len(results[ruleUnreachable]), len(newReportRows(r).notWaived()); got != want {
		t.Errorf("%d results of %s, want %d", got, ruleUnreachable, want)
	}
	if got, want := len(results[ruleUndecided]), len(r.Undecided); got != want {
		t.Errorf("%d results of %s, want %d", got, ruleUndecided, want)
	}
	undecided := map[string]bool{}
	for _, f := range r.Undecided {
		undecided[f.Control] = true
	}
	for _, f := range r.Findings {
		delete(undecided, f.Control)
	}
	for _, rule := range run.Tool.Driver.Rules {
		tags, _ := rule.Properties["tags"].([]any)
		if len(tags) > maxTags {
			t.Errorf("rule %s has %d tags, want at most %d", rule.ID, len(tags), maxTags)
		}
		if score := rule.Properties["security-severity"]; score != nil && undecided[rule.ID] {
			t.Errorf("rule %s has the severity %v, but its only result is undecided", rule.ID, score)
		}
	}

	suppressed := decodeSARIF(t, r, SARIF{Suppressed: true, Category: "prod"})
	if got, want := len(suppressed.Results)-len(run.Results), len(r.Waived); got != want {
		t.Errorf("with suppressed results there are %d more, want %d", got, want)
	}
	if got := suppressed.Automation; got == nil || got.ID != "prod/" {
		t.Errorf("automationDetails = %v, want the id prod/", got)
	}
}

// TestSARIFComplete checks that a complete audit is a successful execution, and that fingerprints do not depend on the
// time or on the reason.
func TestSARIFComplete(t *testing.T) {
	r := fixture(t)
	r.Undecided, r.Unreachable = nil, nil
	first := decodeSARIF(t, r, SARIF{})
	if !first.Invocations[0].Successful {
		t.Error("executionSuccessful = false for a complete audit, want true")
	}
	r.FinishedAt = at(t, "2027-01-01T00:00:00Z")
	for i := range r.Findings {
		r.Findings[i].Reason += " since yesterday"
	}
	second := decodeSARIF(t, r, SARIF{})
	seen := map[string]bool{}
	for i, result := range first.Results {
		print := result.Fingerprints["primaryLocationLineHash"]
		if seen[print] || print != second.Results[i].Fingerprints["primaryLocationLineHash"] {
			t.Errorf("the fingerprint of %q is not unique and stable", result.Message.Text)
		}
		seen[print] = true
	}
}

// TestOCSFActivity checks the life of a finding: created, updated by later audits, closed once the control holds.
func TestOCSFActivity(t *testing.T) {
	activities := func(r *v1alpha1.AuditReport) map[string]int {
		var findings []ocsfFinding
		if err := json.Unmarshal([]byte(render(t, "ocsf", r)), &findings); err != nil {
			t.Fatal(err)
		}
		ids := map[string]int{}
		for _, f := range findings {
			ids[f.Info.UID] = f.ActivityID
			if f.TypeUID != f.ClassUID*100+f.ActivityID {
				t.Errorf("type_uid = %d for activity %d", f.TypeUID, f.ActivityID)
			}
		}
		return ids
	}
	r := fixture(t)
	payments, ledger := r.Items[0].Cluster.ARN, r.Items[1].Cluster.ARN
	got := activities(r)
	for id, want := range map[string]int{payments + "/ENC-2": 3, ledger + "/ENC-3": 2} {
		if got[id] != want {
			t.Errorf("activity of %s = %d, want %d", strings.TrimPrefix(id, "arn:aws:eks:"), got[id], want)
		}
	}
	r.Changes.New = []string{ledger}
	if got := activities(r)[ledger+"/ENC-3"]; got != 1 {
		t.Errorf("activity of a new cluster = %d, want 1", got)
	}
	r.Changes = nil
	if got := activities(r)[payments+"/ENC-2"]; got != 1 {
		t.Errorf("activity without an earlier report = %d, want 1", got)
	}
}
