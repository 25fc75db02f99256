package attest

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestReportsAreConsistent(t *testing.T) {
	for kind, report := range reports() {
		must(t, CheckConsistency(report))
		if newReport(kindOf(report)) == nil {
			t.Errorf("%s: the kind %q cannot be evidence", kind, kindOf(report))
		}
	}
	for name, change := range map[string]func(*v1alpha1.CoverageReport){
		"no objects": func(r *v1alpha1.CoverageReport) {
			r.Resources, r.Servers, r.Agreement = nil, nil, nil
		},
		"all gone": func(r *v1alpha1.CoverageReport) {
			r.Resources[0] = v1alpha1.ResourceCoverage{Resource: "secrets", Total: 3, Gone: 3}
			r.Agreement.After = v1alpha1.AgreementUnknown
		},
		"by metrics": func(r *v1alpha1.CoverageReport) {
			r.Method, r.Agreement, r.Control = v1alpha1.MethodMetrics, nil, ""
			r.Resources[0].Stale = 0
		},
		"recorded": func(r *v1alpha1.CoverageReport) {
			r.Verdict, r.Method = v1alpha1.CoverageRecorded, v1alpha1.MethodReadOnly
			r.Servers, r.Agreement, r.Control = nil, nil, ""
		},
		"contradicted": func(r *v1alpha1.CoverageReport) {
			r.Verdict, r.Control = v1alpha1.CoverageContradicted, v1alpha1.ControlContradicted
		},
		"more failures than are listed": func(r *v1alpha1.CoverageReport) {
			r.Verdict, r.Resources[0].Failed, r.Resources[0].Total = v1alpha1.CoverageIncomplete, 2, 8
			r.Resources[0].Failures = []v1alpha1.Failure{{Name: "a"}}
		},
	} {
		r := coverage()
		change(r)
		if err := CheckConsistency(r); err != nil {
			t.Errorf("%s: CheckConsistency = %v, want nil", name, err)
		}
	}
}

func TestCoverageContradictions(t *testing.T) {
	for want, change := range map[string]func(*v1alpha1.CoverageReport){
		"the total 6 is not 2 current + 4": func(r *v1alpha1.CoverageReport) { r.Resources[0].Rewritten = 4 },
		"a count is negative": func(r *v1alpha1.CoverageReport) {
			r.Resources[0].Current, r.Resources[0].Rewritten = -1, 6
		},
		"5 are stale, and only 4":   func(r *v1alpha1.CoverageReport) { r.Resources[0].Stale = 5 },
		"1 failures are listed":     func(r *v1alpha1.CoverageReport) { r.Resources[0].Failures = []v1alpha1.Failure{{}} },
		"secrets is counted twice":  func(r *v1alpha1.CoverageReport) { r.Resources = append(r.Resources, r.Resources[0]) },
		`the verdict "" does not`:   func(r *v1alpha1.CoverageReport) { r.Verdict = "" },
		"it ended before it began":  func(r *v1alpha1.CoverageReport) { r.StartedAt = at(6) },
		"both Match and Unverified": func(r *v1alpha1.CoverageReport) { r.Cluster.Guard = v1alpha1.GuardUnverified },
		"nothing proves which":      func(r *v1alpha1.CoverageReport) { r.Cluster.Guard, r.Guard = "", nil },
		"control contradicts":       func(r *v1alpha1.CoverageReport) { r.Control = v1alpha1.ControlContradicted },
		"the API servers disagree":  func(r *v1alpha1.CoverageReport) { r.Agreement.Before = v1alpha1.Disagree },
		"not shown to agree":        func(r *v1alpha1.CoverageReport) { r.Agreement.After = v1alpha1.AgreementUnknown },
		"not every API server":      func(r *v1alpha1.CoverageReport) { r.Servers.Reached = 1 },
		"reading names proves":      func(r *v1alpha1.CoverageReport) { r.Method = v1alpha1.MethodReadOnly },
		"1 objects are stale":       func(r *v1alpha1.CoverageReport) { r.Method = v1alpha1.MethodMetrics },
		"Recorded, but the method":  func(r *v1alpha1.CoverageReport) { r.Verdict = v1alpha1.CoverageRecorded },
		"Contradicted, but no control": func(r *v1alpha1.CoverageReport) {
			r.Verdict = v1alpha1.CoverageContradicted
		},
		"Stale, but no object": func(r *v1alpha1.CoverageReport) {
			r.Verdict, r.Resources[0].Stale = v1alpha1.CoverageStale, 0
		},
		"Proven, but 1 objects are unproven or failed": func(r *v1alpha1.CoverageReport) {
			r.Resources[0].Unproven, r.Resources[0].Total = 1, 7
		},
		"Proven, but 2 objects are unproven or failed": func(r *v1alpha1.CoverageReport) {
			r.Resources[0].Failed, r.Resources[0].Total = 2, 8
		},
		"NotProven, but the control contradicts": func(r *v1alpha1.CoverageReport) {
			r.Verdict, r.Control = v1alpha1.CoverageNotProven, v1alpha1.ControlContradicted
		},
	} {
		r := coverage()
		change(r)
		inAudit := audit()
		inAudit.Coverage[0] = *r
		for _, err := range []error{CheckConsistency(r), CheckConsistency(inAudit)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("CheckConsistency = %v, want %q", err, want)
			}
		}
	}
}

