package fleet

import (
	"cmp"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Recorded is what earlier reports state, without their judgement: the input of Assess, and what Assess does not set.
type Recorded struct {
	Answers    Answers
	Scope      v1alpha1.AuditScope
	Provenance v1alpha1.Provenance
}

// Merge joins earlier reports, at least one. The shards of one audit become what one run would have gathered. If
// several reports have the same cluster, the later observation counts. A place counts as answered, unless a later
// report could not query it. The notes name what was left out. Merge performs no I/O and does not change its arguments.
func Merge(reports ...*v1alpha1.AuditReport) *Recorded {
	m := newMerger(reports)
	out := &Recorded{Scope: m.scope(), Provenance: m.provenance()}
	out.Answers = Answers{
		Items: m.items(), Unreachable: m.unreachable(), Data: m.data(), StartedAt: m.started, FinishedAt: m.finished,
		EmptyShard: !slices.ContainsFunc(m.reports, func(r *mergedReport) bool { return !emptyShard(r.AuditReport) }),
	}
	out.Scope.FilteredOut = slices.DeleteFunc(out.Scope.FilteredOut, func(id string) bool { return m.latest[id] != nil })
	out.Scope.Answered = m.answered()
	out.Answers.Notes = m.notes(out.Scope)
	return out
}

// Select leaves out the clusters that the filter excludes by name. Reports hold no tags.
func (r *Recorded) Select(f Filter) {
	conditions := f.Conditions()
	if len(conditions) == 0 {
		return
	}
	r.Scope.Filters = append(r.Scope.Filters, missing(conditions, r.Scope.Filters)...)
	before := filterNotes(len(r.Scope.FilteredOut))
	r.Answers.Items = slices.DeleteFunc(r.Answers.Items, func(item v1alpha1.EncryptionReport) bool {
		out := !f.MatchesName(item.Cluster.Name)
		if out && item.Cluster.ARN != "" {
			r.Scope.FilteredOut = append(r.Scope.FilteredOut, item.Cluster.ARN)
		}
		return out
	})
	r.Scope.FilteredOut = distinct(r.Scope.FilteredOut)
	r.Answers.Notes = append(missing(r.Answers.Notes, before), filterNotes(len(r.Scope.FilteredOut))...)
}

// mergedReport is one of the reports, with indexes.
type mergedReport struct {
	*v1alpha1.AuditReport
	answered map[accountRegion]bool
	filtered map[string]bool // ARNs
}

// merger joins reports.
type merger struct {
	reports []*mergedReport // by the time of their end; of two that ended at the same time, in the order given
	given   []*mergedReport // in the order given
	// latest is the report of each cluster that was observed last, by ARN.
	latest            map[string]*mergedReport
	started, finished time.Time
	gap               []v1alpha1.Unreachable // what no report covers
	remarks           []string
}

func newMerger(reports []*v1alpha1.AuditReport) *merger {
	m := &merger{latest: map[string]*mergedReport{}}
	for _, r := range reports {
		indexed := &mergedReport{r, map[accountRegion]bool{}, map[string]bool{}}
		for _, a := range r.Scope.Answered {
			for _, region := range a.Regions {
				indexed.answered[accountRegion{a.Account, region}] = true
			}
		}
		for _, id := range r.Scope.FilteredOut {
			indexed.filtered[id] = true
		}
		m.given = append(m.given, indexed)
		if start := startOf(r); m.started.IsZero() || start.Before(m.started) {
			m.started = start
		}
		if end := endOf(r); end.After(m.finished) {
			m.finished = end
		}
	}
	m.reports = slices.Clone(m.given)
	slices.SortStableFunc(m.reports, func(a, b *mergedReport) int {
		return cmp.Or(endOf(a.AuditReport).Compare(endOf(b.AuditReport)),
			startOf(a.AuditReport).Compare(startOf(b.AuditReport)))
	})
	return m
}

// startOf and endOf enclose the observations of a report. Reports of earlier versions may lack one of them.
func startOf(r *v1alpha1.AuditReport) time.Time {
	if r.StartedAt != nil {
		return r.StartedAt.UTC()
	}
	return endOf(r)
}

func endOf(r *v1alpha1.AuditReport) time.Time {
	switch {
	case r.FinishedAt != nil:
		return r.FinishedAt.UTC()
	case r.StartedAt != nil:
		return r.StartedAt.UTC()
	}
	return time.Time{}
}

// observedAt returns when the run that observed the item ended. That is before the end of the report if --resume took
// the item over from an earlier one.
func observedAt(r *v1alpha1.AuditReport, item *v1alpha1.EncryptionReport) time.Time {
	if item.CreationTimestamp.IsZero() {
		return endOf(r)
	}
	return item.CreationTimestamp.UTC()
}

// after reports whether r certainly began after other had ended.
func (r *mergedReport) after(other *mergedReport) bool {
	return r != other && !startOf(r.AuditReport).Before(endOf(other.AuditReport)) &&
		endOf(r.AuditReport).After(endOf(other.AuditReport))
}

// items returns the clusters, each as its latest report describes it. Items without an ARN are those of kube contexts.
// It returns them from every report, because a context of the same name may lead elsewhere in another kubeconfig.
func (m *merger) items() []v1alpha1.EncryptionReport {
	times := map[string]time.Time{}
	for _, r := range m.reports {
		for i := range r.Items {
			id, at := r.Items[i].Cluster.ARN, observedAt(r.AuditReport, &r.Items[i])
			if m.latest[id] == nil || !at.Before(times[id]) {
				m.latest[id], times[id] = r, at
			}
		}
	}
	var repeated, gone []string
	var items []v1alpha1.EncryptionReport
	unnamed, contexts := map[string]bool{}, false
	indexes := map[string][]int{} // of the items of each cluster; several contexts may lead to one
	for _, r := range m.given {
		contexts = contexts || len(r.Scope.Contexts) > 0
		for i := range r.Items {
			item := m.observed(r, &r.Items[i])
			id := item.Cluster.ARN
			switch {
			case id == "":
				if facts := factsText(item); !unnamed[facts] {
					unnamed[facts], items = true, append(items, item)
				}
			case m.latest[id] != r:
				repeated = append(repeated, id)
			case m.isGone(r, &item):
				gone = append(gone, id)
			case slices.ContainsFunc(indexes[id], func(i int) bool { return factsText(items[i]) == factsText(item) }):
				// an earlier version listed the clusters of a region twice if it was given twice
			default:
				indexes[id], items = append(indexes[id], len(items)), append(items, item)
			}
		}
	}
	if !contexts {
		slices.SortStableFunc(items, func(x, y v1alpha1.EncryptionReport) int {
			a, b := &x.Cluster, &y.Cluster
			return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Name, b.Name))
		})
	}
	for _, id := range gone {
		delete(m.latest, id)
	}
	m.remark("in several reports, and the one that was observed last counts: ", repeated)
	m.remark("not in a later report whose region answered, so left out as deleted: ", gone)
	return items
}

