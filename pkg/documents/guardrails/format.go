package guardrails

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Format is a format of the result.
type Format string

// The formats.
const (
	JSON           Format = "json"
	YAML           Format = "yaml"
	Terraform      Format = "terraform"
	CloudFormation Format = "cloudformation"
)

// Formats returns all formats.
func Formats() []Format { return []Format{JSON, YAML, Terraform, CloudFormation} }

// documents returns the documents that a format supports. CloudFormation can neither add a statement to the policy of
// a key that exists, nor create an object of Kubernetes.
func (f Format) documents() []Document {
	if f == CloudFormation {
		return []Document{Alerts, SCP, RCP, CreationSCP}
	}
	return Documents()
}

// Print returns the selected documents in a format, and notes for the user.
func Print(o Options, f Format) (text string, notes []string, err error) {
	g, err := newGuard(o)
	if err != nil {
		return "", nil, err
	}
	selected, err := g.selected(f)
	if err != nil {
		return "", nil, err
	}
	switch f {
	case Terraform:
		text = g.terraform(selected)
	case CloudFormation:
		text, err = g.cloudFormation(selected)
	case JSON:
		text, err = encode(g.plain(selected))
	case YAML:
		var raw []byte
		raw, err = yaml.Marshal(g.plain(selected))
		text = string(raw)
	default:
		return "", nil, fmt.Errorf("unknown format %q", f)
	}
	return text, g.notes(f, selected), err
}

// plain returns one document itself, or an object of several.
func (g guard) plain(selected []Document) any {
	result := object{}
	for _, d := range selected {
		switch d {
		case Alerts:
			result[string(d)] = g.calls()
		case Prometheus:
			result[string(d)] = g.prometheusRule()
		default:
			result[string(d)] = g.policy(d)
		}
	}
	if len(selected) == 1 {
		return result[string(selected[0])]
	}
	return result
}

// calls returns the calls that create the alerts, each with the input that the AWS CLI accepts as --cli-input-json.
func (g guard) calls() (calls []object) {
	call := func(name string, input object) { calls = append(calls, object{"call": name, "input": input}) }
	if g.Topic == "" {
		call("sns create-topic", object{"Name": g.name()})
		call("sns set-topic-attributes", object{
			"TopicArn": g.topic(), "AttributeName": "Policy", "AttributeValue": compact(g.topicPolicy()),
		})
	}
	for _, a := range g.alerts() {
		call("events put-rule", object{
			"Name": g.ruleName(a), "Description": a.description, "EventPattern": compact(a.pattern), "State": "ENABLED",
		})
		call("events put-targets", object{
			"Rule": g.ruleName(a), "Targets": []object{{"Id": "topic", "Arn": g.topic()}},
		})
		for _, m := range g.alarms(a) {
			input := alarmSettings(m, []object{{"Name": "RuleName", "Value": g.ruleName(a)}})
			input["AlarmName"], input["AlarmActions"] = g.alarmName(a, m), []string{g.topic()}
			call("cloudwatch put-metric-alarm", input)
		}
	}
	return calls
}

// alarmSettings returns the properties of an alarm that the AWS CLI and CloudFormation name alike.
func alarmSettings(m alarm, dimensions []object) object {
	return object{
		"AlarmDescription": m.description, "Namespace": alarmNamespace, "MetricName": m.metric, "Dimensions": dimensions,
		"Statistic": "Sum", "Period": alarmPeriod, "EvaluationPeriods": 1, "Threshold": 1,
		"ComparisonOperator": alarmComparison, "TreatMissingData": "notBreaching",
	}
}

// notes returns what the user must know before the documents are used.
func (g guard) notes(f Format, selected []Document) (notes []string) {
	has := func(d Document) bool { return slices.Contains(selected, d) }
	if has(Alerts) {
		notes = append(notes, "the alerts belong in "+g.where()+
			", and need a CloudTrail trail that logs the management events of KMS")
	}
	if has(Alerts) && g.Topic != "" {
		notes = append(notes, "the policy of topic "+g.Topic+
			" must let events.amazonaws.com and cloudwatch.amazonaws.com publish (sns:Publish)")
	}
	if has(CreationSCP) && g.key.Partition != "aws" {
		notes = append(notes, "check that EKS has the condition key eks:encryptionConfigProviderKeyArns in partition "+
			g.key.Partition+": without it, creation-scp denies every new cluster")
	}
	if f == CloudFormation && len(g.Only) == 0 {
		notes = append(notes, "CloudFormation cannot contain key-policy and prometheus: print them as json or yaml")
	}
	return append(notes, g.breakGlassNotes(selected)...)
}

func encode(v any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(v)
	return b.String(), err
}

// compact returns v as JSON on one line. v contains only strings, lists and objects of them.
func compact(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("encode a document: %v", err))
	}
	return strings.TrimSpace(string(raw))
}
