package fleet

import (
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
)

// Ids of the controls that this package decides by more than a report.
const (
	controlEnvelope = "ENC-1"
	controlCMK      = "ENC-2"
	controlUsable   = "ENC-3"
	controlRotation = "ENC-4"
	controlData     = "ENC-5"
	controlApproved = "ENC-6"
)

// Rules are what the answers are held against.
type Rules struct {
	// Controls decide; the others are for information.
	Controls []string
	// Approved are key ARNs. With none, ENC-6 is not applicable.
	Approved []string
	Waivers  []Waiver
	// Now decides which waivers have expired, and how many days a key has left.
	Now time.Time
}

// ParseControls reads ids of controls, without regard to case.
func ParseControls(ids []string) ([]string, error) {
	var parsed []string
	for _, id := range ids {
		id = strings.ToUpper(strings.TrimSpace(id))
		if !slices.Contains(ControlIDs(), id) {
			return nil, fmt.Errorf("unknown control %q: one of %s", id, strings.Join(ControlIDs(), ", "))
		}
		parsed = append(parsed, id)
	}
	slices.Sort(parsed)
	return slices.Compact(parsed), nil
}

// DefaultControls are those that decide where none are named: what is required, and
// whatever else the user has given the means to answer.
func DefaultControls(require encryption.Requirement, approved, data bool) []string {
	ids := []string{controlEnvelope}
	if require == encryption.RequireCMK {
		ids = append(ids, controlCMK)
	}
	ids = append(ids, controlUsable)
	if data {
		ids = append(ids, controlData)
	}
	if approved {
		ids = append(ids, controlApproved)
	}
	return ids
}

// answer completes the controls of a report with what the rules and the existing data add.
func (r *Rules) answer(report *v1alpha1.EncryptionReport, data Data) {
	report.Controls = slices.Clone(report.Controls)
	for i := range report.Controls {
		switch c := &report.Controls[i]; {
		case c.ID == controlApproved && len(r.Approved) > 0:
			c.Result, c.Reason = r.approved(report)
		case c.ID == controlData && data.Coverage != nil:
			c.Result, c.Reason = dataCurrent(data.Coverage)
		case c.ID == controlData && data.Unasked != "" && c.Result == v1alpha1.ResultUnknown:
			c.Reason = "existing data was not looked at: " + data.Unasked
		}
	}
}

func (r *Rules) approved(report *v1alpha1.EncryptionReport) (v1alpha1.Result, string) {
	switch report.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey:
		if slices.Contains(r.Approved, report.Encryption.KeyARN) {
			return v1alpha1.ResultPass, "the key is on the list"
		}
		return v1alpha1.ResultFail, "the key is not on the list of approved keys: " + report.Encryption.KeyARN
	case v1alpha1.VerdictUnknown:
		return v1alpha1.ResultUnknown, report.Encryption.Reason
	}
	return v1alpha1.ResultNotApplicable, "no customer key"
}

func dataCurrent(c *v1alpha1.CoverageReport) (v1alpha1.Result, string) {
	switch c.Verdict {
	case v1alpha1.CoverageProven:
		return v1alpha1.ResultPass, c.Statement
	case v1alpha1.CoverageStale:
		return v1alpha1.ResultFail, c.Statement
	}
	return v1alpha1.ResultUnknown, c.Statement
}

