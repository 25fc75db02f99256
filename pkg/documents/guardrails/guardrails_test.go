package guardrails

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
)

// TestOptions checks what is refused.
func TestOptions(t *testing.T) {
	valid := testOptions()
	principal := func(arn string) func(*Options) { return func(o *Options) { o.BreakGlass = []string{arn} } }
	topic := func(arn string) func(*Options) { return func(o *Options) { o.Topic = arn } }
	key := func(arn string) func(*Options) { return func(o *Options) { o.KeyARN = arn } }
	approved := func(arn string) func(*Options) { return func(o *Options) { o.ApprovedKeys = []string{arn} } }
	for want, change := range map[string]func(*Options){
		"":                                 func(*Options) {},
		"is not the ARN of an EKS cluster": func(o *Options) { o.ClusterARN = testKey },
		"is not a valid KMS key reference": key(""),
		"is not the ARN of a key":          key("arn:aws:kms:eu-central-1:111122223333:alias/a"),
		"is not the ARN of an SNS topic":   topic("oncall"),
		"is a FIFO topic":                  topic("arn:aws:sns:eu-central-1:111122223333:a.fifo"),
		"must be in eu-central-1":          topic("arn:aws:sns:us-east-1:111122223333:oncall"),

		`"*" is not a pattern for the ARNs`:        approved("*"),
		`-cn:kms:*:111122223333:key/*" is not a p`: approved("arn:aws-cn:kms:*:111122223333:key/*"),

		"needs a principal that it does not":       func(o *Options) { o.BreakGlass = nil },
		`principal: "*" is not the ARN`:            principal("*"),
		`"the account" is not the ARN of a user`:   principal("the account"),
		"sso.amazonaws.com/ may contain *":         principal("arn:aws:iam::111122223333:role/break*"),
		`"arn:aws:iam::*:role/a" is not the`:       principal("arn:aws:iam::*:role/a"),
		"role/${aws:username}\" is not the ARN of": principal("arn:aws:iam::111122223333:role/${aws:username}"),
		`"arn:aws:iam::111122223333:role/a\nb`:     principal("arn:aws:iam::111122223333:role/a\nb"),
		"is the ARN of a session":                  principal(breakSession),
		"is not in partition aws":                  principal("arn:aws-cn:iam::111122223333:role/a"),
		"contain the name of one permission":       principal("arn:aws:iam::111122223333:" + ssoPath + "*"),
		"the name of one permission set":           principal("arn:aws:iam::111122223333:" + ssoPath + "AWSReservedSSO_*"),
	} {
		o := valid
		change(&o)
		for _, f := range Formats() {
			_, _, err := Print(o, f)
			if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("%s: error = %v, want %q", f, err, want)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: the error has several lines: %v", f, err)
			}
		}
	}
	valid.BreakGlass, valid.Only = nil, []Document{Alerts, Prometheus}
	if _, _, err := Print(valid, Terraform); err != nil {
		t.Errorf("alerts without a break-glass principal: %v", err)
	}
	valid.Only = []Document{Prometheus}
	if err := valid.Validate(CloudFormation); err == nil || !strings.Contains(err.Error(), "cannot contain") {
		t.Errorf("prometheus for CloudFormation: error = %v, want that it cannot contain it", err)
	}
}

// TestNotes checks what the user is told about each selection.
func TestNotes(t *testing.T) {
	o := testOptions()
	o.Topic = "arn:aws:sns:eu-central-1:111122223333:oncall"
	o.BreakGlass = []string{"arn:aws:iam::444455556666:role/security"}
	text, notes, err := Print(o, CloudFormation)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text, "AWS::SNS") || !strings.Contains(text, o.Topic) {
		t.Errorf("a template for a given topic creates one:\n%s", text)
	}
	all := strings.Join(notes, "\n")
	for _, want := range []string{
		"belong in account 111122223333, region eu-central-1", "the policy of topic " + o.Topic,
		"cannot contain key-policy and prometheus", "lets only principals of account 111122223333",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in the notes:\n%s", want, all)
		}
	}
	o = testOptions()
	o.Only = []Document{CreationSCP}
	if _, notes, _ := Print(o, JSON); len(notes) > 0 {
		t.Errorf("notes = %q, want none", notes)
	}
	o.ClusterARN = strings.Replace(o.ClusterARN, "arn:aws:", "arn:aws-cn:", 1)
	o.KeyARN, o.BreakGlass = strings.Replace(o.KeyARN, "arn:aws:", "arn:aws-cn:", 1), []string{
		"arn:aws-cn:iam::111122223333:role/a"}
	if _, notes, err := Print(o, JSON); err != nil || len(notes) != 1 || !strings.Contains(notes[0], "partition aws-cn") {
		t.Errorf("notes = %q, error = %v, want one about the condition key", notes, err)
	}
}

// FuzzPrint checks that options are either refused, or make a result that parses and in which every value is data.
func FuzzPrint(f *testing.F) {
	f.Add(testCluster, testKey, "arn:aws:sns:eu-central-1:111122223333:oncall", breakGlass, testKey)
	for _, evil := range hostile.Values() {
		f.Add(testCluster+evil, testKey, "", breakGlass, testKey)
		f.Add(testCluster, testKey, "", breakGlass+evil, testKey)
		f.Add(testCluster, testKey, "", ssoPattern+evil, testKey+evil)
	}
	f.Add(testCluster, testKey, "", breakGlass+"${file(\"/etc/passwd\")}", testKey)
	f.Add(testCluster, testKey, "", breakGlass+"${aws:username}", testKey)
	f.Fuzz(func(t *testing.T, cluster, key, topic, principal, approved string) {
		o := Options{ClusterARN: cluster, KeyARN: key, Topic: topic, BreakGlass: []string{principal},
			ApprovedKeys: []string{approved}}
		for _, format := range Formats() {
			text, _, err := Print(o, format)
			if err != nil {
				continue
			}
			var parsed any
			switch format {
			case JSON:
				err = json.Unmarshal([]byte(text), &parsed)
			case YAML, CloudFormation:
				err = yaml.Unmarshal([]byte(text), &parsed)
			case Terraform:
				file, diagnostics := hclsyntax.ParseConfig([]byte(text), "main.tf", hcl.InitialPos)
				if diagnostics.HasErrors() {
					t.Fatalf("%v\n%s", diagnostics, text)
				}
				for _, b := range file.Body.(*hclsyntax.Body).Blocks {
					for name, a := range b.Body.Attributes {
						for _, v := range a.Expr.Variables() {
							if root := v.RootName(); !strings.HasPrefix(root, "aws") {
								t.Errorf("%s refers to %s", name, root)
							}
						}
					}
				}
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", format, err, text)
			}
			if principal != "" && strings.ContainsAny(principal, "${}\"\\") {
				t.Errorf("the principal %q is accepted", principal)
			}
		}
	})
}
