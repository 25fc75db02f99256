package output

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// filled returns an object with s in every string.
func filled[T any](s string) *T {
	object := new(T)
	hostile.Fill(object, s)
	return object
}

// everywhere returns an object of each kind with s in every string.
func everywhere(s string) []runtime.Object {
	encryption, list := filled[v1alpha1.EncryptionReport](s), filled[v1alpha1.EncryptionReportList](s)
	coverage, keys := filled[v1alpha1.CoverageReport](s), filled[v1alpha1.KeyList](s)
	audit, plan := filled[v1alpha1.AuditReport](s), filled[v1alpha1.AssociationPlan](s)
	encryption.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindEncryptionReport)
	list.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindEncryptionReportList)
	list.Items[0].TypeMeta, audit.Items[0].TypeMeta = encryption.TypeMeta, encryption.TypeMeta
	coverage.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindCoverageReport)
	keys.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindKeyList)
	audit.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindAuditReport)
	plan.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindAssociationPlan)
	evidence := filled[v1alpha1.EvidenceReport](s)
	evidence.TypeMeta = v1alpha1.TypeMeta(v1alpha1.KindEvidenceReport)
	return []runtime.Object{encryption, list, coverage, keys, audit, plan, evidence}
}

// printed returns the object in a format. It fails the test if the text has an unsafe character.
func printed(t *testing.T, format string, obj runtime.Object) string {
	t.Helper()
	var b bytes.Buffer
	if err := NewFormat(format).Print(&b, obj); err != nil {
		t.Fatalf("%T as %s: %v", obj, format, err)
	}
	if bytes.ContainsFunc(b.Bytes(), sanitize.Unsafe) {
		t.Errorf("%T as %s = %q, want no unsafe character", obj, format, b.String())
	}
	return b.String()
}

// TestHostileData prints every kind in every format of -o with each hostile value in every
// string. Documents parse to the values. Texts are those of a harmless word, with the value
// in its place.
func TestHostileData(t *testing.T) {
	const word = "WORD"
	harmless := everywhere(word)
	for _, s := range hostile.Values() {
		for i, obj := range everywhere(s) {
			for _, format := range Formats() {
				policy := sanitize.MultiLine
				switch format {
				case "wide": // for people; see TestHostileText
					continue
				case "json":
					checkDocument(t, obj, func(r rune) rune { return r }, printed(t, format, obj))
					continue
				case "yaml", "kyaml":
					checkDocument(t, obj, policy, printed(t, format, obj))
					continue
				case "jsonpath-as-json=":
					list := printed(t, format+"{$}", obj)
					checkDocument(t, obj, policy, strings.TrimSuffix(strings.TrimPrefix(list, "["), "]\n"))
					continue
				case "name":
					policy = sanitize.SingleLine
				case "custom-columns=":
					format, policy = format+"NAME:.metadata.name", sanitize.SingleLine
				case "go-template=", "template=":
					format += "{{.}}"
				case "jsonpath=":
					format += "{.metadata.name}|{.items[*].metadata.name}|{.items[*].arn}|{.notes[*]}"
				case "custom-columns-file=", "go-template-file=", "templatefile=", "jsonpath-file=":
					continue // as without the file
				default:
					t.Fatalf("this test lacks the format %s", format)
				}
				want := strings.ReplaceAll(printed(t, format, harmless[i]), word, strings.Map(policy, s))
				if got := printed(t, format, obj); got != want {
					t.Errorf("%T as %s = %q, want %q", obj, format, got, want)
				}
			}
		}
	}
}

// checkDocument checks that the YAML or JSON text has the values of the object, with the policy.
func checkDocument(t *testing.T, obj runtime.Object, policy sanitize.Policy, text string) {
	t.Helper()
	var got, want any
	if err := sanitize.Copy(obj, &want, policy); err != nil {
		t.Fatal(err)
	}
	raw := []byte(text)
	if !json.Valid(raw) {
		var err error
		if raw, err = yaml.YAMLToJSONStrict(raw); err != nil {
			t.Errorf("%T: %v\n%s", obj, err, text)
			return
		}
	}
	if err := json.Unmarshal(raw, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%T = %v, %v; want %v; text:\n%s", obj, got, err, want, text)
	}
}

// TestHostileText checks that every table and text keeps a hostile value inside its cell. The
// values of the headlines are constants of this program.
func TestHostileText(t *testing.T) {
	const forged = "x\x1b[2J\nVERDICT: fine\u202E"
	for _, s := range append(hostile.Values(), forged) {
		report, audit := filled[v1alpha1.EncryptionReport](s), filled[v1alpha1.AuditReport](s)
		coverage, plan := filled[v1alpha1.CoverageReport](s), filled[v1alpha1.AssociationPlan](s)
		report.Encryption.Verdict, report.Encryption.Scope = v1alpha1.VerdictUnknown, v1alpha1.ScopeUnknown
		report.Cluster.Guard, report.Key.Usable = v1alpha1.GuardMismatch, v1alpha1.UsableNo
		audit.Scope.Controls, audit.Summary.Outcome = []string{"ENC-1"}, v1alpha1.OutcomeFinding
		coverage.Verdict, coverage.Method = v1alpha1.CoverageProven, v1alpha1.MethodRewrite
		plan.Checks[0].Result = v1alpha1.ResultFail
		evidence := filled[v1alpha1.EvidenceReport](s)
		evidence.Checks[0].Result = v1alpha1.ResultPass
		var b bytes.Buffer
		for _, err := range []error{
			AuditText(&b, audit, Colour{}, true), AuditText(&b, audit, Colour{}, false),
			EncryptionText(&b, report, Colour{}, true), EncryptionText(&b, report, Colour{}, false),
			EncryptionTable(&b, []v1alpha1.EncryptionReport{*report}, true), CoverageText(&b, coverage, Colour{}, true),
			KeyTable(&b, filled[v1alpha1.KeyList](s), KeyColumns{UsedBy: true, Wide: true}), PlanText(&b, plan, Colour{}),
			EvidenceText(&b, evidence, Colour{}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if bytes.ContainsFunc(b.Bytes(), sanitize.Unsafe) {
			t.Errorf("%q: the output contains an unsafe character:\n%q", s, b.String())
		}
		for line := range strings.Lines(b.String()) {
			if strings.HasPrefix(line, "VERDICT") || strings.HasPrefix(line, "# heading") {
				t.Errorf("line = %q, want no line that starts with a value", line)
			}
		}
	}
}
