package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Trend returns the numbers of the earlier reports and of the current one, the oldest
// first. The current report is always the last point. A point states what of its scope
// differs from the current audit, and why it cannot be compared with the one before.
func (h *History) Trend(current *v1alpha1.AuditReport) []v1alpha1.AuditPoint {
	audits := append(slices.Clone(h.audits), summarize(current))
	slices.SortStableFunc(audits[:len(h.audits)], func(a, b audited) int { return a.time().Compare(b.time()) })
	points := make([]v1alpha1.AuditPoint, len(audits))
	for i, a := range audits {
		points[i] = a.point
		points[i].OtherScope = otherScope(a, audits[len(audits)-1])
		if i > 0 {
			points[i].NotComparable = notComparable(audits[i-1], a)
		}
	}
	return points
}

// audited is what Trend needs of a report. It does not hold the clusters, so that many large reports fit into memory.
type audited struct {
	name  string // for messages
	point v1alpha1.AuditPoint
	// report has no items and no other list that grows with the clusters.
	report *v1alpha1.AuditReport
}

func (a audited) time() time.Time { return finished(a.report) }

// finished returns the time of a report, or the zero time if it has none.
func finished(r *v1alpha1.AuditReport) time.Time {
	if t := cmp.Or(r.FinishedAt, r.StartedAt); t != nil {
		return t.Time
	}
	return time.Time{}
}

// summarize counts what the lists of the report hold.
func summarize(r *v1alpha1.AuditReport) audited {
	p := v1alpha1.AuditPoint{Time: cmp.Or(r.FinishedAt, r.StartedAt), Outcome: r.Summary.Outcome,
		Verdicts: map[v1alpha1.Verdict]int{}, Severities: map[v1alpha1.Severity]int{},
		Findings: len(r.Findings), Undecided: len(r.Undecided), Waived: len(r.Waived), Unreachable: len(r.Unreachable)}
	for i := range r.Items {
		if encryption.NotEKS(&r.Items[i]) {
			continue
		}
		p.Clusters++
		p.Verdicts[r.Items[i].Encryption.Verdict]++
	}
	for _, f := range r.Findings {
		p.Severities[f.Severity]++
	}
	for _, a := range r.Scope.Answered {
		p.Answered += len(a.Regions)
	}
	return audited{point: p, report: &v1alpha1.AuditReport{Scope: r.Scope, StartedAt: r.StartedAt,
		FinishedAt: r.FinishedAt, Rules: r.Rules, Standard: r.Standard, Unreachable: r.Unreachable}}
}

// otherScope names the parts of scope and rules that differ. The accounts of an organization or of its units differ if
// the organization has changed, which is not another scope.
func otherScope(a, b audited) []string {
	was, is := a.report.Scope, b.report.Scope
	flag := func(set bool) []string { return []string{fmt.Sprint(set)} }
	accounts := [2][]string{was.Accounts, is.Accounts}
	if was.Organization || len(was.OrganizationalUnits) > 0 {
		accounts = [2][]string{}
	}
	var names []string
	for _, part := range []struct {
		name    string
		was, is []string
	}{
		{"contexts", was.Contexts, is.Contexts},
		{"regions", was.Regions, is.Regions},
		{"organization", flag(was.Organization), flag(is.Organization)},
		{"organizational units", was.OrganizationalUnits, is.OrganizationalUnits},
		{"accounts", accounts[0], accounts[1]},
		{"excluded regions", was.ExcludedRegions, is.ExcludedRegions},
		{"excluded accounts", was.ExcludedAccounts, is.ExcludedAccounts},
		{"shard", []string{was.Shard}, []string{is.Shard}},
		{"filters", was.Filters, is.Filters},
		{"controls", was.Controls, is.Controls},
		{"standard", standardName(a.report), standardName(b.report)},
		{"approved keys", approvedKeys(a.report, b.report), approvedKeys(b.report, a.report)},
	} {
		if different(part.was, part.is) {
			names = append(names, part.name)
		}
	}
	return names
}

func standardName(r *v1alpha1.AuditReport) []string {
	if r.Standard == nil {
		return nil
	}
	return []string{r.Standard.Name}
}

// approvedKeys returns the approved keys of a report, or nothing if the report or the other one names no rules, which
// reports of earlier versions do.
func approvedKeys(r, other *v1alpha1.AuditReport) []string {
	if r.Rules == nil || other.Rules == nil {
		return nil
	}
	return r.Rules.ApprovedKeys
}

// notComparable returns why the numbers of two audits cannot be compared. New accounts of an organization are not a
// reason, because the earlier audit did not leave out their clusters.
func notComparable(was, is audited) []string {
	var reasons []string
	for _, name := range otherScope(was, is) {
		reasons = append(reasons, "other "+name)
	}
	if n := len(lostPlaces(was.report, is.report)) + unseen(is.report, was.report); n > 0 {
		reasons = append(reasons, countPlaces(n)+" of the earlier audit missing")
	}
	if n := unseen(was.report, is.report); n > 0 {
		reasons = append(reasons, countPlaces(n)+" missing earlier")
	}
	return reasons
}

func countPlaces(n int) string {
	if n == 1 {
		return "1 location"
	}
	return fmt.Sprintf("%d locations", n)
}

// unseen counts the places that the report could not query and the other one could.
func unseen(r, other *v1alpha1.AuditReport) int {
	n := 0
	for _, u := range r.Unreachable {
		if saw(other, u) {
			n++
		}
	}
	return n
}

// saw reports whether the report could query a place, or may have queried it.
func saw(r *v1alpha1.AuditReport, place v1alpha1.Unreachable) bool {
	if slices.ContainsFunc(r.Unreachable, func(u v1alpha1.Unreachable) bool {
		return u.Context == place.Context && u.Account == place.Account && (u.Region == "" || u.Region == place.Region)
	}) {
		return false
	}
	if len(r.Scope.Answered) == 0 { // of a kubeconfig, or of an earlier version
		return true
	}
	return slices.ContainsFunc(r.Scope.Answered, func(a v1alpha1.AccountRegions) bool {
		return a.Account == place.Account && (place.Region == "" || slices.Contains(a.Regions, place.Region))
	})
}
