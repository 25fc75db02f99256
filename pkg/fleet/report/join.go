package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// The tool's name and address in the machine-readable formats.
const (
	toolName = "kubectl-eks_encrypt"
	toolURL  = "https://github.com/eks-encrypt/kubectl-eks_encrypt"
)

// rowState is the result of one control of one cluster in the audit.
type rowState string

// Info and NotAnswered are results of controls that the audit does not enforce.
const (
	stateFinding       rowState = "Finding"
	stateUndecided     rowState = "Undecided"
	stateWaived        rowState = "Waived"
	statePass          rowState = "Pass"
	stateNotApplicable rowState = "NotApplicable"
	stateInfo          rowState = "FailForInformation"
	stateNotAnswered   rowState = "UnknownForInformation"
)

// reportRows is a report with its lists joined: each cluster has its controls, and each control its result. The
// template of the HTML page reads the exported fields and methods.
type reportRows struct {
	*v1alpha1.AuditReport
	Clusters []*cluster
	// ControlIDs are the controls in use, in order.
	ControlIDs []string
	// ShownControls are those of the table of clusters. A control that applies to no cluster, or that was not checked in
	// any, has no column.
	ShownControls []string
	// origin are the facts of Origin.
	origin []OriginFact
	// index finds a cluster by its id.
	index map[string]*cluster
	// The rest is for the page alone.
	causes     []*cause
	causeByRow map[rowKey]*cause
	keyIDs     map[string]string
	// MostClusters is the number of clusters of the most used key.
	MostClusters int
}

// cluster is one cluster of the report. Item is empty for a cluster that only a finding names.
type cluster struct {
	ID, Name, Account, AccountName, Region, Partition string
	// Anchor is the id of the cluster in the page.
	Anchor string

	Item *v1alpha1.EncryptionReport
	Rows []row
}

// row is one control of one cluster.
type row struct {
	Cluster  *cluster
	Control  v1alpha1.Control
	State    rowState
	Severity v1alpha1.Severity
	Reason   string
	Remedy   string
	// Standards are the requirements that a finding is evidence against.
	Standards []string
	// Waiver is the waiver in force; on a finding, the one that expired.
	Waiver *v1alpha1.Waived
	// position is the row's place in the report's findings, undecided and waived, in this order.
	position int
}

type rowKey struct{ cluster, control string }

func newReportRows(r *v1alpha1.AuditReport) *reportRows {
	v := &reportRows{AuditReport: r, index: map[string]*cluster{}, origin: Origin(r)}
	for i := range r.Items {
		v.add(newCluster(&r.Items[i]))
	}
	decided := map[rowKey]row{}
	var keys []rowKey // of decided, in order
	decide := func(f v1alpha1.Finding, s rowState, waiver *v1alpha1.Waived) {
		if v.index[f.Cluster] == nil {
			v.add(&cluster{ID: f.Cluster, Name: cmp.Or(f.Name, f.Cluster), Account: f.Account, Region: f.Region,
				Partition: partition(f.Cluster), Item: &v1alpha1.EncryptionReport{}})
		}
		key := rowKey{f.Cluster, f.Control}
		if _, ok := decided[key]; ok {
			return
		}
		decided[key] = row{State: s, Severity: f.Severity, Reason: f.Reason, Remedy: f.Remedy, Waiver: waiver,
			Standards: f.Standards,
			Control:   v1alpha1.Control{ID: f.Control, Name: f.Title}, position: len(keys)}
		keys = append(keys, key)
	}
	for _, f := range r.Findings {
		decide(f, stateFinding, f.ExpiredWaiver)
	}
	for _, f := range r.Undecided {
		decide(f, stateUndecided, f.ExpiredWaiver)
	}
	for i := range r.Waived {
		w := &r.Waived[i]
		decide(v1alpha1.Finding{Cluster: w.Cluster, Control: w.Control, Name: w.Name, Account: w.Account, Region: w.Region,
			Title: w.Title, Severity: w.Severity, Reason: w.Finding, Standards: w.Standards}, stateWaived, w)
	}
	for _, c := range v.Clusters {
		for _, control := range c.Item.Controls {
			result, ok := decided[rowKey{c.ID, control.ID}]
			if !ok {
				result = row{State: undecidedBy(control.Result)}
			}
			c.Rows = append(c.Rows, result.complete(c, control))
		}
	}
	// A finding whose control is missing in its cluster's report gets a row of its own.
	for _, key := range keys {
		if c := v.index[key.cluster]; c.Row(key.control).State == "" {
			c.Rows = append(c.Rows, decided[key].complete(c, v1alpha1.Control{ID: key.control}))
		}
	}
	v.orderControls()
	return v
}