func TestStatusContradictions(t *testing.T) {
	for want, change := range map[string]func(*v1alpha1.EncryptionReport){
		`the verdict "Fine" does not`:      func(r *v1alpha1.EncryptionReport) { r.Encryption.Verdict = "Fine" },
		`the scope "None" does not belong`: func(r *v1alpha1.EncryptionReport) { r.Encryption.Scope = v1alpha1.ScopeNone },
		"and the key is":                   func(r *v1alpha1.EncryptionReport) { r.Encryption.KeyARN = "" },
		"AWSOwnedKey, and the key is": func(r *v1alpha1.EncryptionReport) {
			r.Encryption.Verdict = v1alpha1.VerdictAWSOwnedKey
		},
		"the described key x":          func(r *v1alpha1.EncryptionReport) { r.Key.ARN = "x" },
		"both Match and Mismatch":      func(r *v1alpha1.EncryptionReport) { r.Cluster.Guard = v1alpha1.GuardMismatch },
		"ENC-1 is Fail, and the":       func(r *v1alpha1.EncryptionReport) { r.Controls[0].Result = v1alpha1.ResultFail },
		"ENC-3 is Pass, and the facts": func(r *v1alpha1.EncryptionReport) { r.Key.Usable = v1alpha1.UsableNo },
	} {
		r := status()
		change(r)
		inList, inAudit := list(), audit()
		inList.Items[0], inAudit.Items[0] = *r, *r
		for _, err := range []error{CheckConsistency(r), CheckConsistency(inList), CheckConsistency(inAudit)} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("CheckConsistency = %v, want %q", err, want)
			}
		}
	}
}

func TestAuditContradictions(t *testing.T) {
	for want, change := range map[string]func(*v1alpha1.AuditReport){
		"counts 3 clusters":         func(r *v1alpha1.AuditReport) { r.Summary.Clusters = 3 },
		"counts 0 findings":         func(r *v1alpha1.AuditReport) { r.Summary.Findings = 0 },
		"counts 0 undecided":        func(r *v1alpha1.AuditReport) { r.Undecided = r.Findings },
		"counts 0 waived":           func(r *v1alpha1.AuditReport) { r.Waived = []v1alpha1.Waived{{}} },
		"counts other verdicts":     func(r *v1alpha1.AuditReport) { r.Summary.ByVerdict[v1alpha1.VerdictUnknown] = 1 },
		"other verdicts or results": func(r *v1alpha1.AuditReport) { delete(r.Summary.ByControl, "ENC-4") },
		`the outcome "Holds" does`:  func(r *v1alpha1.AuditReport) { r.Summary.Outcome = v1alpha1.OutcomeHolds },
		`the outcome "" does`:       func(r *v1alpha1.AuditReport) { r.Summary.Outcome = "" },
		`the outcome "CannotTell" do`: func(r *v1alpha1.AuditReport) {
			r.Summary.Outcome = v1alpha1.OutcomeCannotTell
		},
		"0 findings and 1 missing": func(r *v1alpha1.AuditReport) {
			r.Findings, r.Summary.Findings = nil, 0
			r.Unreachable, r.Summary.Outcome = []v1alpha1.Unreachable{{}}, v1alpha1.OutcomeHolds
		},
		"it ended before": func(r *v1alpha1.AuditReport) { r.StartedAt = at(9) },
	} {
		r := audit()
		change(r)
		if err := CheckConsistency(r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("CheckConsistency = %v, want %q", err, want)
		}
	}
	contexts := audit() // an earlier version counted contexts of something else as clusters
	contexts.Summary.Clusters, contexts.Summary.NotEKS = 2, 0
	contexts.Summary.ByVerdict[v1alpha1.VerdictNotApplicable]++
	must(t, CheckConsistency(contexts))
	regressions := audit() // --fail-on regression: known findings do not count
	regressions.Changes, regressions.Summary.Outcome = &v1alpha1.AuditChanges{}, v1alpha1.OutcomeHolds
	must(t, CheckConsistency(regressions))
	if err := CheckConsistency(&v1alpha1.KeyList{}); err == nil {
		t.Error("CheckConsistency of a list of keys = nil, want an error")
	}
}
