package output

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// headline returns the verdict as a sentence.
func headline(r *v1alpha1.EncryptionReport) string {
	switch r.Encryption.Verdict {
	case v1alpha1.VerdictCustomerManagedKey:
		if r.Encryption.Scope == v1alpha1.ScopeSecrets {
			return "Secrets are encrypted, with a customer-managed key"
		}
		return "Encrypted, with a customer-managed key"
	case v1alpha1.VerdictAWSOwnedKey:
		return "Encrypted, with a key that AWS owns"
	case v1alpha1.VerdictNotEncrypted:
		return "NOT envelope-encrypted"
	case v1alpha1.VerdictNotApplicable:
		return "Not applicable"
	}
	return "Unknown"
}

// paint returns the colour of the headline. An unusable key is bad for any verdict.
func paint(c Colour, r *v1alpha1.EncryptionReport) func(string) string {
	switch {
	case r.Key != nil && r.Key.Usable == v1alpha1.UsableNo,
		r.Encryption.Verdict == v1alpha1.VerdictNotEncrypted:
		return c.Bad
	case r.Encryption.Verdict == v1alpha1.VerdictCustomerManagedKey,
		r.Encryption.Verdict == v1alpha1.VerdictAWSOwnedKey:
		return c.Good
	}
	return c.Doubtful
}

// EncryptionText writes one report for people: the verdict, then the facts behind it.
// wide adds the controls and the details of the key.
func EncryptionText(w io.Writer, r *v1alpha1.EncryptionReport, c Colour, wide bool) error {
	e := newTextWriter(w)
	words := fmt.Sprintf("%s (%s, %s)", headline(r), r.Encryption.Verdict, r.Encryption.Scope)
	if s := r.Cluster.Status; s != "" && s != "ACTIVE" && s != "UPDATING" {
		words += "; the cluster is " + sanitize.Line(s)
	}
	e.line(c.Strong(paint(c, r)(words)))
	if r.Encryption.Reason != "" {
		e.line(e.wrap(r.Encryption.Reason, ""))
	}
	if r.Cluster.Guard == v1alpha1.GuardMismatch {
		e.line(c.Bad(e.wrap("This is NOT the cluster that kubectl uses: "+r.Cluster.GuardReason, "")))
	}
	if r.Key != nil && r.Key.Usable == v1alpha1.UsableNo {
		e.line(c.Bad(e.wrap("The key is NOT usable: "+r.Key.Reason, "")))
	}
	e.line("")
	e.do(reportFields(r, wide).Print)
	if wide && len(r.Controls) > 0 {
		e.line("")
		t := NewTable("CONTROL", "NAME", "RESULT", "REASON")
		for _, control := range r.Controls {
			t.Row(control.ID, control.Name, string(control.Result), control.Reason)
		}
		e.do(t.Print)
	}
	if r.Evidence != nil && r.Evidence.Key != nil {
		e.line("")
		e.keyEvidence(c, r.Evidence.Key)
	}
	e.notes(r.Notes)
	return e.err
}

func reportFields(r *v1alpha1.EncryptionReport, wide bool) *Fields {
	f := &Fields{}
	cl := &r.Cluster
	f.Add("Cluster", cl.Name)
	if cl.ARN != "" {
		f.Add("ARN", cl.ARN)
	} else {
		f.Add("Region", cl.Region)
	}
	f.Add("Context", cl.Context)
	if cl.Guard != "" {
		f.Add("Guard", withReason(guardWords(r), cl.GuardReason))
	}
	if c := r.Caller; c != nil {
		f.Add("Caller", withReason(c.ARN, c.Source))
	}
	if cl.KubernetesVersion != "" {
		f.Addf("Kubernetes", "%s (platform %s)", cl.KubernetesVersion, cmp.Or(cl.PlatformVersion, Unknown))
	}
	f.Add("Status", cl.Status)
	if m := cl.ManagedBy; m != nil {
		f.Add("Managed by", managedBy(m))
	}
	f.Add("Key", r.Encryption.KeyARN)
	if k := r.Key; k != nil {
		addKey(f, r, wide)
	}
	if u := r.Encryption.Update; u != nil {
		f.Add("Association", association(u))
		for _, e := range u.Errors {
			f.Addf("  error", "%s: %s", e.Code, e.Message)
		}
	}
	addHealth(f, r)
	return f
}

