package output

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// parseFormat returns the format for these flags.
func parseFormat(t *testing.T, args ...string) Format {
	t.Helper()
	f, flags := NewFormat(""), pflag.NewFlagSet("test", pflag.ContinueOnError)
	f.AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

func encryptionReport(name string, verdict v1alpha1.Verdict) v1alpha1.EncryptionReport {
	r := v1alpha1.EncryptionReport{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReport),
		Encryption: v1alpha1.Encryption{Verdict: verdict}}
	r.Name = name
	return r
}

func TestFormats(t *testing.T) {
	report := encryptionReport("a", v1alpha1.VerdictCustomerManagedKey)
	reports := []v1alpha1.EncryptionReport{report, encryptionReport("b", v1alpha1.VerdictNotEncrypted)}
	list := &v1alpha1.EncryptionReportList{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReportList), Items: reports}
	audit := &v1alpha1.AuditReport{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport), Items: reports,
		Summary: v1alpha1.AuditSummary{Clusters: 2}}
	keys := &v1alpha1.KeyList{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyList), Region: "eu-central-1",
		Items: []v1alpha1.KeyListItem{
			{ARN: "arn:1", Aliases: []string{"alias/x", "alias/y"}, Eligible: true}, {ARN: "arn:2"}}}
	noKeys := &v1alpha1.KeyList{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyList)}
	coverage := &v1alpha1.CoverageReport{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindCoverageReport),
		Resources: []v1alpha1.ResourceCoverage{{Resource: "secrets", Total: 1_234_567}}}

	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	template := file("template", "{{.metadata.name}}:\r\n{{.encryption.verdict}}\r\n")
	path := file("path", "{.metadata.name}")
	columns := file("columns", "NAME  VERDICT\n.metadata.name {.encryption.verdict}\n")

	const table = "NAME   VERDICT\na      CustomerManagedKey\nb      NotEncrypted\n"
	for _, test := range []struct {
		args []string
		obj  runtime.Object
		want string
	}{
		{[]string{"-o", "kyaml"}, noKeys,
			"---\n{\n  kind: \"KeyList\",\n  apiVersion: \"eks-encrypt/v1alpha1\",\n  metadata: {},\n  items: null,\n}\n"},
		{[]string{"-o", "name"}, &report, "encryptionreport.eks-encrypt/a\n"},
		{[]string{"-o", "name"}, list, "encryptionreport.eks-encrypt/a\nencryptionreport.eks-encrypt/b\n"},
		{[]string{"-o", "name"}, audit, "encryptionreport.eks-encrypt/a\nencryptionreport.eks-encrypt/b\n"},
		{[]string{"-o", "name"}, keys, "arn:1\narn:2\n"},
		{[]string{"-o", "name"}, noKeys, ""},

		{[]string{"-o", "go-template={{.encryption.verdict}}"}, &report, "CustomerManagedKey"},
		{[]string{"-o", "go-template={{range .items}}{{.metadata.name}} {{end}}{{.summary.clusters}}"}, audit, "a b 2"},
		{[]string{"-o", "template={{range .items}}{{.arn}} {{end}}"}, keys, "arn:1 arn:2 "},
		{[]string{"-o", "go-template={{range .resources}}{{.total}}{{end}}"}, coverage, "1234567"},
		{[]string{"-o", "go-template={{.nothing}}"}, &report, "<no value>"},
		{[]string{"-o", "go-template-file=" + template}, &report, "a:\nCustomerManagedKey\n"},
		{[]string{"-o", "templatefile=" + template}, &report, "a:\nCustomerManagedKey\n"},
		{[]string{"--template", "{{.metadata.name}}"}, &report, "a"},
		{[]string{"-o", "go-template", "--template", "{{.metadata.name}}"}, &report, "a"},
		{[]string{"-o", "go-template-file", "--template", template}, &report, "a:\nCustomerManagedKey\n"},

		{[]string{"-o", "jsonpath={.kind} {.resources[0].total}"}, coverage, "CoverageReport 1234567"},
		{[]string{"-o", "jsonpath={.nothing}"}, &report, ""},
		{[]string{"-o", "jsonpath={.items[*].arn}"}, keys, "arn:1 arn:2"},
		{[]string{"-o", "jsonpath", "--template", "{.metadata.name}"}, &report, "a"},
		{[]string{"-o", "jsonpath-file=" + path}, &report, "a"},
		{[]string{"-o", "jsonpath-as-json={.resources[0].total}"}, coverage, "[\n    1234567\n]\n"},

		{[]string{"-o", "custom-columns=NAME:.metadata.name,VERDICT:.encryption.verdict"}, list, table},
		{[]string{"-o", "custom-columns=NAME:metadata.name,VERDICT:{encryption.verdict}"}, audit, table},
		{[]string{"-o", "custom-columns", "--template", "NAME:.metadata.name"}, &report, "NAME\na\n"},
		{[]string{"-o", "custom-columns-file=" + columns}, list, table},
		{[]string{"-o", "custom-columns-file", "--template", columns}, list, table},
		{[]string{"-o", "custom-columns=ARN:.arn,ALIASES:.aliases[*],OK:.eligible"}, keys,
			"ARN     ALIASES           OK\narn:1   alias/x,alias/y   true\narn:2   <none>            false\n"},
		{[]string{"-o", "custom-columns=ARN:.arn"}, noKeys, "ARN\n"},
		{[]string{"-o", "custom-columns=TOTAL:.resources[*].total"}, coverage, "TOTAL\n1234567\n"},
	} {
		var b bytes.Buffer
		f := parseFormat(t, test.args...)
		if err := f.Validate(); err != nil || f.ForPeople() {
			t.Errorf("%q: Validate = %v, ForPeople = %v, want data", test.args, err, f.ForPeople())
		}
		if err := f.Print(&b, test.obj); err != nil || b.String() != test.want {
			t.Errorf("%q: output = %q, %v, want %q", test.args, b.String(), err, test.want)
		}
	}
}