// isGone reports whether a later report listed the place of the cluster completely, without the cluster.
func (m *merger) isGone(r *mergedReport, item *v1alpha1.EncryptionReport) bool {
	c := &item.Cluster
	return slices.ContainsFunc(m.reports, func(later *mergedReport) bool {
		return later.after(r) && later.answered[accountRegion{c.Account, c.Region}] && !later.filtered[c.ARN]
	})
}

// observed returns an item with the time and the caller of its report, if the merged report cannot state one for all
// items.
func (m *merger) observed(r *mergedReport, item *v1alpha1.EncryptionReport) v1alpha1.EncryptionReport {
	o := *item
	if len(m.reports) > 1 {
		o.CreationTimestamp = metav1.NewTime(observedAt(r.AuditReport, item))
	}
	if o.Caller == nil && m.caller() == nil {
		o.Caller = r.Caller
	}
	return o
}

// factsText returns the item as text, without the time of its observation.
func factsText(item v1alpha1.EncryptionReport) string {
	item.CreationTimestamp = metav1.Time{}
	text, err := json.Marshal(item)
	if err != nil {
		panic(err) // it was read as JSON
	}
	return string(text)
}

// notChecked begins the reason of ENC-5 if the check of the existing data failed.
const notChecked = "existing data was not checked: "

// data returns what the reports state about the existing data of each cluster, from the report that counts.
func (m *merger) data() map[string]Data {
	all := map[string]Data{}
	for _, r := range m.given {
		for i := range r.Items {
			id := r.Items[i].Cluster.ARN
			for _, c := range r.Items[i].Controls {
				if reason, failed := strings.CutPrefix(c.Reason, notChecked); failed && c.ID == controlData && m.latest[id] == r {
					all[id] = Data{Err: recordedError(reason)}
				}
			}
		}
		for i := range r.Coverage {
			if id := r.Coverage[i].Cluster.ARN; m.latest[id] == r {
				all[id] = Data{Coverage: &r.Coverage[i]}
			}
		}
	}
	return all
}

// recordedError is an error that an earlier report states.
type recordedError string

func (e recordedError) Error() string { return string(e) }

// caller returns the caller of all reports, or nil if they differ.
func (m *merger) caller() *v1alpha1.Caller {
	first := m.given[0].Caller
	for _, r := range m.given {
		if !reflect.DeepEqual(r.Caller, first) {
			return nil
		}
	}
	return first
}

// provenance returns what all reports have in common, and every endpoint override.
func (m *merger) provenance() v1alpha1.Provenance {
	p := v1alpha1.Provenance{Caller: m.caller()}
	for _, r := range m.given {
		for _, e := range r.EndpointOverrides {
			if !slices.Contains(p.EndpointOverrides, e) {
				p.EndpointOverrides = append(p.EndpointOverrides, e)
			}
		}
	}
	if len(m.given) == 1 {
		p.Guard = m.given[0].Guard
	}
	return p
}

// emptyShard reports whether the report covers a shard that has none of the accounts.
func emptyShard(r *v1alpha1.AuditReport) bool {
	return r.Scope.Shard != "" && len(r.Scope.Accounts) == 0
}
