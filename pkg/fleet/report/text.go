package report

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// noReason replaces an absent reason in formats that require one.
const noReason = "no reason is known"

// unenforcedHint explains the star in the table of clusters by control.
const unenforcedHint = "* For information only: this audit does not enforce the control."

// verdicts returns the verdicts in the order in which they are shown, the best first.
func verdicts() []v1alpha1.Verdict {
	return []v1alpha1.Verdict{v1alpha1.VerdictCustomerManagedKey, v1alpha1.VerdictAWSOwnedKey,
		v1alpha1.VerdictNotEncrypted, v1alpha1.VerdictNotApplicable, v1alpha1.VerdictUnknown}
}

// verdictText explains a verdict to readers who do not know the documentation.
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
	return "Could not be determined"
}

// Short returns the state in a word or two, for a cell.
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

// OutcomeText returns the outcome in one word.
func (v *reportRows) OutcomeText() string { return outcomeText(v.outcome()) }

func outcomeText(o v1alpha1.AuditOutcome) string {
	switch o {
	case v1alpha1.OutcomeHolds:
		return "Passed"
	case v1alpha1.OutcomeFinding:
		return "Findings"
	}
	return "Incomplete"
}

// Headline returns the outcome in one line.
func (v *reportRows) Headline() string {
	in := func(rows []row) string {
		ids := map[string]bool{}
		for _, r := range rows {
			ids[r.Cluster.ID] = true
		}
		return fmt.Sprintf(" in %d of %s", len(ids), count(len(v.Clusters), "cluster"))
	}
	findings, undecided := v.rows(stateFinding), v.rows(stateUndecided)
	switch v.outcome() {
	case v1alpha1.OutcomeFinding:
		return count(len(findings), "finding") + in(findings)
	case v1alpha1.OutcomeHolds:
		if len(findings) > 0 { // only regressions decide
			return "No regressions; " + count(len(findings), "known finding") + in(findings)
		}
		return "No open findings in " + count(len(v.Clusters), "cluster")
	}
	switch {
	case len(undecided) > 0:
		return "Incomplete: " + count(len(undecided), "undecided control") + in(undecided)
	case len(v.notWaived()) > 0:
		return "Incomplete: " + count(len(v.notWaived()), "location") + " could not be queried"
	case v.Changes != nil && len(v.Changes.LostSight)+len(v.Changes.LostPlaces) > 0:
		return "Incomplete: clusters or locations of the earlier report are no longer visible"
	case len(v.Clusters) == 0:
		return "Incomplete: no cluster was found"
	}
	return "Incomplete: not every result is known"
}

// Detail returns what the headline leaves out.
func (v *reportRows) Detail() string {
	var parts []string
	if n := len(v.rows(stateUndecided)); n > 0 && v.outcome() == v1alpha1.OutcomeFinding {
		parts = append(parts, count(n, "undecided control"))
	}
	if n := len(v.notWaived()); n > 0 {
		parts = append(parts, count(n, "location")+" could not be queried, so this report does not cover everything")
	}
	if n := len(v.Unreachable) - len(v.notWaived()); n > 0 {
		parts = append(parts, count(n, "location")+" not queried, by a waiver")
	}
	if n := len(v.Waived); n > 0 {
		parts = append(parts, count(n, "finding")+" waived")
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "."
}

// ChangesTitle returns the title of the comparison with an earlier report.
func (v *reportRows) ChangesTitle() string {
	if v.Changes == nil || v.Changes.Since == nil {
		return "Changes"
	}
	return "Changes since " + moment(v.Changes.Since)
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

// waiverText returns the reason, the owner and the last day of a waiver.
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
	text := waiverText(&v1alpha1.Waived{Reason: w.Reason, Owner: w.Owner})
	return "The waiver expired on " + day(w.Expires) + ": " + strings.TrimSuffix(text, ".") + "."
}

// advice returns the remedy, after a sentence about the expired waiver if there is one.
func advice(r row) string {
	if r.Waiver == nil {
		return r.Remedy
	}
	return strings.TrimSpace(expiredText(r.Waiver) + " " + r.Remedy)
}

// unreachableText returns why a place could not be queried, and the waiver that covers it.
func unreachableText(u v1alpha1.Unreachable) string {
	if u.Waiver == nil {
		return u.Reason
	}
	return "Waived: " + waiverText(u.Waiver) + ". " + u.Reason
}

func daysLeft(k v1alpha1.AuditKey) string {
	switch {
	case k.DaysLeft != nil:
		return count(*k.DaysLeft, "day") + " left"
	case k.DeletionDate != nil:
		return "deletion on " + day(k.DeletionDate)
	}
	return ""
}

// location names a context, account or region that could not be queried.
func location(u v1alpha1.Unreachable) string {
	var parts []string
	if u.Missing != "" {
		parts = append(parts, u.Missing)
	}
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
		return "unnamed location"
	}
	return strings.Join(parts, ", ")
}

