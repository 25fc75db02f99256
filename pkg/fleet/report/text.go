package report

import (
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// verdicts in the order in which they are shown, the best first.
func verdicts() []v1alpha1.Verdict {
	return []v1alpha1.Verdict{v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey,
		v1alpha1.VerdictNotEncrypted, v1alpha1.VerdictNotApplicable, v1alpha1.VerdictUnknown}
}

// verdictText say a verdict to somebody who has not read the documentation.
func verdictText(v v1alpha1.Verdict) string {
	switch v {
	case v1alpha1.VerdictCustomerManagedKey:
		return "Encrypted with a customer-managed key"
	case v1alpha1.VerdictAWSOwnedKey:
		return "Encrypted with a key that AWS owns"
	case v1alpha1.VerdictNotEncrypted:
		return "Not envelope-encrypted"
	case v1alpha1.VerdictNotApplicable:
		return "Not applicable"
	}
	return "Could not be told"
}

// word is the state in one word or two, for a cell.
func (s rowState) Short() string {
	switch s {
	case stateFinding:
		return "Fail"
	case stateNotApplicable:
		return "n/a"
	case stateInfo:
		return "Fail*"
	case stateNotAnswered:
		return "Unknown*"
	}
	return string(s)
}

// headline says the outcome in one line.
func (v *reportRows) Headline() string {
	findings, undecided := v.rows(stateFinding), v.rows(stateUndecided)
	switch v.outcome() {
	case v1alpha1.OutcomeFinding:
		return fmt.Sprintf("%s in %d of %s", count(len(findings), "finding"), clustersIn(findings), count(len(v.Clusters), "cluster"))
	case v1alpha1.OutcomeHolds:
		return fmt.Sprintf("Everything that was asked holds in %s", count(len(v.Clusters), "cluster"))
	}
	if len(undecided) == 0 {
		return fmt.Sprintf("It can't be told: %s could not be asked", count(len(v.Unreachable), "place"))
	}
	return fmt.Sprintf("It can't be told: %s undecided in %d of %s", count(len(undecided), "control"), clustersIn(undecided), count(len(v.Clusters), "cluster"))
}

// detail says what the headline leaves out.
func (v *reportRows) Detail() string {
	var parts []string
	if n := len(v.rows(stateUndecided)); n > 0 && v.outcome() == v1alpha1.OutcomeFinding {
		parts = append(parts, count(n, "control")+" could not be answered")
	}
	if n := len(v.Unreachable); n > 0 {
		parts = append(parts, count(n, "place")+" could not be asked, so what is there is not in this report")
	}
	if n := len(v.Waived); n > 0 {
		parts = append(parts, count(n, "finding")+" waived")
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "."
}

func clustersIn(rows []row) int {
	ids := map[string]bool{}
	for _, r := range rows {
		ids[r.Cluster.ID] = true
	}
	return len(ids)
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}

func moment(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func day(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format("2006-01-02")
}

// waiverText say who answers for a finding, why and until when.
func waiverText(w *v1alpha1.Waived) string {
	s := w.Reason
	if w.Owner != "" {
		s += " (" + w.Owner + ")"
	}
	if w.Expires != nil {
		s += ", until " + day(w.Expires)
	}
	return s
}

func expiredText(w *v1alpha1.Waived) string {
	return "The waiver expired on " + day(w.Expires) + ": " + strings.TrimSuffix(waiverText(&v1alpha1.Waived{Reason: w.Reason, Owner: w.Owner}), ".") + "."
}

func daysLeft(k v1alpha1.AuditKey) string {
	switch {
	case k.DaysLeft != nil && *k.DaysLeft == 1:
		return "1 day left"
	case k.DaysLeft != nil:
		return fmt.Sprintf("%d days left", *k.DaysLeft)
	case k.DeletionDate != nil:
		return "deletion on " + day(k.DeletionDate)
	}
	return ""
}

// location name a place that could not be asked.
func location(u v1alpha1.Unreachable) string {
	var parts []string
	if u.Context != "" {
		parts = append(parts, "context "+u.Context)
	}
	if u.Account != "" {
		parts = append(parts, "account "+u.Account)
	}
	if u.Region != "" {
		parts = append(parts, "region "+u.Region)
	}
	if len(parts) == 0 {
		return "a place without a name"
	}
	return strings.Join(parts, ", ")
}

// scopeLines say what the audit was asked to look at.
func (v *reportRows) ScopeFacts() []fact {
	s := v.Scope
	var lines []fact
	add := func(name string, values []string) {
		if len(values) > 0 {
			lines = append(lines, fact{name, strings.Join(values, ", ")})
		}
	}
	add("Contexts", s.Contexts)
	add("Regions", s.Regions)
	add("Accounts", s.Accounts)
	if s.Organization {
		lines = append(lines, fact{"Organization", "the accounts are those of the AWS organization"})
	}
	add("Filters", s.Filters)
	add("Controls that decide", s.Controls)
	if v.StartedAt != nil {
		lines = append(lines, fact{"Started", moment(v.StartedAt)})
	}
	if v.FinishedAt != nil {
		lines = append(lines, fact{"Finished", moment(v.FinishedAt)})
	}
	return lines
}

// shorten cuts text to a number of characters, visibly.
func shorten(s string, limit int) string {
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}
