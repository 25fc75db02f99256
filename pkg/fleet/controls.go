package fleet

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// The ids of the controls.
const (
	controlEnvelope = "ENC-1"
	controlCMK      = "ENC-2"
	controlUsable   = "ENC-3"
	controlRotation = "ENC-4"
	controlData     = "ENC-5"
	controlApproved = "ENC-6"
)

// Rules are the conditions that Assess evaluates.
type Rules struct {
	// Controls are the ids of the controls that affect the outcome.
	Controls []string
	// Approved are the ARNs of approved keys. If empty, ENC-6 does not apply.
	Approved []string
	Waivers  []Waiver
	// Now is the time for the expiry of waivers and the days until a key is deleted.
	Now time.Time
}

// ParseControls parses ids of controls, ignoring case, and returns them sorted.
func ParseControls(ids []string) ([]string, error) {
	var parsed []string
	for _, id := range ids {
		id = strings.ToUpper(strings.TrimSpace(id))
		if !slices.Contains(ControlIDs(), id) {
			return nil, fmt.Errorf("unknown control %q: must be one of %s", id, strings.Join(ControlIDs(), ", "))
		}
		parsed = append(parsed, id)
	}
	slices.Sort(parsed)
	return slices.Compact(parsed), nil
}

// DefaultControls returns the controls that affect the outcome if the user names none:
// those of the requirement and ENC-3, plus ENC-5 if the data is checked and ENC-6 if
// there are approved keys.
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

var keyARNPattern = regexp.MustCompile(`^arn:aws(-[a-z]+)*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+$`)

// ParseKeyARN parses the ARN of a KMS key. It refuses aliases, because an alias can be
// moved to a key that is not approved.
func ParseKeyARN(s string) (string, error) {
	s = strings.TrimSpace(s)
	switch {
	case keyARNPattern.MatchString(s):
		return s, nil
	case strings.HasPrefix(s, "alias/") || strings.Contains(s, ":alias/"):
		return "", hint.Wrap(fmt.Errorf("%q is an alias, and aliases can be moved to another key", s),
			"aws kms describe-key --key-id ALIAS --query KeyMetadata.Arn prints the ARN of the key")
	}
	return "", fmt.Errorf("%q is not a valid key ARN: must look like arn:aws:kms:REGION:ACCOUNT:key/ID", s)
}

// ReadKeyARNs reads key ARNs, one on each line, and returns them sorted without
// duplicates. # starts a comment.
func ReadKeyARNs(r io.Reader) ([]string, error) {
	var arns []string
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		key, err := ParseKeyARN(text)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		arns = append(arns, key)
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	slices.Sort(arns)
	return slices.Compact(arns), nil
}

// evaluate sets the results that depend on the approved keys or the existing data.
func (r *Rules) evaluate(report *v1alpha1.EncryptionReport, data Data) {
	report.Controls = slices.Clone(report.Controls)
	for i := range report.Controls {
		switch c := &report.Controls[i]; {
		case c.ID == controlApproved && len(r.Approved) > 0:
			c.Result, c.Reason = r.approved(report)
		case c.ID == controlData && data.Coverage != nil:
			c.Result, c.Reason = dataCurrent(data.Coverage)
		case c.ID == controlData && data.Err != nil && c.Result == v1alpha1.ResultUnknown:
			c.Reason = "existing data was not checked: " + data.Err.Error()
		}
	}
}

func (r *Rules) approved(report *v1alpha1.EncryptionReport) (v1alpha1.Result, string) {
	switch report.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey:
		if slices.Contains(r.Approved, report.Encryption.KeyARN) {
			return v1alpha1.ResultPass, "the key is on the list of approved keys"
		}
		return v1alpha1.ResultFail, "the key is not on the list of approved keys: " + report.Encryption.KeyARN
	case v1alpha1.VerdictUnknown:
		return v1alpha1.ResultUnknown, report.Encryption.Reason
	}
	return v1alpha1.ResultNotApplicable, "no customer key is associated"
}

func dataCurrent(c *v1alpha1.CoverageReport) (v1alpha1.Result, string) {
	switch c.Verdict {
	case v1alpha1.CoverageProven:
		return v1alpha1.ResultPass, c.Statement
	case v1alpha1.CoverageStale, v1alpha1.CoverageContradicted:
		return v1alpha1.ResultFail, c.Statement
	}
	return v1alpha1.ResultUnknown, c.Statement
}

