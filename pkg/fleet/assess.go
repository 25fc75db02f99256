// Package fleet audits many clusters. Gather finds the clusters of regions and accounts
// and queries them concurrently, within the quotas of AWS. Assess evaluates the results
// against controls, approved keys and waivers. Compare finds the differences from an
// earlier audit.
//
// Whatever could not be queried stays in the report, as Unknown with the reason. Only
// Gather and the functions it uses (gather.go, accounts.go, aws.go) call AWS.
package fleet

import (
	"fmt"
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Answers are the results of the queries, the input of Assess.
type Answers struct {
	Items       []v1alpha1.EncryptionReport
	Unreachable []v1alpha1.Unreachable
	// Data maps cluster ARNs to the result of checking the existing data, if requested.
	Data  map[string]Data
	Notes []string
	// StartedAt is the time of the first query.
	StartedAt time.Time
	// Sources are the earlier reports that the answers come from, and FinishedAt is when they
	// ended. Zero means Rules.Now.
	Sources    []v1alpha1.AuditSource
	FinishedAt time.Time
	// EmptyShard is true if the shard has none of the accounts, so that no cluster is expected.
	EmptyShard bool
	// Stopped is true if the audit was stopped before everything was queried.
	Stopped bool
}

// Data is the coverage of the existing data of a cluster, or the reason why it was not
// checked.
type Data struct {
	Coverage *v1alpha1.CoverageReport
	Err      error
}

// dataOf returns the data of a cluster. What was checked through one kube context does not count for another one that
// names the same cluster: nothing shows that it leads there.
func (a *Answers) dataOf(cluster *v1alpha1.Cluster) Data {
	data := a.Data[cluster.ARN]
	if data.Coverage == nil {
		return data
	}
	if through := data.Coverage.Cluster.Context; through != "" && cluster.Context != "" && through != cluster.Context {
		return Data{Err: fmt.Errorf("only kube context %q is verified to lead to the cluster", through)}
	}
	return data
}

// Assess evaluates the answers against the rules. It performs no I/O and does not change
// its arguments.
func Assess(a Answers, rules Rules) *v1alpha1.AuditReport {
	started := metav1.NewTime(a.StartedAt.UTC().Truncate(time.Second))
	finished := metav1.NewTime(rules.Now.UTC().Truncate(time.Second))
	out := &v1alpha1.AuditReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport), StartedAt: &started, FinishedAt: &finished,
		ObjectMeta: metav1.ObjectMeta{Name: "audit-" + started.Format("20060102-150405")},
		Scope:      v1alpha1.AuditScope{Controls: rules.Controls}, Unreachable: rules.waivePlaces(a.Unreachable),
		Controls: rules.definitions(),
		Items:    slices.Clone(a.Items), // never null in JSON
		Summary: v1alpha1.AuditSummary{
			ByVerdict: map[v1alpha1.Verdict]int{},
			ByControl: map[string]map[v1alpha1.Result]int{},
		},
	}
	if out.Items == nil {
		out.Items = []v1alpha1.EncryptionReport{}
	}
	if !a.FinishedAt.IsZero() {
		observed := metav1.NewTime(a.FinishedAt.UTC().Truncate(time.Second))
		out.FinishedAt, out.JudgedAt, out.Sources = &observed, &finished, a.Sources
		for i := range out.Items {
			refresh(&out.Items[i], rules.Now)
		}
	}
	for i := range out.Items {
		r := &out.Items[i]
		data := a.dataOf(&r.Cluster)
		if data.Coverage != nil {
			out.Coverage = append(out.Coverage, *data.Coverage)
		}
		rules.evaluate(r, data)
		rules.collect(r, out)
		if encryption.NotEKS(r) {
			out.Summary.NotEKS++
		} else {
			out.Summary.Clusters++
			out.Summary.ByVerdict[r.Encryption.Verdict]++
		}
		for _, c := range r.Controls {
			if out.Summary.ByControl[c.ID] == nil {
				out.Summary.ByControl[c.ID] = map[v1alpha1.Result]int{}
			}
			out.Summary.ByControl[c.ID][c.Result]++
		}
	}
	out.Keys = GroupByKey(out.Items, rules.Now)
	out.OtherTools = scannerResults(out.Items)
	sortFindings(out.Findings)
	sortFindings(out.Undecided)
	sortWaived(out.Waived)
	out.Rules, out.Standard = rules.applied(out), rules.standardView(out)
	out.Notes = append(slices.Clone(a.Notes), judgementNotes(out)...)
	s := &out.Summary
	s.Findings, s.Undecided, s.Waived = len(out.Findings), len(out.Undecided), len(out.Waived)
	s.Unreachable = len(out.Unreachable)
	if s.Outcome = outcome(out); a.EmptyShard && s.Clusters == 0 && len(out.Unreachable) == 0 {
		s.Outcome = v1alpha1.OutcomeHolds // the other shards have all accounts
	}
	return out
}

// sourceNotes returns a note that names the earlier reports that the facts come from.
func sourceNotes(r *v1alpha1.AuditReport) []string {
	if len(r.Sources) == 0 || r.StartedAt == nil || r.FinishedAt == nil || r.JudgedAt == nil {
		return nil
	}
	var paths []string
	for _, s := range r.Sources {
		paths = append(paths, s.Path)
	}
	return []string{fmt.Sprintf("the facts were observed from %s to %s, and the rules applied at %s; earlier reports: %s",
		clock.Minute(r.StartedAt.Time), clock.Minute(r.FinishedAt.Time), clock.Minute(r.JudgedAt.Time), someOf(paths))}
}

// judgementNotes returns the notes that follow from the other content of the report.
func judgementNotes(r *v1alpha1.AuditReport) []string {
	notes := sourceNotes(r)
	for i := range r.Items {
		if passing := encryption.Transition(&r.Items[i]); passing != "" {
			notes = append(notes, "cluster "+clusterText(&r.Items[i])+": "+passing)
		}
	}
	return append(append(notes, expiryNotes(r.Keys)...), WaiverNotes(r)...)
}

// outcome sums up the report. A finding takes precedence over unknown results. An audit
// without any EKS cluster to judge is CannotTell.
func outcome(r *v1alpha1.AuditReport) v1alpha1.AuditOutcome {
	switch {
	case len(r.Findings) > 0:
		return v1alpha1.OutcomeFinding
	case incomplete(r):
		return v1alpha1.OutcomeCannotTell
	}
	return v1alpha1.OutcomeHolds
}

// incomplete reports whether something is unknown, or no cluster could be judged. A place whose waiver is valid is not
// unknown.
func incomplete(r *v1alpha1.AuditReport) bool {
	toJudge := func(i v1alpha1.EncryptionReport) bool { return i.Cluster.ARN != "" && encryption.Transition(&i) == "" }
	return somethingUnknown(r) || !slices.ContainsFunc(r.Items, toJudge)
}

// somethingUnknown reports whether a control is undecided, or a place could not be queried and has no waiver.
func somethingUnknown(r *v1alpha1.AuditReport) bool {
	return len(r.Undecided) > 0 || len(encryption.NotWaived(r.Unreachable)) > 0
}
