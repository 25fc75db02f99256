package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// endingDays is the number of days before its end at which a waiver is named.
const endingDays = 14

// applied returns the rules as the report states them, with what each waiver covers.
func (r *Rules) applied(out *v1alpha1.AuditReport) *v1alpha1.AuditRules {
	applied := &v1alpha1.AuditRules{
		ApprovedKeys: r.Approved, MaxWaiverDays: r.MaxWaiverDays, Files: r.Files,
	}
	for i := range r.Waivers {
		w := &r.Waivers[i]
		end, err := w.end()
		if err != nil {
			continue // ParseWaivers refuses it
		}
		last := metav1.NewTime(end.Add(-time.Second))
		a := v1alpha1.AuditWaiver{
			Cluster: w.Cluster, Place: w.Place, Control: w.Control, Reason: w.Reason, Owner: w.Owner, Expires: &last,
		}
		var problems []string
		days := int(end.Sub(r.Now.UTC().Truncate(24*time.Hour))/(24*time.Hour)) - 1
		switch {
		case !r.Now.Before(end):
			problems = append(problems, "it expired on "+last.Format(day))
		case days == 0:
			problems = append(problems, "it ends today")
		case days <= endingDays:
			problems = append(problems, fmt.Sprintf("it ends in %s, on %s", dayCount(days), last.Format(day)))
		}
		unused := ""
		if a.Covers, unused = r.coverage(w, out); unused != "" {
			problems = append(problems, unused)
		}
		a.Problem = strings.Join(problems, "; ")
		applied.Waivers = append(applied.Waivers, a)
	}
	return applied
}

// coverage returns how many findings or places the waiver covers, whether or not it has expired, and why it covers
// none.
func (r *Rules) coverage(w *Waiver, out *v1alpha1.AuditReport) (covers int, unused string) {
	if w.Place != "" {
		for _, u := range out.Unreachable {
			if matchesPlace(w.Place, u) {
				covers++
			}
		}
		if covers == 0 {
			unused = "it matches nothing: no unreachable location matches it"
		}
		return covers, unused
	}
	for _, f := range out.Findings {
		if w.covers(f.Cluster, f.Name, f.Control) {
			covers++
		}
	}
	for _, f := range out.Waived {
		if w.covers(f.Cluster, f.Name, f.Control) {
			covers++
		}
	}
	switch {
	case covers > 0:
	case !slices.ContainsFunc(out.Items, func(i v1alpha1.EncryptionReport) bool {
		return w.coversCluster(identity(&i), i.Cluster.Name)
	}):
		unused = "it matches nothing: no cluster of this audit matches it"
	case !slices.Contains(r.Controls, w.Control):
		unused = "it matches nothing: this audit does not enforce " + w.Control
	case slices.ContainsFunc(out.Items, w.hasResult(v1alpha1.ResultUnknown)): // it may be needed
	case slices.ContainsFunc(out.Items, w.hasResult(v1alpha1.ResultFail)): // only a standard leaves out failures
		unused = fmt.Sprintf("it matches nothing: by %s, a failure of %s does not count for a cluster that it matches",
			r.Standard, w.Control)
	default:
		unused = "it matches nothing: no cluster that it matches fails " + w.Control
	}
	return covers, unused
}

// hasResult returns a function that reports whether the waiver matches a cluster, and its control has this result
// there.
func (w *Waiver) hasResult(want v1alpha1.Result) func(v1alpha1.EncryptionReport) bool {
	return func(item v1alpha1.EncryptionReport) bool {
		return w.coversCluster(identity(&item), item.Cluster.Name) &&
			slices.ContainsFunc(item.Controls, func(c v1alpha1.Control) bool {
				result, _ := effective(&item, c)
				return c.ID == w.Control && result == want
			})
	}
}

// WaiverNotes returns a note for each waiver that its owner should look at.
func WaiverNotes(r *v1alpha1.AuditReport) []string {
	if r.Rules == nil {
		return nil
	}
	var notes []string
	for i, a := range r.Rules.Waivers {
		if a.Problem == "" {
			continue
		}
		w := Waiver{Cluster: a.Cluster, Place: a.Place, Control: a.Control, Owner: a.Owner}
		notes = append(notes, fmt.Sprintf("waiver %d (%s): %s", i+1, &w, a.Problem))
	}
	return notes
}

func dayCount(n int) string {
	if n == 1 {
		return "1 day"
	}
	return fmt.Sprintf("%d days", n)
}
