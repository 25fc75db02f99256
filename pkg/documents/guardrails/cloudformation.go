package guardrails

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// inKeyAccount is the condition on the account and region of the key. A template with alerts and policies of the
// organization is deployed twice: as a stack at the key, and as one in the management account. Anywhere else,
// CloudFormation fails to create the policies.
const inKeyAccount, elsewhere = "InAccountOfKey", "InManagementAccount"

// cloudFormation returns a template.
func (g guard) cloudFormation(selected []Document) (string, error) {
	resources := object{}
	for _, d := range selected {
		if d == Alerts {
			g.addAlerts(resources)
		} else {
			g.addPolicy(resources, d)
		}
	}
	template := object{
		"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources,
		"Description": "Guardrails for the KMS key of EKS cluster " + g.clusterName,
	}
	if slices.Contains(selected, Alerts) && slices.ContainsFunc(selected, Document.isOfOrganization) {
		template["Conditions"] = object{
			inKeyAccount: object{"Fn::And": []object{
				equals("AWS::AccountId", g.key.AccountID), equals("AWS::Region", g.key.Region),
			}},
			elsewhere: object{"Fn::Not": []object{{"Condition": inKeyAccount}}},
		}
		for _, resource := range resources {
			if r := resource.(object); r["Type"] == "AWS::Organizations::Policy" {
				r["Condition"] = elsewhere
			} else {
				r["Condition"] = inKeyAccount
			}
		}
	}
	raw, err := yaml.Marshal(template)
	if err != nil {
		return "", fmt.Errorf("encode the template: %w", err)
	}
	return g.head(selected) + string(raw), nil
}

func equals(parameter, value string) object {
	return object{"Fn::Equals": []any{object{"Ref": parameter}, value}}
}

func (g guard) addAlerts(resources object) {
	var topic any = g.Topic
	if g.Topic == "" {
		topic = object{"Ref": "Topic"}
		policy := g.topicPolicy()
		resources["Topic"] = object{"Type": "AWS::SNS::Topic", "Properties": object{"TopicName": g.name()}}
		resources["TopicPolicy"] = object{
			"Type": "AWS::SNS::TopicPolicy", "Properties": object{"Topics": []any{topic}, "PolicyDocument": policy},
		}
	}
	for _, a := range g.alerts() {
		rule := "Rule" + capital(a.id)
		resources[rule] = object{"Type": "AWS::Events::Rule", "Properties": object{
			"Name": g.ruleName(a), "Description": a.description, "EventPattern": a.pattern, "State": "ENABLED",
			"Targets": []object{{"Id": "topic", "Arn": topic}},
		}}
		for _, m := range g.alarms(a) {
			properties := alarmSettings(m, []object{{"Name": "RuleName", "Value": object{"Ref": rule}}})
			properties["AlarmName"], properties["AlarmActions"] = g.alarmName(a, m), []any{topic}
			resources["Alarm"+capital(a.id)+capital(strings.TrimPrefix(m.id, "-"))] = object{
				"Type": "AWS::CloudWatch::Alarm", "Properties": properties,
			}
		}
	}
}

func (g guard) addPolicy(resources object, d Document) {
	o := g.organizationPolicy(d)
	resources[o.logicalID] = object{"Type": "AWS::Organizations::Policy", "Properties": object{
		"Name": o.name, "Description": o.description, "Type": o.kind, "TargetIds": []string{o.target},
		"Content": g.policy(d),
	}}
}

// organizationPolicy describes a policy of the organization.
type organizationPolicy struct{ logicalID, name, description, kind, target string }

func (g guard) organizationPolicy(d Document) organizationPolicy {
	const scp, rcp = "SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"
	keep := "Keep the KMS key of EKS cluster " + g.clusterName
	switch d {
	case SCP:
		return organizationPolicy{"KeyServiceControl", g.name() + "-scp", keep, scp, g.key.AccountID}
	case RCP:
		return organizationPolicy{"KeyResourceControl", g.name() + "-rcp", keep, rcp, g.key.AccountID}
	}
	return organizationPolicy{"CreationServiceControl", g.name() + "-creation",
		"New EKS clusters need an approved KMS key", scp, g.cluster.AccountID}
}

// head returns comments on where the documents belong. Every value in them was validated.
func (g guard) head(selected []Document) string {
	text := "# Guardrails for key " + g.KeyARN + "\n# of EKS cluster " + g.ClusterARN + ".\n"
	if slices.Contains(selected, Alerts) {
		text += "# Alerts: " + g.where() + ".\n"
	}
	if slices.ContainsFunc(selected, Document.isOfOrganization) {
		text += "# Policies of the organization: its management account, or a delegated administrator.\n"
	}
	return text
}

func capital(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + word[1:]
}