// notWaived returns the places that could not be queried and that no waiver covers.
func (v *reportRows) notWaived() []v1alpha1.Unreachable { return encryption.NotWaived(v.Unreachable) }

// notQueried states which location could not be queried, and why.
func notQueried(u v1alpha1.Unreachable) string {
	return "Could not query " + location(u) + ": " + cmp.Or(u.Reason, noReason)
}

// toolVersion returns the version of the program that made the report, or "".
func (v *reportRows) toolVersion() string {
	if v.Tool == nil {
		return ""
	}
	return v.Tool.Version
}

// callerARN returns the ARN of the principal that made the audit, or "".
func (v *reportRows) callerARN() string {
	if v.Caller == nil {
		return ""
	}
	return v.Caller.ARN
}

// ScopeFacts returns the scope and the times of the audit.
func (v *reportRows) ScopeFacts() []fact {
	s := v.Scope
	var facts []fact
	add := func(name string, values ...string) {
		if value := strings.Join(values, ", "); value != "" {
			facts = append(facts, fact{name, value, len(values)})
		}
	}
	accounts := make([]string, len(s.Accounts))
	for i, id := range s.Accounts {
		accounts[i] = withReason(id, v.AccountName(id))
	}
	add("Contexts", s.Contexts...)
	add("Regions", s.Regions...)
	add("Accounts", accounts...)
	add("Shard", s.Shard)
	if s.Organization {
		add("Organization", "the accounts are those of the AWS organization")
	}
	add("Organizational units", s.OrganizationalUnits...)
	add("Excluded regions", s.ExcludedRegions...)
	add("Excluded accounts", s.ExcludedAccounts...)
	add("Role", s.RoleName)
	add("Filters", s.Filters...)
	add("Tool", v.toolText())
	add("Caller", v.callerText())
	for _, f := range v.ruleFiles() {
		add("File of "+f.Purpose, f.Path+" (sha256 "+f.SHA256+")")
	}
	if v.Standard != nil {
		add("Standard", v.Standard.Title)
	}
	add("Enforced controls", s.Controls...)
	add("Started", moment(v.StartedAt))
	add("Finished", moment(v.FinishedAt))
	add("Judged", moment(v.JudgedAt))
	for _, source := range v.Sources {
		add("Made from", sourceText(source))
	}
	for _, f := range ruleFacts(v.AuditReport) {
		if f.Key != "rule_files" {
			add(f.Name, f.Value)
		}
	}
	return facts
}

// shorten cuts s to limit characters; the last one is then an ellipsis.
func shorten(s string, limit int) string {
	if len(s) <= limit { // a character has at least one byte
		return s
	}
	runes := []rune(s)
	if len(runes) <= limit {
		return s
	}
	return string(runes[:limit-1]) + "…"
}

func (v *reportRows) toolText() string {
	if v.Tool == nil {
		return ""
	}
	return toolName + " " + v.Tool.Version
}

func (v *reportRows) callerText() string {
	if v.Caller == nil {
		return ""
	}
	return v.Caller.ARN
}

// sourceText names an earlier report, and who observed its facts.
func sourceText(s v1alpha1.AuditSource) string {
	parts := []string{"sha256 " + s.SHA256, "finished " + moment(s.FinishedAt)}
	if s.Shard != "" {
		parts = append(parts, "shard "+s.Shard)
	}
	if s.Tool != nil {
		parts = append(parts, toolName+" "+s.Tool.Version)
	}
	if s.Caller != nil {
		parts = append(parts, s.Caller.ARN)
	}
	return s.Path + " (" + strings.Join(parts, ", ") + ")"
}

func (v *reportRows) ruleFiles() []v1alpha1.RuleFile {
	if v.Rules == nil {
		return nil
	}
	return v.Rules.Files
}
