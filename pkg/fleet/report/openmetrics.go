package report

import (
	"cmp"
	"io"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// OpenMetrics is the format for Prometheus. status also has it.
const OpenMetrics = "openmetrics"

// A state is a label of a gauge that is always 1, and never a number: no number can look like a good state where the
// state is unknown. Times are numbers, and are absent where they are unknown.
const (
	metricTime        = "eks_encrypt_report_timestamp_seconds"
	metricClusters    = "eks_encrypt_clusters"
	metricCluster     = "eks_encrypt_cluster_info"
	metricControl     = "eks_encrypt_control_info"
	metricKey         = "eks_encrypt_key_info"
	metricDeletion    = "eks_encrypt_key_deletion_timestamp_seconds"
	metricInfo        = "eks_encrypt_audit_info"
	metricJudged      = "eks_encrypt_audit_judged_timestamp_seconds"
	metricSource      = "eks_encrypt_audit_source_info"
	metricOutcome     = "eks_encrypt_audit_outcome_info"
	metricFindings    = "eks_encrypt_audit_findings"
	metricUndecided   = "eks_encrypt_audit_undecided"
	metricWaived      = "eks_encrypt_audit_waived"
	metricUnreachable = "eks_encrypt_audit_unreachable"
	metricPlace       = "eks_encrypt_audit_unreachable_info"
)

// metricFamilies returns all families without samples, in the order of the output.
func metricFamilies() families {
	return families{
		newFamily(metricTime, "Time when the report was complete; its age is time() minus this value."),
		newFamily(metricClusters, "Number of clusters in the report, those with an unknown verdict included."),
		newFamily(metricCluster, "Verdict on a cluster, as labels; the value is always 1."),
		newFamily(metricControl, "Result of a control for a cluster, as labels; the value is always 1."),
		newFamily(metricKey, "State of a customer key in use, and whether EKS can use it, as labels; the value is always 1."),
		newFamily(metricDeletion,
			"Time when KMS deletes a key that is pending deletion; the days left are (this value - time()) / 86400."),
		newFamily(metricInfo, "Program, caller, scope, rules and endpoints of the audit, as labels; the value is always 1."),
		newFamily(metricJudged, "Time when the rules were applied, if audit --from made the report from earlier ones."),
		newFamily(metricSource, "Earlier report that the audit was made from, as labels; the value is always 1."),
		newFamily(metricOutcome, "Outcome of the audit, as a label; the value is always 1."),
		newFamily(metricFindings, "Number of failed controls that decide and are not waived."),
		newFamily(metricUndecided, "Number of controls that decide and whose result is unknown."),
		newFamily(metricWaived, "Number of failed controls that are waived."),
		newFamily(metricUnreachable,
			"Number of accounts, regions and kube contexts that could not be queried and are not waived."),
		newFamily(metricPlace,
			"Account, region or kube context that could not be queried, as labels; the value is always 1."),
	}
}

// writeOpenMetrics writes the report as OpenMetrics text.
func writeOpenMetrics(w io.Writer, v *reportRows) error {
	all := metricFamilies()
	all.addReport(v, true)
	if labels := v.originLabels(); len(labels) > 0 {
		all.add(metricInfo, 1, labels...)
	}
	if v.JudgedAt != nil {
		all.add(metricJudged, float64(v.JudgedAt.Unix()))
	}
	for _, s := range v.Sources {
		all.add(metricSource, 1, label{"path", s.Path}, label{"sha256", s.SHA256}, label{"shard", s.Shard})
	}
	all.add(metricOutcome, 1, label{"outcome", string(v.outcome())})
	all.add(metricFindings, float64(len(v.Findings)))
	all.add(metricUndecided, float64(len(v.Undecided)))
	all.add(metricWaived, float64(len(v.Waived)))
	all.add(metricUnreachable, float64(len(v.notWaived())))
	for _, u := range v.Unreachable {
		all.add(metricPlace, 1, label{"account", u.Account}, label{"region", u.Region}, label{"context", u.Context},
			label{"waived", strconv.FormatBool(u.Waiver != nil)})
	}
	return all.write(w)
}

// WriteStatus writes the reports of status as OpenMetrics text. at is the time when they were complete.
func WriteStatus(w io.Writer, items []v1alpha1.EncryptionReport, keys []v1alpha1.AuditKey, at time.Time) error {
	r := &v1alpha1.AuditReport{Items: items, Keys: keys}
	finished := metav1.NewTime(at)
	r.FinishedAt = &finished
	cleaned := clean(r)
	all := metricFamilies()
	all.addReport(newReportRows(cleaned), false)
	return all.write(w)
}

// addReport adds what the reports of audit and of status have. In an audit a control also has an outcome, which depends
// on whether it decides and on the waivers.
func (all families) addReport(v *reportRows, audit bool) {
	if at := v.At(); at.Unix() != 0 {
		all.add(metricTime, float64(at.Unix()))
	}
	all.add(metricClusters, float64(len(v.Clusters)))
	for _, c := range v.Clusters {
		e := c.Item.Encryption
		all.add(metricCluster, 1, append(c.labels(), label{"name", c.Name},
			label{"verdict", string(cmp.Or(e.Verdict, v1alpha1.VerdictUnknown))},
			label{"scope", string(cmp.Or(e.Scope, v1alpha1.ScopeUnknown))},
			label{"guard", string(c.Item.Cluster.Guard)}, label{"key", e.KeyARN},
			label{"kubernetes_version", c.Item.Cluster.KubernetesVersion})...)
		for _, r := range c.Rows {
			labels := append(c.labels(), label{"control", r.Control.ID},
				label{"result", string(cmp.Or(r.Control.Result, v1alpha1.ResultUnknown))})
			if audit {
				labels = append(labels, label{"outcome", string(r.State)})
			}
			all.add(metricControl, 1, labels...)
		}
	}
	for _, k := range v.Keys {
		key := []label{{"key", k.ARN}, {"account", k.Account}, {"region", k.Region}}
		all.add(metricKey, 1, append(key, label{"state", cmp.Or(k.State, "Unknown")},
			label{"usable", string(cmp.Or(k.Usable, v1alpha1.UsableUnknown))})...)
		if k.DeletionDate != nil {
			all.add(metricDeletion, float64(k.DeletionDate.Unix()), key...)
		}
	}
}

// labels returns what identifies the cluster. Two kube contexts may name the same one.
func (c *cluster) labels() []label {
	return []label{{"cluster", c.ID}, {"context", c.Item.Cluster.Context}, {"account", c.Account}, {"region", c.Region}}
}

// originLabels returns the origin of the report, without its times and earlier reports: these are in metrics of their
// own, and as labels they would begin a new series with each audit.
func (v *reportRows) originLabels() []label {
	var labels []label
	for _, f := range v.origin {
		if !slices.Contains([]string{"started", "finished", "judged", "made_from"}, f.Key) {
			labels = append(labels, label{f.Key, f.Value})
		}
	}
	return labels
}