// decide sorts the answers of one cluster that decide: failed and nobody answers for
// it, could not be told, failed and waived.
func (r *Rules) decide(report *v1alpha1.EncryptionReport, out *v1alpha1.AuditReport) {
	cluster := identity(report)
	for _, c := range report.Controls {
		if !slices.Contains(r.Controls, c.ID) {
			continue
		}
		f := v1alpha1.Finding{
			Cluster: cluster, Name: report.Cluster.Name, Account: report.Cluster.Account, Region: report.Cluster.Region,
			Control: c.ID, Title: c.Name, Severity: severity(c.ID), Reason: c.Reason,
		}
		result := c.Result
		if report.Cluster.Guard == v1alpha1.GuardMismatch && result != v1alpha1.ResultNotApplicable {
			result, f.Reason = v1alpha1.ResultUnknown, "the report is about another cluster than the kube context: "+report.Cluster.GuardReason
		}
		switch result {
		case v1alpha1.ResultUnknown:
			out.Undecided = append(out.Undecided, f)
		case v1alpha1.ResultFail:
			f.Remedy = remedy(c.ID, report)
			valid, expired := r.waiver(cluster, report.Cluster.Name, c.ID)
			if valid != nil {
				out.Waived = append(out.Waived, *valid)
				continue
			}
			f.ExpiredWaiver = expired
			out.Findings = append(out.Findings, f)
		}
	}
}

// waiver finds the one that covers a finding now, or else the one that did so last.
func (r *Rules) waiver(cluster, name, control string) (valid, expired *v1alpha1.Waived) {
	var latest time.Time
	for i := range r.Waivers {
		w := &r.Waivers[i]
		end, err := w.end()
		if err != nil || !w.covers(cluster, name, control) {
			continue
		}
		last := metav1.NewTime(end.Add(-time.Second))
		waived := &v1alpha1.Waived{Cluster: cluster, Control: control, Reason: w.Reason, Owner: w.Owner, Expires: &last}
		if r.Now.Before(end) {
			return waived, nil
		}
		if end.After(latest) {
			latest, expired = end, waived
		}
	}
	return nil, expired
}

// identity is the ARN, or the kube context where none is known.
func identity(r *v1alpha1.EncryptionReport) string {
	switch {
	case r.Cluster.ARN != "":
		return r.Cluster.ARN
	case r.Cluster.Context != "":
		return r.Cluster.Context
	}
	return r.Cluster.Name
}

func severity(control string) v1alpha1.Severity {
	switch control {
	case controlUsable:
		return v1alpha1.SeverityCritical
	case controlEnvelope:
		return v1alpha1.SeverityHigh
	case controlRotation:
		return v1alpha1.SeverityLow
	}
	return v1alpha1.SeverityMedium
}

// remedy is the next step. Nothing here undoes an association: nothing can.
func remedy(control string, r *v1alpha1.EncryptionReport) string {
	key := r.Encryption.KeyARN
	region := ""
	if parts := strings.Split(key, ":"); len(parts) > 3 {
		region = " --region " + parts[3]
	}
	switch control {
	case controlEnvelope:
		return "upgrade to Kubernetes 1.28 or later, or associate a key: kubectl eks-encrypt associate"
	case controlCMK:
		return "kubectl eks-encrypt associate --dry-run=client, and read the plan: an association can't be undone"
	case controlUsable:
		return usableRemedy(r, key, region)
	case controlRotation:
		return "aws kms enable-key-rotation --key-id " + key + region
	case controlData:
		return "kubectl eks-encrypt rewrite"
	case controlApproved:
		return "approve the key, or waive this with an owner: a cluster's key can't be changed, only the cluster can be replaced"
	}
	return ""
}

func usableRemedy(r *v1alpha1.EncryptionReport, key, region string) string {
	if issue, _, found := encryption.KeyIssue(r.Health.Issues, key); found && strings.Contains(strings.ToLower(issue.Code), "grant") {
		return "ask AWS Support: the grant of EKS can't be given again from outside"
	}
	state := ""
	if r.Key != nil {
		state = r.Key.State
	}
	enable := "aws kms enable-key --key-id " + key + region
	switch state {
	case "PendingDeletion":
		return "at once: aws kms cancel-key-deletion --key-id " + key + region + "; then " + enable
	case "Disabled":
		return enable
	case "Enabled":
		return "look again in some hours: EKS notices late that a key is well"
	}
	return "see what KMS says of the key: aws kms describe-key --key-id " + key + region
}
