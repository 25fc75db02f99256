package documents

import (
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Runbook is a change record of one cluster, in Markdown.
type Runbook struct {
	Report v1alpha1.EncryptionReport
	Plan   *v1alpha1.AssociationPlan
	// Flags are what every command must repeat to mean the same cluster.
	Flags string
	// ManagedBy is the tool that the user named, where its tags don't tell.
	ManagedBy string
	Now       time.Time
	Tool      string // version
}

// String renders the runbook.
func (r Runbook) String() string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	c, p := r.Report.Cluster, r.Plan
	say("# Change record: a customer-managed KMS key for EKS cluster %s\n", md(c.Name))
	say("Made %s by kubectl eks-encrypt %s. It describes this cluster at that moment; run `generate runbook` again on the day of the change.\n", r.Now.UTC().Format("2006-01-02 15:04 UTC"), md(r.Tool))
	say("> **There is no way back.** EKS never removes or changes a cluster's key. If the key is disabled, the cluster does not survive its next restart; if it is deleted, or the grant of EKS revoked, the cluster is lost.\n")
	say("## 1. Before\n")
	table(&b, [][2]string{
		{"cluster", c.ARN}, {"kube context", c.Context}, {"guard", string(c.Guard) + reasonIn(c.GuardReason)},
		{"Kubernetes", c.KubernetesVersion + " (" + c.PlatformVersion + ")"}, {"status", c.Status},
		{"verdict", string(r.Report.Encryption.Verdict) + ", " + string(r.Report.Encryption.Scope)},
		{"key now", orNone(r.Report.Encryption.KeyARN)}, {"key to be", orNone(p.Key.ARN)}, {"its aliases", orNone(strings.Join(p.Key.Aliases, ", "))},
		{"managed by", manager(c.ManagedBy)},
	})
	say("\n## 2. Checks\n")
	say("| check | result | | remedy |\n|---|---|---|---|")
	for _, check := range p.Checks {
		remedy := ""
		if check.Result != v1alpha1.ResultPass {
			remedy = check.Remedy
		}
		say("| %s | %s | %s | %s |", md(check.Name), check.Result, md(check.Message), md(remedy))
	}
	say("\n## 3. What becomes of the tool that manages the cluster\n")
	say("%s: %s.\n", md(string(p.Drift.Tool)), md(p.Drift.Consequence))
	if p.Drift.Remedy != "" {
		say("Remedy: %s.\n", md(p.Drift.Remedy))
	}
	if p.Drift.Snippet != "" {
		say("```\n%s```\n", strings.ReplaceAll(p.Drift.Snippet, "```", "'''"))
	}
	r.steps(say)
	say("## 6. Sign-off\n")
	say("| role | name | date |\n|---|---|---|\n| requested by | | |\n| approved by | | |\n| carried out by | | |\n| verified by | | |")
	return b.String()
}

func (r Runbook) steps(say func(string, ...any)) {
	key, flags := r.Plan.Key.ARN, r.Flags
	accept := ""
	if r.Plan.Drift.Destructive {
		accept = " --accept-drift"
	}
	if r.ManagedBy != "" {
		accept = " --managed-by " + r.ManagedBy + accept
	}
	command := func(text string) {
		line, file, redirected := strings.Cut(text, " > ")
		if line += flags; redirected {
			line += " > " + file
		}
		say("```sh\n%s\n```", line)
	}
	say("## 4. Steps\n")
	say("1. Keep the state before, as evidence.")
	command("kubectl eks-encrypt status -o yaml > before.yaml")
	say("2. Look at the plan once more. It must end without a failed check.")
	if r.Plan.Drift.Destructive {
		say("\n   Section 3 says that the tool will do harm or stop working until step 4 is done: `--accept-drift` says that you know. Where the tool can make the association itself, let it, and go on with step 5.\n")
	}
	command("kubectl eks-encrypt associate " + key + accept + " --dry-run=client")
	say("3. Associate. It asks for the cluster's name, and waits: up to an hour or more. The cluster serves meanwhile. If the wait is interrupted, the same command takes it up again.")
	command("kubectl eks-encrypt associate " + key + accept)
	say("4. Do the step of section 3 in the code that describes the cluster, before anybody runs it again.")
	say("5. Bring the existing data over. It can be interrupted, and run again.")
	command("kubectl eks-encrypt rewrite --all-resources --evidence rewrite.json")
	say("6. Verify.")
	command("kubectl eks-encrypt status --require cmk -o yaml > after.yaml")
	command("kubectl eks-encrypt verify")
	say("\nIf step 3 ends in a failure, the cluster is unchanged: read the error and its hint, put it right, run step 3 again. After it has succeeded there is no rollback.\n")
	say("## 5. Evidence to keep\n")
	say("- `before.yaml`, `after.yaml`: the verdict, the key and its state\n- `rewrite.json`: counts, times, resourceVersions, failures, a sha256 over it; no values\n- CloudTrail: `eks:AssociateEncryptionConfig` with the update's id, `kms:CreateGrant`\n- this record\n")
}

func table(b *strings.Builder, rows [][2]string) {
	b.WriteString("| | |\n|---|---|\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| %s | %s |\n", row[0], md(row[1]))
	}
}

// md keeps a value from being Markdown or HTML.
func md(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer("\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "`", "\\`", "[", "\\[").Replace(s)
}

func reasonIn(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

func manager(m *v1alpha1.ManagedBy) string {
	if m == nil {
		return "unknown"
	}
	return string(m.Tool) + " (" + string(m.Confidence) + ")" + reasonIn(m.Evidence)
}