func addKey(f *Fields, r *v1alpha1.EncryptionReport, wide bool) {
	k := r.Key
	f.Add("  Aliases", strings.Join(k.Aliases, ", "))
	f.Add("  State", k.State)
	f.Add("  Usable", withReason(string(k.Usable), k.Reason))
	if k.DeletionDate != nil {
		f.Addf("  Deletion", "%s", clock.Minute(k.DeletionDate.Time))
	}
	if k.ValidTo != nil {
		f.Add("  Material expires", withReason(clock.Minute(k.ValidTo.Time), encryption.ExpiryText(k.MaterialDaysLeft)))
	}
	if r.Evidence != nil && r.Evidence.Key != nil {
		addEvidence(f, k, r.Evidence.Key)
	} else {
		f.Add("  Rotation", encryption.RotationText(k.Rotation))
	}
	if !wide {
		return
	}
	f.Add("  Description", k.Description)
	if k.CreationDate != nil {
		f.Add("  Created", clock.Minute(k.CreationDate.Time))
	}
	f.Add("  Account", k.Account)
	f.Add("  Manager", k.Manager)
	f.Add("  Spec", k.Spec)
	f.Add("  Usage", k.Usage)
	f.Add("  Origin", k.Origin)
	if k.MultiRegion {
		f.Add("  Multi-Region", "yes")
		f.Add("  Primary", k.Primary)
		f.Add("  Replicas", strings.Join(k.Replicas, ", "))
	}
}

func addHealth(f *Fields, r *v1alpha1.EncryptionReport) {
	if r.Cluster.Status == "" {
		return // without a DescribeCluster response the health is unknown
	}
	if len(r.Health.Issues) == 0 {
		f.Add("Health", "no issue reported (EKS may lag by hours)")
		return
	}
	for _, issue := range r.Health.Issues {
		f.Add("Health", withReason(issue.Code, issue.Message))
	}
}

// EncryptionTable writes a table with one row for each cluster.
func EncryptionTable(w io.Writer, items []v1alpha1.EncryptionReport, wide bool) error {
	headers := []string{"CONTEXT", "CLUSTER", "REGION", "VERSION", "VERDICT", "SCOPE", "KEY", "USABLE"}
	if wide {
		headers = append(headers, "ACCOUNT", "GUARD", "MANAGED-BY", "REASON")
	}
	t := NewTable(headers...)
	for i := range items {
		r := &items[i]
		key, usable := r.Encryption.KeyARN, ""
		if r.Key != nil {
			usable = string(r.Key.Usable)
			if len(r.Key.Aliases) > 0 && !wide {
				key = r.Key.Aliases[0]
			}
		}
		if !wide {
			key = key[strings.LastIndexByte(key, ':')+1:]
		}
		row := []string{shortContext(r.Cluster.Context), r.Cluster.Name, r.Cluster.Region,
			cmp.Or(r.Cluster.KubernetesVersion, Unknown),
			verdictCell(r), string(r.Encryption.Scope), key, usable}
		if wide {
			tool := ""
			if r.Cluster.ManagedBy != nil {
				tool = string(r.Cluster.ManagedBy.Tool)
			}
			row[0] = r.Cluster.Context
			row = append(row, r.Cluster.Account, string(r.Cluster.Guard), tool, r.Encryption.Reason)
		}
		t.Row(row...)
	}
	return t.Print(w)
}

// verdictCell returns the verdict for a table. It names the reason if kubectl uses another cluster.
func verdictCell(r *v1alpha1.EncryptionReport) string {
	if r.Cluster.Guard == v1alpha1.GuardMismatch {
		return string(r.Encryption.Verdict) + " (other cluster)"
	}
	return string(r.Encryption.Verdict)
}

// shortContext shortens a context name that is the ARN of the cluster, as aws eks
// update-kubeconfig creates it: other columns show the region and the account.
func shortContext(name string) string {
	if i := strings.LastIndex(name, ":cluster/"); i >= 0 && strings.HasPrefix(name, "arn:") {
		return name[i+1:]
	}
	return name
}

func managedBy(m *v1alpha1.ManagedBy) string {
	text := oneManager(m)
	for _, other := range m.Also {
		text += "; also traces of " + withReason(string(other.Tool), other.Evidence)
	}
	return text
}

func oneManager(m *v1alpha1.ManagedBy) string {
	switch {
	case m.Tool == v1alpha1.ToolUnknown || m.Tool == "":
		return withReason("unknown", "no tag names a tool; Terraform sets none")
	case m.Confidence == v1alpha1.ConfidenceProbable:
		return withReason("probably "+string(m.Tool), m.Evidence)
	}
	return withReason(string(m.Tool), m.Evidence)
}

func association(u *v1alpha1.Update) string {
	s := u.Status
	if u.CreatedAt != nil {
		s += ", started " + clock.Minute(u.CreatedAt.Time)
	}
	return s + ", update " + u.ID
}

// guardWords returns the guard with its evidence.
func guardWords(r *v1alpha1.EncryptionReport) string {
	words := string(r.Cluster.Guard)
	if g := r.Guard; g != nil && g.Evidence != "" && g.Evidence != v1alpha1.EvidenceNone {
		words += ", by " + strings.ToLower(string(g.Evidence))
	}
	return words
}

func withReason(s, reason string) string {
	if reason == "" {
		return s
	}
	return s + " (" + strings.TrimSuffix(reason, ".") + ")"
}