// What is wrong with a format is known before there is something to print.
func TestInvalidFormats(t *testing.T) {
	oneLine := filepath.Join(t.TempDir(), "columns")
	if err := os.WriteFile(oneLine, []byte("NAME VERDICT\n.metadata.name"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-o", "toml"},
			`unknown output format "toml": must be one of wide, json, yaml, kyaml, name, custom-columns=, `},
		{[]string{"-o", "json=x"}, `unknown output format "json=x"`},
		{[]string{"-o", "go-template"}, "no template given"},
		{[]string{"-o", "go-template={{.a"}, "output format go-template: error parsing template {{.a"},
		{[]string{"-o", "go-template-file=nowhere"}, "nowhere"},
		{[]string{"--template", "{{.a"}, "output format go-template: error parsing template {{.a"},
		{[]string{"-o", "jsonpath={.a"}, "output format jsonpath: error parsing jsonpath {.a"},
		{[]string{"-o", "jsonpath-file=nowhere"}, "nowhere"},
		{[]string{"-o", "custom-columns"}, "no columns given"},
		{[]string{"-o", "custom-columns=NAME"}, `column "NAME" is not valid: use HEADER:PATH`},
		{[]string{"-o", "custom-columns=NAME:"}, `path "" of column "NAME" is not valid`},
		{[]string{"-o", "custom-columns=NAME:{.a"}, `path "{.a" of column "NAME" is not valid`},
		{[]string{"-o", "custom-columns=NAME:.a["}, `path ".a[" of column "NAME": unterminated array`},
		{[]string{"-o", "custom-columns-file=nowhere"}, "reading columns: open nowhere"},
		{[]string{"-o", "custom-columns-file=" + oneLine}, "2 headers in its first line and 1 paths in its second line"},
		{[]string{"-o", "json", "--template", "{{.a}}"}, "--template is not valid with -o json: use one of custom-columns, "},
		{[]string{"-o", "wide", "--template", "{{.a}}"}, "--template is not valid with -o wide"},
		{[]string{"-o", "go-template={{.a}}", "--template", "{{.a}}"}, "--template is not valid with -o go-template={{.a}}"},
	} {
		if err := parseFormat(t, test.args...).Validate(); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: Validate = %v, want %q", test.args, err, test.want)
		}
	}
	for _, args := range [][]string{nil, {"-o", "wide"}} {
		if f := parseFormat(t, args...); f.Validate() != nil || !f.ForPeople() {
			t.Errorf("%q: Validate = %v, ForPeople = %v, want a format for people", args, f.Validate(), f.ForPeople())
		}
	}
}

// A template that fails prints nothing, and its error does not contain the object.
func TestFailingTemplates(t *testing.T) {
	r := encryptionReport("a", v1alpha1.VerdictNotEncrypted)
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"-o", "go-template={{.kind}}{{.kind.x}}"}, "can't evaluate field x"},
		{[]string{"-o", "go-template={{.x}}", "--allow-missing-template-keys=false"}, `no entry for key "x"`},
		{[]string{"-o", "jsonpath={.kind}{.x}", "--allow-missing-template-keys=false"}, "x is not found"},
	} {
		var b bytes.Buffer
		err := parseFormat(t, test.args...).Print(&b, &r)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "NotEncrypted") {
			t.Errorf("%q: error = %v, want %q", test.args, err, test.want)
		}
		if b.Len() > 0 {
			t.Errorf("%q: output = %q, want none", test.args, b.String())
		}
	}
}

// Data contains no unsafe characters, and JSON still carries the original value.
func TestPrintSanitizes(t *testing.T) {
	const evil = "red \x1b[31m, right\u202eleft, tag\U000e0041, \u009b2J, line\u2028end, ünïcode 世界"
	r := &v1alpha1.EncryptionReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindEncryptionReport), Encryption: v1alpha1.Encryption{Reason: evil},
	}
	r.Name = "c"
	for _, format := range []string{"json", "JSON", "yaml", "kyaml", "jsonpath={.encryption.reason}",
		"jsonpath-as-json={.encryption.reason}", "go-template={{.encryption.reason}}",
		`go-template={{base64decode "G1sySg=="}}{{.encryption.reason}}`, "custom-columns=A\x1b:.encryption.reason"} {
		var b bytes.Buffer
		if err := NewFormat(format).Print(&b, r); err != nil {
			t.Fatal(err)
		}
		if bytes.ContainsFunc(b.Bytes(), sanitize.Unsafe) {
			t.Errorf("%s = %q, want no unsafe character", format, b.String())
		}
		if !strings.Contains(b.String(), "ünïcode 世界") {
			t.Errorf("%s = %s, want the safe text unchanged", format, b.String())
		}
		var back v1alpha1.EncryptionReport
		if err := json.Unmarshal(b.Bytes(), &back); strings.EqualFold(format, "json") &&
			(err != nil || back.Encryption.Reason != evil) {
			t.Errorf("reason = %q, %v, want %q", back.Encryption.Reason, err, evil)
		}
	}
	r.Encryption.Reason = "two\nlines\tand a tab"
	var b bytes.Buffer
	if err := NewFormat("custom-columns=REASON:.encryption.reason").Print(&b, r); err != nil {
		t.Fatal(err)
	}
	if want := "REASON\ntwo lines and a tab\n"; b.String() != want {
		t.Errorf("output = %q, want %q", b.String(), want)
	}
}
