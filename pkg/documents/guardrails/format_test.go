package guardrails

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"sigs.k8s.io/yaml"
)

// printed returns the documents in a format.
func printed(t *testing.T, f Format, only ...Document) string {
	t.Helper()
	o := testOptions()
	o.Only = only
	text, _, err := Print(o, f)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// attributes are the attributes that the documentation of the Terraform providers names, of each block that we use.
var attributes = map[string]string{
	"provider aws":                                 "alias region allowed_account_ids",
	"resource aws_sns_topic":                       "name provider",
	"resource aws_sns_topic_policy":                "arn policy provider",
	"resource aws_cloudwatch_event_rule":           "event_pattern name description provider",
	"resource aws_cloudwatch_event_target":         "rule arn target_id provider",
	"resource aws_organizations_policy":            "name content type description provider",
	"resource aws_organizations_policy_attachment": "policy_id target_id provider",
	"resource kubernetes_manifest":                 "manifest",
	"data aws_iam_policy_document":                 "",
	"resource aws_cloudwatch_metric_alarm": "alarm_name comparison_operator evaluation_periods metric_name namespace" +
		" period statistic threshold dimensions treat_missing_data alarm_actions alarm_description provider",
}

// TestTerraform checks that the result parses as HCL, that its blocks have only known attributes, and that each
// reference leads to a block.
func TestTerraform(t *testing.T) {
	for _, only := range append([][]Document{nil}, each(Documents())...) {
		text := printed(t, Terraform, only...)
		file, diagnostics := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos)
		if diagnostics.HasErrors() {
			t.Fatalf("%v\n%s", diagnostics, text)
		}
		blocks := file.Body.(*hclsyntax.Body).Blocks
		if len(blocks) == 0 {
			t.Fatalf("%v: 0 blocks, want some", only)
		}
		defined := map[string]bool{}
		for _, b := range blocks {
			kind := b.Type + " " + b.Labels[0]
			known, isKnown := attributes[kind]
			if !isKnown {
				t.Errorf("unknown block %s", kind)
			}
			for name := range b.Body.Attributes {
				if !slices.Contains(strings.Fields(known), name) {
					t.Errorf("%s has the unknown attribute %s", kind, name)
				}
			}
			address := b.Labels[0] + "." + b.Labels[len(b.Labels)-1]
			if b.Type == "provider" {
				alias, _ := b.Body.Attributes["alias"].Expr.Value(nil)
				address = "aws." + alias.AsString()
			}
			if defined[address] {
				t.Errorf("two blocks are called %s", address)
			}
			defined[address] = true
		}
		for _, b := range blocks {
			for name, a := range b.Body.Attributes {
				for _, traversal := range a.Expr.Variables() {
					address := traversal.RootName() + "." + traversal[1].(hcl.TraverseAttr).Name
					if !defined[address] {
						t.Errorf("%s of %v refers to %s, which does not exist", name, b.Labels, address)
					}
				}
			}
		}
	}
}

func each(documents []Document) (result [][]Document) {
	for _, d := range documents {
		result = append(result, []Document{d})
	}
	return result
}

// TestTerraformTools checks the result with Terraform itself, where it is installed.
func TestTerraformTools(t *testing.T) {
	tool := installed(t, "terraform")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "main.tf"), printed(t, Terraform))
	run(t, tool, "fmt", "-check", "-diff", dir)
}

// TestCloudFormation checks the references and conditions of the template, and all else with cfn-lint, where it is
// installed.
func TestCloudFormation(t *testing.T) {
	for _, only := range append([][]Document{nil}, each(CloudFormation.documents())...) {
		text := printed(t, CloudFormation, only...)
		var template struct {
			AWSTemplateFormatVersion string
			Conditions               map[string]any
			Resources                map[string]struct {
				Type, Condition string
				Properties      map[string]any
			}
		}
		if err := yaml.UnmarshalStrict([]byte(text), &template, yaml.DisallowUnknownFields); err != nil &&
			!strings.Contains(err.Error(), "Description") {
			t.Fatalf("%v\n%s", err, text)
		}
		for name, r := range template.Resources {
			if _, found := template.Conditions[r.Condition]; !found && r.Condition != "" ||
				(r.Condition == "") != (len(template.Conditions) == 0) {
				t.Errorf("%v: %s has the condition %q, but the template has %v", only, name, r.Condition, template.Conditions)
			}
			walk(r.Properties, func(ref string) {
				if _, found := template.Resources[ref]; !found {
					t.Errorf("%s refers to %s, which does not exist", name, ref)
				}
			})
		}
	}
}

// walk calls see with the value of each Ref.
func walk(v any, see func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if ref, isText := value.(string); isText && name == "Ref" {
				see(ref)
			}
			walk(value, see)
		}
	case []any:
		for _, value := range v {
			walk(value, see)
		}
	}
}

func TestCloudFormationLint(t *testing.T) {
	t.Parallel()
	tool := installed(t, "cfn-lint")
	file := filepath.Join(t.TempDir(), "template.yaml")
	write(t, file, printed(t, CloudFormation))
	run(t, tool, file, "--regions", "eu-central-1")
}

// TestPlain checks that JSON and YAML have the same content, and that one document is not wrapped in an object.
func TestPlain(t *testing.T) {
	var all map[Document]any
	if err := json.Unmarshal([]byte(printed(t, JSON)), &all); err != nil || len(all) != len(Documents()) {
		t.Fatalf("%d documents, error = %v, want %d", len(all), err, len(Documents()))
	}
	for _, d := range Documents() {
		var one, other any
		if err := json.Unmarshal([]byte(printed(t, JSON, d)), &one); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal([]byte(printed(t, YAML, d)), &other); err != nil {
			t.Fatal(err)
		}
		if compact(one) != compact(other) || compact(one) != compact(all[d]) {
			t.Errorf("%s differs between the formats:\n%s\n%s\n%s", d, compact(one), compact(other), compact(all[d]))
		}
	}
}

// TestLimits checks the sizes that AWS allows.
func TestLimits(t *testing.T) {
	g, err := newGuard(testOptions())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []Document{SCP, RCP, CreationSCP} {
		if size := len(compact(g.policy(d))); size > 5120 {
			t.Errorf("%s has %d characters, want at most 5120", d, size)
		}
	}
	for _, a := range g.alerts() {
		if name := g.ruleName(a); len(name) > 64 {
			t.Errorf("the name of rule %s has %d characters, want at most 64", name, len(name))
		}
		if size := len(compact(a.pattern)); size > 2048 {
			t.Errorf("the pattern of rule %s has %d characters, want at most 2048", a.id, size)
		}
	}
}

// installed returns the path of a program, or skips the test.
func installed(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Skipf("%s is not installed", program)
	}
	return path
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Errorf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
}

// TestCalls checks the input of one call of each kind with the AWS CLI, where it is installed. A skeleton sends no
// request.
func TestCalls(t *testing.T) {
	t.Parallel()
	tool := installed(t, "aws")
	var calls []struct {
		Call  string
		Input json.RawMessage
	}
	if err := json.Unmarshal([]byte(printed(t, JSON, Alerts)), &calls); err != nil || len(calls) != 10 {
		t.Fatalf("%d calls, error = %v, want 10", len(calls), err)
	}
	checked := map[string]bool{}
	for _, c := range calls {
		if checked[c.Call] {
			continue
		}
		checked[c.Call] = true
		args := append(strings.Fields(c.Call), "--cli-input-json", string(c.Input), "--generate-cli-skeleton", "output",
			"--region", "eu-central-1")
		run(t, tool, args...)
	}
}