// collect adds the failed and the unknown results of one cluster that affect the outcome
// to the findings, the waived findings or the undecided controls of the report.
func (r *Rules) collect(report *v1alpha1.EncryptionReport, out *v1alpha1.AuditReport) {
	cluster := identity(report)
	for _, c := range report.Controls {
		if !slices.Contains(r.Controls, c.ID) {
			continue
		}
		f := v1alpha1.Finding{
			Cluster: cluster, Name: report.Cluster.Name,
			Account: report.Cluster.Account, Region: report.Cluster.Region,
			Control: c.ID, Title: c.Name, Severity: severity(c.ID), Reason: c.Reason,
		}
		result := c.Result
		if report.Cluster.Guard == v1alpha1.GuardMismatch && result != v1alpha1.ResultNotApplicable {
			result = v1alpha1.ResultUnknown
			f.Reason = "the report describes another cluster than the kube context: " + report.Cluster.GuardReason
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

// waiver returns a waiver that covers the finding now, or else the one that expired last.
func (r *Rules) waiver(cluster, name, control string) (valid, expired *v1alpha1.Waived) {
	var latest time.Time
	for i := range r.Waivers {
		w := &r.Waivers[i]
		end, err := w.end()
		if err != nil || !w.covers(cluster, name, control) {
			continue
		}
		last := metav1.NewTime(end.Add(-time.Second))
		waived := &v1alpha1.Waived{
			Cluster: cluster, Control: control, Reason: w.Reason, Owner: w.Owner, Expires: &last,
		}
		if r.Now.Before(end) {
			return waived, nil
		}
		if end.After(latest) {
			latest, expired = end, waived
		}
	}
	return nil, expired
}

// identity returns the ARN of the cluster, or else its kube context or name.
func identity(r *v1alpha1.EncryptionReport) string {
	return cmp.Or(r.Cluster.ARN, r.Cluster.Context, r.Cluster.Name)
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

// remedy returns the next step for a failed control. An association cannot be undone.
func remedy(control string, r *v1alpha1.EncryptionReport) string {
	key := r.Encryption.KeyARN
	region := ""
	if a, err := arn.Parse(key); err == nil {
		region = " --region " + a.Region
	}
	switch control {
	case controlEnvelope:
		return "upgrade to Kubernetes 1.28 or later, or associate a key: " + command(r, "associate")
	case controlCMK:
		return "run " + command(r, "associate --dry-run=client") + " and read the plan: an association cannot be undone"
	case controlUsable:
		return usableRemedy(r, key, region)
	case controlRotation:
		return "aws kms enable-key-rotation --key-id " + key + region
	case controlData:
		return command(r, "rewrite")
	case controlApproved:
		return "approve the key, or waive the finding: changing the key requires a new cluster"
	}
	return ""
}

// command returns a command line of this tool for the cluster of the report.
func command(r *v1alpha1.EncryptionReport, words string) string {
	line := "kubectl eks-encrypt " + words
	for _, flag := range [][2]string{{"context", r.Cluster.Context}, {"cluster-name", r.Cluster.ARN}} {
		if flag[1] != "" {
			line += " --" + flag[0] + " " + shellescape.Quote(flag[1])
		}
	}
	return line
}

func usableRemedy(r *v1alpha1.EncryptionReport, key, region string) string {
	issue, _, found := encryption.KeyIssue(r.Health.Issues, key)
	if found && strings.Contains(strings.ToLower(issue.Code), "grant") {
		return "contact AWS Support: only EKS can create its grant on the key again"
	}
	state := ""
	if r.Key != nil {
		state = r.Key.State
	}
	enable := "aws kms enable-key --key-id " + key + region
	switch state {
	case "PendingDeletion":
		return "immediately: aws kms cancel-key-deletion --key-id " + key + region + "; then " + enable
	case "Disabled":
		return enable
	case "Enabled":
		return "check again in a few hours: EKS reports key health with a delay"
	}
	return "check the key in KMS: aws kms describe-key --key-id " + key + region
}
