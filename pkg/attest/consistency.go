package attest

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// CheckConsistency returns an error if a report contradicts itself: its counts do not add up,
// or its verdict claims more than its facts show.
func CheckConsistency(report runtime.Object) error {
	switch r := report.(type) {
	case *v1alpha1.EncryptionReport:
		return checkEncryption(r)
	case *v1alpha1.EncryptionReportList:
		return checkItems(r.Items)
	case *v1alpha1.CoverageReport:
		return checkCoverage(r)
	case *v1alpha1.AuditReport:
		return checkAudit(r)
	}
	return fmt.Errorf("a report of type %T is not evidence", report)
}

func checkItems(items []v1alpha1.EncryptionReport) error {
	for i := range items {
		if err := checkEncryption(&items[i]); err != nil {
			return fmt.Errorf("cluster %s: %w", items[i].Cluster.Name, err)
		}
	}
	return nil
}

// scopes lists the scopes that a verdict can have.
func scopes(v v1alpha1.Verdict) []v1alpha1.Scope {
	switch v {
	case v1alpha1.VerdictCustomerManagedKey:
		return []v1alpha1.Scope{v1alpha1.ScopeAllAPIData, v1alpha1.ScopeSecrets, v1alpha1.ScopeUnknown}
	case v1alpha1.VerdictAWSOwnedKey:
		return []v1alpha1.Scope{v1alpha1.ScopeAllAPIData}
	case v1alpha1.VerdictNotEncrypted:
		return []v1alpha1.Scope{v1alpha1.ScopeNone}
	case v1alpha1.VerdictNotApplicable, v1alpha1.VerdictUnknown:
		return []v1alpha1.Scope{v1alpha1.ScopeUnknown}
	}
	return nil
}

func checkEncryption(r *v1alpha1.EncryptionReport) error {
	e := r.Encryption
	hasKey := e.Verdict == v1alpha1.VerdictCustomerManagedKey
	switch allowed := scopes(e.Verdict); {
	case allowed == nil:
		return fmt.Errorf("the verdict %q does not exist", e.Verdict)
	case !slices.Contains(allowed, e.Scope):
		return fmt.Errorf("the scope %q does not belong to the verdict %s", e.Scope, e.Verdict)
	case hasKey != (e.KeyARN != ""):
		return fmt.Errorf("the verdict is %s, and the key is %q", e.Verdict, e.KeyARN)
	case r.Key != nil && (!hasKey || r.Key.ARN != e.KeyARN):
		return fmt.Errorf("the described key %s is not that of the cluster", r.Key.ARN)
	case r.Guard != nil && r.Guard.Result != r.Cluster.Guard:
		return fmt.Errorf("the guard is both %s and %s", r.Guard.Result, r.Cluster.Guard)
	}
	return checkControls(r)
}

// checkControls compares the controls that follow from the report itself. In an audit, none applies to a cluster that
// EKS is creating or deleting.
func checkControls(r *v1alpha1.EncryptionReport) error {
	passing := encryption.Transition(r) != ""
	for _, want := range encryption.Controls(r) {
		if !slices.Contains([]string{"ENC-1", "ENC-2", "ENC-3"}, want.ID) {
			continue // the others need more than the report
		}
		for _, c := range r.Controls {
			if c.ID == want.ID && c.Result != want.Result && (!passing || c.Result != v1alpha1.ResultNotApplicable) {
				return fmt.Errorf("control %s is %s, and the facts of the report make it %s", c.ID, c.Result, want.Result)
			}
		}
	}
	return nil
}

func checkAudit(r *v1alpha1.AuditReport) error {
	if err := errors.Join(checkItems(r.Items), checkSummary(r), checkTimes(r.StartedAt, r.FinishedAt)); err != nil {
		return err
	}
	for i := range r.Coverage {
		if err := checkCoverage(&r.Coverage[i]); err != nil {
			return fmt.Errorf("data of cluster %s: %w", r.Coverage[i].Cluster.Name, err)
		}
	}
	return nil
}

func checkSummary(r *v1alpha1.AuditReport) error {
	s := r.Summary
	verdicts, controls := map[v1alpha1.Verdict]int{}, map[string]map[v1alpha1.Result]int{}
	clusters := 0
	notEKS := encryption.NotEKS
	if s.NotEKS == 0 && s.Clusters == len(r.Items) { // reports of earlier versions count every context
		notEKS = func(*v1alpha1.EncryptionReport) bool { return false }
	}
	for i := range r.Items {
		if !notEKS(&r.Items[i]) {
			clusters++
			verdicts[r.Items[i].Encryption.Verdict]++
		}
		for _, c := range r.Items[i].Controls {
			if controls[c.ID] == nil {
				controls[c.ID] = map[v1alpha1.Result]int{}
			}
			controls[c.ID][c.Result]++
		}
	}
	for _, count := range []struct {
		of        string
		got, want int
	}{
		{"clusters", s.Clusters, clusters}, {"contexts of something else", s.NotEKS, len(r.Items) - clusters}, {"findings", s.Findings, len(r.Findings)},
		{"undecided controls", s.Undecided, len(r.Undecided)}, {"waived findings", s.Waived, len(r.Waived)},
	} {
		if count.got != count.want {
			return fmt.Errorf("the summary counts %d %s, and the report lists %d", count.got, count.of, count.want)
		}
	}
	if s.Unreachable > 0 && s.Unreachable != len(r.Unreachable) { // reports of earlier versions do not count them
		return fmt.Errorf("the summary counts %d unreachable locations, and the report lists %d", s.Unreachable,
			len(r.Unreachable))
	}
	if !maps.Equal(s.ByVerdict, verdicts) || !maps.EqualFunc(s.ByControl, controls, maps.Equal) {
		return errors.New("the summary counts other verdicts or results of controls than the report lists")
	}
	return checkOutcome(r)
}

// checkOutcome compares the outcome with the findings. After --fail-on regression, findings
// that were known before do not count.
func checkOutcome(r *v1alpha1.AuditReport) error {
	missing := len(r.Undecided) + len(encryption.NotWaived(r.Unreachable))
	switch r.Summary.Outcome {
	case v1alpha1.OutcomeFinding:
		if len(r.Findings) > 0 || r.Changes != nil && len(r.Changes.Regressions) > 0 {
			return nil
		}
	case v1alpha1.OutcomeHolds:
		if missing == 0 && (len(r.Findings) == 0 || r.Changes != nil) {
			return nil
		}
	case v1alpha1.OutcomeCannotTell:
		if len(r.Findings) == 0 || r.Changes != nil {
			return nil
		}
	}
	return fmt.Errorf("the outcome %q does not follow from %d findings and %d missing results", r.Summary.Outcome,
		len(r.Findings), missing)
}

func checkTimes(started, finished *metav1.Time) error {
	if started != nil && finished != nil && finished.Before(started) {
		return errors.New("it ended before it began")
	}
	return nil
}
