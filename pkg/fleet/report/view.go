package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// toolName is how the machine formats name the tool.
const (
	toolName = "kubectl-eks_encrypt"
	toolURL  = "https://github.com/eks-encrypt/kubectl-eks_encrypt"
)

// state is what became of one control of one cluster in the audit.
type state string

// States. Info and NotAnswered belong to controls that don't decide.
const (
	stateFinding       state = "Finding"
	stateUndecided     state = "Undecided"
	stateWaived        state = "Waived"
	statePass          state = "Pass"
	stateNotApplicable state = "NotApplicable"
	stateInfo          state = "FailForInformation"
	stateNotAnswered   state = "UnknownForInformation"
)

// view is the report with its lists joined: each cluster with its controls, and
// each control with what the audit made of it.
type view struct {
	*v1alpha1.AuditReport
	clusters []cluster
	// controls are the ids in use, in order.
	controls []string
	// index finds a cluster by its id.
	index map[string]int
}

// cluster is one cluster of the report. Item is empty for a cluster that is only
// named by a finding.
type cluster struct {
	id, name, account, region, partition string
	item                                 *v1alpha1.EncryptionReport
	rows                                 []row
}

// row is one control of one cluster.
type row struct {
	cluster  *cluster
	control  v1alpha1.Control
	state    state
	severity v1alpha1.Severity
	reason   string
	remedy   string
	// waiver is the one in force, or the one that expired on a finding.
	waiver *v1alpha1.Waived
}

type rowKey struct{ cluster, control string }

func newView(r *v1alpha1.AuditReport) *view {
	index := map[string]int{}
	v := &view{AuditReport: r, index: index}
	for i := range r.Items {
		c := clusterOf(&r.Items[i])
		if _, ok := index[c.id]; !ok {
			index[c.id] = len(v.clusters)
		}
		v.clusters = append(v.clusters, c)
	}
	at := func(f v1alpha1.Finding) int {
		i, ok := index[f.Cluster]
		if !ok {
			i = len(v.clusters)
			index[f.Cluster] = i
			v.clusters = append(v.clusters, cluster{id: f.Cluster, name: cmp.Or(f.Name, f.Cluster), account: f.Account,
				region: f.Region, partition: partition(f.Cluster), item: &v1alpha1.EncryptionReport{}})
		}
		return i
	}
	decided := map[rowKey]row{}
	var orphans []rowKey
	add := func(f v1alpha1.Finding, s state, waiver *v1alpha1.Waived) {
		i, key := at(f), rowKey{f.Cluster, f.Control}
		decided[key] = row{state: s, severity: f.Severity, reason: f.Reason, remedy: f.Remedy, waiver: waiver,
			control: v1alpha1.Control{ID: f.Control, Name: f.Title}}
		if !slices.ContainsFunc(v.clusters[i].item.Controls, func(c v1alpha1.Control) bool { return c.ID == f.Control }) {
			orphans = append(orphans, key)
		}
	}
	for i := range r.Waived {
		w := &r.Waived[i]
		add(v1alpha1.Finding{Cluster: w.Cluster, Control: w.Control}, stateWaived, w)
	}
	for _, f := range r.Undecided {
		add(f, stateUndecided, f.ExpiredWaiver)
	}
	for _, f := range r.Findings {
		add(f, stateFinding, f.ExpiredWaiver)
	}
	for i := range v.clusters {
		v.clusters[i].fill(decided)
	}
	for _, key := range orphans {
		c := &v.clusters[index[key.cluster]]
		if !slices.ContainsFunc(c.rows, func(r row) bool { return r.control.ID == key.control }) {
			c.rows = append(c.rows, decided[key].of(c, v1alpha1.Control{ID: key.control}))
		}
	}
	v.orderControls()
	return v
}

func clusterOf(item *v1alpha1.EncryptionReport) cluster {
	cl := &item.Cluster
	id := cmp.Or(cl.ARN, cl.Context, item.Name, cl.Name)
	return cluster{id: id, name: cmp.Or(cl.Name, item.Name, cl.Context, id), account: cl.Account, region: cl.Region,
		partition: cmp.Or(cl.Partition, partition(cl.ARN)), item: item}
}

// fill gives every control of the report its row.
func (c *cluster) fill(decided map[rowKey]row) {
	for _, control := range c.item.Controls {
		r, ok := decided[rowKey{c.id, control.ID}]
		if !ok {
			r = row{state: undecidedBy(control.Result)}
		}
		c.rows = append(c.rows, r.of(c, control))
	}
}

