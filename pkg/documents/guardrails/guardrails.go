// Package guardrails makes documents against the loss of a cluster's key: alerts, policies that deny the calls which
// make the key unusable, and rules for Prometheus. It calls nothing.
package guardrails

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Document is one guardrail.
type Document string

// The documents.
const (
	Alerts      Document = "alerts"
	KeyPolicy   Document = "key-policy"
	SCP         Document = "scp"
	RCP         Document = "rcp"
	CreationSCP Document = "creation-scp"
	Prometheus  Document = "prometheus"
)

// Documents returns all documents, in the order of the output.
func Documents() []Document {
	return []Document{Alerts, KeyPolicy, SCP, RCP, CreationSCP, Prometheus}
}

// isPolicy reports whether the document is a policy, which needs a break-glass principal.
func (d Document) isPolicy() bool { return d != Alerts && d != Prometheus }

// isOfOrganization reports whether the document belongs to the management account of the organization.
func (d Document) isOfOrganization() bool { return d == SCP || d == RCP || d == CreationSCP }

// Options are the values of the documents.
type Options struct {
	ClusterARN, KeyARN string
	// Topic is the ARN of the SNS topic that the alerts go to; if it is empty, the documents create one.
	Topic string
	// BreakGlass are the ARNs of the users and roles that no policy limits.
	BreakGlass []string
	// ApprovedKeys are patterns of the ARNs of keys that new clusters may use; default KeyARN.
	ApprovedKeys []string
	// Only selects documents; if it is empty, the result contains all that the format supports.
	Only []Document
}

// guard is a set of valid options in parts.
type guard struct {
	Options
	cluster, key arn.ARN
	// clusterName and keyID are the last parts of the ARNs.
	clusterName, keyID string
}

// name is the common part of the names of everything that the documents create.
func (g guard) name() string { return "eks-encrypt-" + g.keyID }

var (
	clusterARN  = regexp.MustCompile(`^arn:aws[a-z-]*:eks:[a-z0-9-]+:[0-9]{12}:cluster/[0-9A-Za-z][0-9A-Za-z_-]*$`)
	topicARN    = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[0-9A-Za-z_-]+(\.fifo)?$`)
	approvedARN = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9*-]+:([0-9]{12}|\*):(key|alias)/[0-9A-Za-z/_*-]+$`)
)

// newGuard validates the options.
func newGuard(o Options) (guard, error) {
	ref, err := kms.ParseRef(o.KeyARN)
	switch {
	case !clusterARN.MatchString(o.ClusterARN):
		return guard{}, fmt.Errorf("%q is not the ARN of an EKS cluster", o.ClusterARN)
	case err != nil:
		return guard{}, err
	case ref.Account == "" || ref.Alias != "":
		return guard{}, fmt.Errorf("%q is not the ARN of a key", o.KeyARN)
	}
	g := guard{Options: o}
	g.cluster, _ = arn.Parse(o.ClusterARN)
	g.key, _ = arn.Parse(o.KeyARN)
	g.clusterName = strings.TrimPrefix(g.cluster.Resource, "cluster/")
	g.keyID = strings.TrimPrefix(g.key.Resource, "key/")
	if len(g.ApprovedKeys) == 0 {
		g.ApprovedKeys = []string{o.KeyARN}
	}
	for _, check := range []func() error{g.checkTopic, g.checkApproved, g.checkBreakGlass} {
		if err := check(); err != nil {
			return guard{}, err
		}
	}
	return g, nil
}

func (g guard) checkTopic() error {
	topic, _ := arn.Parse(g.Topic)
	switch {
	case g.Topic == "":
		return nil
	case !topicARN.MatchString(g.Topic):
		return fmt.Errorf("%q is not the ARN of an SNS topic", g.Topic)
	case strings.HasSuffix(g.Topic, ".fifo"):
		return fmt.Errorf("topic %s is a FIFO topic: EventBridge needs a standard topic", g.Topic)
	case topic.Region != g.key.Region || topic.Partition != g.key.Partition:
		return fmt.Errorf("topic %s must be in %s, the region of the key: a rule reaches only topics of its own region",
			g.Topic, g.key.Region)
	}
	return nil
}

func (g guard) checkApproved() error {
	for _, pattern := range g.ApprovedKeys {
		if parsed, _ := arn.Parse(pattern); !approvedARN.MatchString(pattern) || parsed.Partition != g.key.Partition {
			return fmt.Errorf("%q is not a pattern for the ARNs of keys: use for instance arn:%s:kms:*:%s:key/*",
				pattern, g.key.Partition, g.key.AccountID)
		}
	}
	return nil
}

// Validate returns an error if the options cannot be printed in a format, whatever the cluster and its key.
func (o Options) Validate(f Format) error {
	_, err := o.selected(f)
	return err
}

// selected returns the documents for a format: those of Only, or all that the format supports.
func (o Options) selected(f Format) ([]Document, error) {
	wanted, supported := o.Only, f.documents()
	if len(wanted) == 0 {
		wanted = supported
	}
	var result []Document
	for _, d := range Documents() {
		switch {
		case !slices.Contains(wanted, d):
		case !slices.Contains(supported, d):
			return nil, fmt.Errorf("%s cannot contain the document %s: use json, yaml or terraform", f, d)
		case d.isPolicy() && len(o.BreakGlass) == 0:
			return nil, fmt.Errorf("the document %s needs a principal that it does not limit: pass --break-glass ARN,"+
				" or select other documents, for instance --only %s", d, Alerts)
		default:
			result = append(result, d)
		}
	}
	return result, nil
}