func (v *reportRows) add(c *cluster) {
	c.AccountName = v.AccountName(c.Account)
	c.Anchor = "c-" + strconv.Itoa(len(v.Clusters)+1)
	v.Clusters = append(v.Clusters, c)
	if v.index[c.ID] == nil {
		v.index[c.ID] = c
	}
}

func newCluster(item *v1alpha1.EncryptionReport) *cluster {
	cl := &item.Cluster
	id := cmp.Or(cl.ARN, cl.Context, item.Name, cl.Name)
	return &cluster{ID: id, Name: cmp.Or(cl.Name, item.Name, cl.Context, id), Account: cl.Account, Region: cl.Region,
		Partition: cmp.Or(cl.Partition, partition(cl.ARN)), Item: item}
}

// complete adds to a row what the cluster's own report contains about the control.
func (r row) complete(c *cluster, control v1alpha1.Control) row {
	definition := encryption.Definition(control.ID)
	control.Name = cmp.Or(control.Name, r.Control.Name, definition.Name, control.ID)
	if control.Standards == nil {
		control.Standards = definition.EvidenceIDs(control.Result, c.Item.Key)
	}
	r.Cluster, r.Control = c, control
	r.Reason = cmp.Or(r.Reason, control.Reason)
	return r
}

// undecidedBy returns the state of a control that is in none of the audit's lists.
func undecidedBy(result v1alpha1.Result) rowState {
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

// orderControls lists the controls in use: first those that the plugin defines, in their order, then others by id.
func (v *reportRows) orderControls() {
	used, shown := map[string]bool{}, map[string]bool{}
	for r := range v.each() {
		used[r.Control.ID] = true
		shown[r.Control.ID] = shown[r.Control.ID] || r.State != stateNotApplicable && r.State != stateNotAnswered
	}
	for _, d := range encryption.Definitions() {
		if used[d.ID] {
			v.ControlIDs = append(v.ControlIDs, d.ID)
			delete(used, d.ID)
		}
	}
	var others []string
	for id := range used {
		others = append(others, id)
	}
	slices.Sort(others)
	v.ControlIDs = append(v.ControlIDs, others...)
	for _, id := range v.ControlIDs {
		if shown[id] {
			v.ShownControls = append(v.ShownControls, id)
		}
	}
}

// each returns the rows of all clusters, cluster by cluster.
func (v *reportRows) each() iter.Seq[row] {
	return func(yield func(row) bool) {
		for _, c := range v.Clusters {
			for _, r := range c.Rows {
				if !yield(r) {
					return
				}
			}
		}
	}
}

// rows returns the rows of all clusters in the given states, or all rows if none is given, cluster by cluster.
func (v *reportRows) rows(states ...rowState) []row {
	var rows []row
	for _, c := range v.Clusters {
		for _, r := range c.Rows {
			if len(states) == 0 || slices.Contains(states, r.State) {
				rows = append(rows, r)
			}
		}
	}
	return rows
}

// listed returns the rows in the given states, in the order of the report's own lists.
func (v *reportRows) listed(states ...rowState) []row {
	rows := v.rows(states...)
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.position, b.position) })
	return rows
}

// outcome returns the report's outcome. A report without one gets the outcome that its lists imply.
func (v *reportRows) outcome() v1alpha1.AuditOutcome {
	switch {
	case v.Summary.Outcome != "":
		return v.Summary.Outcome
	case len(v.Findings) > 0:
		return v1alpha1.OutcomeFinding
	case len(v.Undecided) > 0 || len(v.notWaived()) > 0 || len(v.Items) == 0:
		return v1alpha1.OutcomeCannotTell
	}
	return v1alpha1.OutcomeHolds
}

// At returns the time at which the audit ended, or started if no end is known.
func (v *reportRows) At() time.Time {
	for _, t := range []*metav1.Time{v.FinishedAt, v.StartedAt} {
		if t != nil {
			return t.UTC()
		}
	}
	return time.Unix(0, 0).UTC()
}

// identity identifies one control of one cluster; it is the same in every audit.
// IsUndecided reports whether the result is unknown and decides.
func (r row) IsUndecided() bool { return r.State == stateUndecided }

func (r row) identity() string { return r.Cluster.ID + "/" + r.Control.ID }

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func partition(id string) string {
	a, err := arn.Parse(id)
	if err != nil {
		return "aws"
	}
	return a.Partition
}

// clusterName returns the short name in a cluster's ARN, or the id itself if it is not such an ARN.
func clusterName(id string) string {
	if a, err := arn.Parse(id); err == nil {
		if name, ok := strings.CutPrefix(a.Resource, "cluster/"); ok && name != "" {
			return name
		}
	}
	return id
}
