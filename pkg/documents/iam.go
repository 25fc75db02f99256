package documents

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Purposes returns the values of IAMOptions.For.
func Purposes() []string {
	return []string{"status", "keys", "associate", "create-key", "verify", "audit", "all"}
}

// AuditRole is the name of the role that the policies expect in each account.
const AuditRole = "eks-encrypt-audit"

// IAMOptions select the commands, the cluster and the key of a policy.
type IAMOptions struct {
	For string // one of Purposes
	// ClusterARN may end in *; KeyARN may end in key/*.
	ClusterARN, KeyARN string
	// Optional adds the actions that only make the result more detailed.
	Optional bool
}

// need is one action that commands need.
type need struct {
	purposes string // separated by spaces
	action   string
	on       string // cluster, clusters, fleet, key, keys, fleet-keys, roles or any
	optional bool
}

// needs returns the calls that the commands make. sts:GetCallerIdentity needs no permission.
// ListAliases, ListKeys and CreateKey do not support resources (Service Authorization
// Reference of KMS).
func needs() []need {
	return []need{
		{"status associate verify", "eks:DescribeCluster", "cluster", false},
		{"audit", "eks:ListClusters", "any", false},
		{"audit", "eks:DescribeCluster", "fleet", false},
		{"audit", "kms:DescribeKey", "fleet-keys", false}, // control ENC-3 is enforced by default
		{"associate verify", "eks:ListUpdates", "cluster", false},
		{"associate verify", "eks:DescribeUpdate", "cluster", false},
		{"associate", "eks:AssociateEncryptionConfig", "cluster", false},
		{"associate", "kms:DescribeKey", "key", false},
		{"associate", "kms:CreateGrant", "key", false},
		{"keys", "kms:ListKeys", "any", false},
		{"create-key", "kms:CreateKey", "any", false},
		{"create-key", "kms:CreateAlias", "keys", false},
		{"create-key", "kms:EnableKeyRotation", "keys", false},
		// Never called, but CreateKey refuses a policy that denies its caller this action.
		{"create-key", "kms:PutKeyPolicy", "keys", false},

		{"status", "eks:ListUpdates", "cluster", true},
		{"status", "eks:DescribeUpdate", "cluster", true},
		{"associate", "eks:ListCapabilities", "cluster", true},
		{"status verify", "kms:DescribeKey", "key", true},
		{"status verify", "kms:GetKeyRotationStatus", "key", true},
		{"audit", "kms:GetKeyRotationStatus", "fleet-keys", true},
		{"audit", "account:ListRegions", "any", true},        // --regions all
		{"audit", "organizations:ListAccounts", "any", true}, // --organization
		{"audit", "sts:AssumeRole", "roles", true},           // --role-name
		{"keys", "kms:DescribeKey", "keys", true},
		{"keys", "kms:GetKeyRotationStatus", "keys", true},
		{"status verify audit keys", "kms:ListAliases", "any", true},
		{"keys associate", "eks:ListClusters", "any", true},
		{"keys associate", "eks:DescribeCluster", "clusters", true},
		{"associate", "kms:GetKeyPolicy", "key", true},
		{"create-key", "kms:TagResource", "keys", true},
	}
}

// IAMPolicy returns the minimal policy for the commands of a purpose.
func IAMPolicy(o IAMOptions) (kms.PolicyDocument, error) {
	if !slices.Contains(Purposes(), o.For) {
		return kms.PolicyDocument{}, fmt.Errorf("unknown purpose %q: must be one of %s", o.For,
			strings.Join(Purposes(), ", "))
	}
	d := kms.PolicyDocument{Version: "2012-10-17"}
	for _, optional := range []bool{false, true} {
		if optional && !o.Optional {
			break
		}
		for _, on := range []string{"cluster", "clusters", "fleet", "key", "keys", "fleet-keys", "roles", "any"} {
			var actions []string
			for _, n := range needs() {
				wanted := o.For == "all" || slices.Contains(strings.Fields(n.purposes), o.For)
				if wanted && n.optional == optional && n.on == on && !slices.Contains(actions, n.action) {
					actions = append(actions, n.action)
				}
			}
			if len(actions) == 0 {
				continue
			}
			slices.Sort(actions)
			d.Statement = append(d.Statement, kms.Statement{
				Sid: sid(on, optional), Effect: "Allow", Action: actions, Resource: o.resources(on),
			})
		}
	}
	return d, nil
}

func sid(on string, optional bool) string {
	name := map[string]string{
		"cluster": "ThisCluster", "clusters": "Clusters", "fleet": "AllClusters", "key": "ThisKey", "keys": "Keys",
		"fleet-keys": "AllKeys", "roles": "Roles", "any": "WithoutResource",
	}[on]
	if optional {
		return "Optional" + name
	}
	return name
}

func (o IAMOptions) resources(on string) []string {
	switch on {
	case "cluster":
		return []string{o.ClusterARN}
	case "clusters":
		return []string{upTo(o.ClusterARN, ":cluster/") + "*"}
	case "fleet": // every region of the account
		return []string{everywhere(o.ClusterARN) + "cluster/*"}
	case "fleet-keys":
		return []string{everywhere(o.KeyARN) + "key/*"}
	case "roles": // of every account: the trust policy of each role decides
		cluster, _ := arn.Parse(o.ClusterARN)
		return []string{"arn:" + cmp.Or(cluster.Partition, "aws") + ":iam::*:role/" + AuditRole}
	case "key":
		return []string{o.KeyARN}
	case "keys":
		keys := upTo(o.KeyARN, ":key/")
		return []string{keys + "*", strings.TrimSuffix(keys, "key/") + "alias/*"}
	}
	return []string{"*"}
}

// everywhere returns the common prefix of a service's ARNs in all regions of the account.
func everywhere(of string) string {
	parsed, err := arn.Parse(of)
	if err != nil {
		return of
	}
	parsed.Region, parsed.Resource = "*", ""
	return parsed.String()
}

// upTo returns the prefix of s that ends with mark, or s if it does not contain mark.
func upTo(s, mark string) string {
	if i := strings.Index(s, mark); i >= 0 {
		return s[:i+len(mark)]
	}
	return s
}
