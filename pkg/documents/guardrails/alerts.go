package guardrails

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

type object = map[string]any

// alert is an EventBridge rule for the key with its two CloudWatch alarms.
type alert struct {
	id, description string // id is a word, for names
	pattern         object
}

// watchedCalls returns the calls that are reported, whether they succeed or not.
func watchedCalls() []string {
	return []string{
		"DeleteImportedKeyMaterial", "DisableKey", "PutKeyPolicy", "RetireGrant", "RevokeGrant", "ScheduleKeyDeletion",
	}
}

// alerts returns the rules. CloudTrail writes the key of a call as the caller named it, by ID or by ARN, and again as
// an ARN among the resources. An event of RetireGrant has only the latter, a call that was denied may have only the
// former. KMS itself sends an event when it has deleted the key or its imported material.
func (g guard) alerts() []alert {
	return []alert{{
		"calls", "Calls that can make the key of EKS cluster " + g.clusterName + " unusable",
		object{
			"source": []string{"aws.kms"}, "detail-type": []string{"AWS API Call via CloudTrail"},
			"detail": object{
				"eventSource": []string{"kms.amazonaws.com"}, "eventName": watchedCalls(),
				"$or": []object{
					{"resources": object{"ARN": []string{g.KeyARN}}},
					{"requestParameters": object{"keyId": []string{g.KeyARN, g.keyID}}},
				},
			},
		},
	}, {
		"events", "The key of EKS cluster " + g.clusterName + ", or its imported material, is gone",
		object{
			"source":      []string{"aws.kms"},
			"detail-type": []string{"KMS CMK Deletion", "KMS Imported Key Material Expiration"},
			"resources":   []string{g.KeyARN},
		},
	}}
}

func (g guard) ruleName(a alert) string { return g.name() + "-" + a.id }

// alarm is a CloudWatch alarm on the metrics of a rule.
type alarm struct{ id, metric, description string }

// alarms returns the alarms of a rule: it matched an event, and its message could not be delivered.
func (g guard) alarms(a alert) []alarm {
	return []alarm{
		{"", "Invocations", a.description},
		{"-undelivered", "FailedInvocations",
			"EventBridge could not deliver a message about the key of EKS cluster " + g.clusterName},
	}
}

func (g guard) alarmName(a alert, m alarm) string { return g.ruleName(a) + m.id }

// The settings of every alarm: it is raised by the first event within a minute.
const (
	alarmNamespace  = "AWS/Events"
	alarmComparison = "GreaterThanOrEqualToThreshold"
	alarmPeriod     = 60
)

// topic returns the ARN of the topic of the alerts.
func (g guard) topic() string {
	if g.Topic != "" {
		return g.Topic
	}
	return arn.ARN{Partition: g.key.Partition, Service: "sns", Region: g.key.Region, AccountID: g.key.AccountID,
		Resource: g.name()}.String()
}

// topicPolicy lets EventBridge and CloudWatch publish to the topic. EventBridge did not always support conditions in
// the policy of a topic; without one, its messages arrive in any case.
func (g guard) topicPolicy() kms.PolicyDocument {
	allow := func(sid, service string) kms.Statement {
		return kms.Statement{Sid: sid, Effect: "Allow", Principal: v1alpha1.Principals{"Service": service},
			Action: []string{"sns:Publish"}, Resource: []string{g.topic()}}
	}
	rules, alarms := allow("Rules", "events.amazonaws.com"), allow("Alarms", "cloudwatch.amazonaws.com")
	alarms.Condition = map[string]map[string][]string{"StringEquals": {"aws:SourceAccount": {g.key.AccountID}}}
	return kms.PolicyDocument{Version: "2012-10-17", Statement: []kms.Statement{rules, alarms}}
}

// where names the place of the alerts.
func (g guard) where() string {
	return fmt.Sprintf("account %s, region %s", g.key.AccountID, g.key.Region)
}