// of completes a row with what the cluster's own report says of the control.
func (r row) of(c *cluster, control v1alpha1.Control) row {
	definition := encryption.Definition(control.ID)
	control.Name = cmp.Or(control.Name, r.control.Name, definition.Name, control.ID)
	if control.Standards == nil {
		control.Standards = definition.StandardNames()
	}
	r.cluster, r.control = c, control
	r.reason = cmp.Or(r.reason, control.Reason)
	return r
}

// undecidedBy is the state of a control that is in none of the audit's lists.
func undecidedBy(result v1alpha1.Result) state {
	switch result {
	case v1alpha1.ResultPass:
		return statePass
	case v1alpha1.ResultNotApplicable:
		return stateNotApplicable
	case v1alpha1.ResultFail, v1alpha1.ResultWarn:
		return stateInfo
	}
	return stateNotAnswered
}

// orderControls lists the controls in use: those the plugin defines in their own
// order, then any others by id.
func (v *view) orderControls() {
	used := map[string]bool{}
	for _, r := range v.rows() {
		used[r.control.ID] = true
	}
	for _, d := range encryption.Definitions() {
		if used[d.ID] {
			v.controls = append(v.controls, d.ID)
			delete(used, d.ID)
		}
	}
	var others []string
	for id := range used {
		others = append(others, id)
	}
	slices.Sort(others)
	v.controls = append(v.controls, others...)
}

// rows are the rows of all clusters, in order; only those in the given states,
// if any are given.
func (v *view) rows(states ...state) []row {
	var rows []row
	for i := range v.clusters {
		for _, r := range v.clusters[i].rows {
			if len(states) == 0 || slices.Contains(states, r.state) {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// worstFirst are the rows in the given states, the gravest first.
func (v *view) worstFirst(states ...state) []row {
	rows := v.rows(states...)
	sort.SliceStable(rows, func(i, j int) bool { return rank(rows[i].severity) < rank(rows[j].severity) })
	return rows
}

// rank orders severities, the gravest first.
func rank(s v1alpha1.Severity) int {
	order := []v1alpha1.Severity{v1alpha1.SeverityCritical, v1alpha1.SeverityHigh, v1alpha1.SeverityMedium, v1alpha1.SeverityLow}
	if i := slices.Index(order, s); i >= 0 {
		return i
	}
	return len(order)
}

// outcome is the report's own, or what its lists say where it has none.
func (v *view) outcome() v1alpha1.AuditOutcome {
	switch {
	case v.Summary.Outcome != "":
		return v.Summary.Outcome
	case len(v.Findings) > 0:
		return v1alpha1.OutcomeFinding
	case len(v.Undecided) > 0 || len(v.Unreachable) > 0 || len(v.Items) == 0:
		return v1alpha1.OutcomeCannotTell
	}
	return v1alpha1.OutcomeHolds
}

// at is the time that the report speaks of: the end of the audit.
func (v *view) at() time.Time {
	for _, t := range []*metav1Time{v.FinishedAt, v.StartedAt} {
		if t != nil {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

// identity names one control of one cluster; it is the same in every audit.
func (r row) identity() string { return r.cluster.id + "/" + r.control.ID }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func partition(arn string) string {
	if parts := strings.SplitN(arn, ":", 3); len(parts) == 3 && parts[0] == "arn" {
		return parts[1]
	}
	return "aws"
}

// byRadius orders keys: those that can't be used, then those that will be
// deleted, the soonest first, then those on which most clusters hang.
func byRadius(keys []v1alpha1.AuditKey) []v1alpha1.AuditKey {
	keys = slices.Clone(keys)
	order := func(k *v1alpha1.AuditKey) int {
		switch {
		case k.DaysLeft != nil || k.DeletionDate != nil:
			return 0
		case k.Usable == v1alpha1.UsableNo:
			return 1
		case k.Usable == v1alpha1.UsableUnknown:
			return 2
		}
		return 3
	}
	days := func(k *v1alpha1.AuditKey) int {
		if k.DaysLeft != nil {
			return *k.DaysLeft
		}
		return 1 << 30
	}
	sort.SliceStable(keys, func(i, j int) bool {
		a, b := &keys[i], &keys[j]
		return cmp.Or(cmp.Compare(order(a), order(b)), cmp.Compare(days(a), days(b)),
			cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(a.ARN, b.ARN)) < 0
	})
	return keys
}
