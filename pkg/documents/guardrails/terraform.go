package guardrails

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// The aliases of the two AWS providers. The first refuses every account but the key's, and has the key's region: rules
// in another place would never match an event.
const atKey, atOrganization = "cluster_key", "organization"

// module is a Terraform module.
type module struct{ *hclwrite.Body }

// terraform returns the documents as a module for Terraform or OpenTofu.
func (g guard) terraform(selected []Document) string {
	file := hclwrite.NewEmptyFile()
	m := module{file.Body()}
	if slices.Contains(selected, Alerts) {
		p := m.block("provider", "aws")
		p.set("alias", atKey)
		p.set("region", g.key.Region)
		p.set("allowed_account_ids", []string{g.key.AccountID})
	}
	if slices.ContainsFunc(selected, Document.isOfOrganization) {
		p := m.block("provider", "aws")
		p.set("alias", atOrganization)
		p.set("region", g.key.Region)
	}
	for _, d := range selected {
		switch d {
		case Alerts:
			m.addAlerts(g)
		case KeyPolicy:
			m.addKeyPolicy(g)
		case Prometheus:
			rule := g.prometheusRule()
			rule["metadata"] = object{"name": "eks-encrypt", "namespace": "monitoring"} // the provider requires a namespace
			m.block("resource", "kubernetes_manifest", "eks_encrypt").set("manifest", rule)
		default:
			m.addPolicy(g, d)
		}
	}
	text := g.head(selected)
	if slices.Contains(selected, KeyPolicy) {
		text += "# Add the statement of the data source to the policy of the key, with source_policy_documents.\n"
	}
	return text + "\n" + strings.TrimLeft(string(hclwrite.Format(file.Bytes())), "\n")
}

func (m module) addAlerts(g guard) {
	topic := hclwrite.TokensForValue(cty.StringVal(g.Topic))
	if g.Topic == "" {
		m.resource(atKey, "aws_sns_topic", "cluster_key").set("name", g.name())
		topic = reference("aws_sns_topic", "cluster_key", "arn")
		p := m.resource(atKey, "aws_sns_topic_policy", "cluster_key")
		p.SetAttributeRaw("arn", topic)
		p.setJSON("policy", g.topicPolicy())
	}
	for _, a := range g.alerts() {
		rule := "cluster_key_" + a.id
		r := m.resource(atKey, "aws_cloudwatch_event_rule", rule)
		r.set("name", g.ruleName(a))
		r.set("description", a.description)
		r.setJSON("event_pattern", a.pattern)
		t := m.resource(atKey, "aws_cloudwatch_event_target", rule)
		t.SetAttributeRaw("rule", reference("aws_cloudwatch_event_rule", rule, "name"))
		t.set("target_id", "topic")
		t.SetAttributeRaw("arn", topic)
		for _, alarm := range g.alarms(a) {
			w := m.resource(atKey, "aws_cloudwatch_metric_alarm", rule+strings.ReplaceAll(alarm.id, "-", "_"))
			w.set("alarm_name", g.alarmName(a, alarm))
			w.set("alarm_description", alarm.description)
			w.set("namespace", alarmNamespace)
			w.set("metric_name", alarm.metric)
			w.SetAttributeRaw("dimensions", hclwrite.TokensForObject([]hclwrite.ObjectAttrTokens{{
				Name:  hclwrite.TokensForIdentifier("RuleName"),
				Value: reference("aws_cloudwatch_event_rule", rule, "name"),
			}}))
			w.set("statistic", "Sum")
			w.set("period", alarmPeriod)
			w.set("evaluation_periods", 1)
			w.set("threshold", 1)
			w.set("comparison_operator", alarmComparison)
			w.set("treat_missing_data", "notBreaching")
			w.SetAttributeRaw("alarm_actions", hclwrite.TokensForTuple([]hclwrite.Tokens{topic}))
		}
	}
}

// addKeyPolicy adds a data source, not a resource: a resource would replace the policy of the key.
func (m module) addKeyPolicy(g guard) {
	s := g.keyPolicyStatement()
	b := module{m.block("data", "aws_iam_policy_document", "cluster_key").AppendNewBlock("statement", nil).Body()}
	b.set("sid", s.Sid)
	b.set("effect", s.Effect)
	b.set("actions", s.Action)
	b.set("resources", s.Resource)
	p := b.block("principals")
	p.set("type", "*")
	p.set("identifiers", []string{"*"})
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			c := b.block("condition")
			c.set("test", operator)
			c.set("variable", key)
			c.set("values", s.Condition[operator][key])
		}
	}
}

func (m module) addPolicy(g guard, d Document) {
	o, name := g.organizationPolicy(d), strings.ReplaceAll(string(d), "-", "_")
	r := m.resource(atOrganization, "aws_organizations_policy", name)
	r.set("name", o.name)
	r.set("description", o.description)
	r.set("type", o.kind)
	r.setJSON("content", g.policy(d))
	a := m.resource(atOrganization, "aws_organizations_policy_attachment", name)
	a.SetAttributeRaw("policy_id", reference("aws_organizations_policy", name, "id"))
	a.set("target_id", o.target)
}

func (m module) block(kind string, labels ...string) module {
	m.AppendNewline()
	return module{m.AppendNewBlock(kind, labels).Body()}
}

func (m module) resource(provider, kind, name string) module {
	r := m.block("resource", kind, name)
	r.SetAttributeRaw("provider", reference("aws", provider))
	return r
}

func (m module) set(name string, v any) { m.SetAttributeValue(name, value(v)) }

// setJSON sets an attribute to the function call jsonencode(v).
func (m module) setJSON(name string, v any) {
	m.SetAttributeRaw(name, hclwrite.TokensForFunctionCall("jsonencode", hclwrite.TokensForValue(value(v))))
}

func reference(root string, names ...string) hclwrite.Tokens {
	traversal := hcl.Traversal{hcl.TraverseRoot{Name: root}}
	for _, name := range names {
		traversal = append(traversal, hcl.TraverseAttr{Name: name})
	}
	return hclwrite.TokensForTraversal(traversal)
}

// value returns v, which JSON can represent, as a value of Terraform.
func value(v any) cty.Value {
	raw, err := json.Marshal(v)
	if err == nil {
		var result ctyjson.SimpleJSONValue
		if err = result.UnmarshalJSON(raw); err == nil {
			return result.Value
		}
	}
	panic(fmt.Sprintf("encode a document: %v", err))
}
