package documents

import (
	"cmp"
	_ "embed"
	"strings"
	"text/template"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Runbook is a change record of one cluster, in Markdown.
type Runbook struct {
	Report v1alpha1.EncryptionReport
	Plan   *v1alpha1.AssociationPlan
	// Flags are the flags that select the cluster, each with a space before it. Every
	// command repeats them.
	Flags string
	// Secrets names the flags with secrets that the commands leave out; usually empty.
	Secrets string
	// ManagedBy is the value of --managed-by; empty if the tags identify the tool.
	ManagedBy string
	Now       time.Time
	Tool      string // version
}

//go:embed runbook.md.tmpl
var runbookTemplate string

// String renders the runbook.
func (r Runbook) String() string {
	t := template.Must(template.New("runbook").Funcs(template.FuncMap{"md": md, "fenced": fenced}).Parse(
		runbookTemplate))
	var b strings.Builder
	if err := t.Execute(&b, r); err != nil {
		panic("documents: runbook: " + err.Error()) // the template calls no function that can fail
	}
	return b.String()
}

// Facts returns the rows of the table that describes the cluster before the change.
func (r Runbook) Facts() [][2]string {
	c, e, key := r.Report.Cluster, r.Report.Encryption, r.Plan.Key
	manager := "unknown"
	if m := c.ManagedBy; m != nil {
		manager = string(m.Tool) + " (" + string(m.Confidence) + ")" + parenthesized(m.Evidence)
	}
	return [][2]string{
		{"cluster", c.ARN},
		{"kube context", c.Context},
		{"guard", string(c.Guard) + parenthesized(c.GuardReason)},
		{"Kubernetes", c.KubernetesVersion + " (" + c.PlatformVersion + ")"},
		{"status", c.Status},
		{"verdict", string(e.Verdict) + ", " + string(e.Scope)},
		{"current key", cmp.Or(e.KeyARN, "none")},
		{"new key", cmp.Or(key.ARN, "none")},
		{"aliases of the new key", cmp.Or(strings.Join(key.Aliases, ", "), "none")},
		{"managed by", manager},
	}
}

// Associate returns the associate command with its flags, except Flags.
func (r Runbook) Associate() string {
	command := "associate " + r.Plan.Key.ARN
	if r.ManagedBy != "" {
		command += " --managed-by " + r.ManagedBy
	}
	if r.Plan.Drift.Destructive {
		command += " --accept-drift"
	}
	return command
}

// BreakGlass returns the ARN of a role that does not exist, in the account of the new key.
func (r Runbook) BreakGlass() string {
	key, err := arn.Parse(r.Plan.Key.ARN)
	if err != nil {
		return "ARN"
	}
	return "arn:" + key.Partition + ":iam::" + key.AccountID + ":role/BREAK-GLASS"
}

// Command returns a code block with a command of this tool. Its output goes to file, unless
// that is empty.
func (r Runbook) Command(command, file string) string {
	if command = "kubectl eks-encrypt " + command + r.Flags; file != "" {
		command += " > " + file
	}
	return "```sh\n" + command + "\n```"
}

// md escapes a value, so that it is neither Markdown nor HTML.
func md(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return strings.NewReplacer(
		"\\", "\\\\", "|", "\\|", "<", "&lt;", ">", "&gt;", "`", "\\`", "[", "\\[").Replace(s)
}

// fenced escapes the text of a code block.
func fenced(s string) string { return strings.ReplaceAll(s, "```", "'''") }

func parenthesized(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}
