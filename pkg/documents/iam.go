package documents

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// Purposes returns the values of IAMOptions.For.
func Purposes() []string {
	return []string{"status", "keys", "associate", "create-key", "verify", "audit", "palette", "all"}
}

// AuditRole is the name of the role that the policies expect in each account.
const AuditRole = "eks-encrypt-audit"

// IAMOptions select the commands, the cluster and the key of a policy.
type IAMOptions struct {
	For string // one of Purposes
	// ClusterARN may end in *; KeyARN may end in key/*.
	ClusterARN, KeyARN string
	// Alias limits the alias of a key to create; empty means any.
	Alias string
	// KeyCondition limits the statements on the key. It is required if they allow CreateGrant and KeyARN is not one key.
	KeyCondition KeyCondition
	// Optional adds the actions that only make the result more detailed.
	Optional bool
	// Import adds the actions that import findings into Security Hub.
	Import bool
}

// NeedsKey reports whether the purpose contains actions that must not be allowed for every key.
func NeedsKey(purpose string) bool {
	return purpose == "associate" || purpose == "palette" || purpose == "all"
}

// KeyCondition is the condition of a statement that is for several keys.
type KeyCondition map[string]map[string][]string

// ParseKeyCondition parses a condition on keys: a pattern of their alias, or a tag KEY=VALUE.
func ParseKeyCondition(text string) (KeyCondition, error) {
	if strings.HasPrefix(text, "alias/") {
		valid := regexp.MustCompile(`^alias/[a-zA-Z0-9/_*?-]+$`).MatchString(text)
		if !valid || strings.Trim(strings.TrimPrefix(text, "alias/"), "*?") == "" {
			return nil, fmt.Errorf("%q is not a pattern for aliases: use for instance alias/eks-*", text)
		}
		return KeyCondition{"ForAnyValue:StringLike": {"kms:ResourceAliases": {text}}}, nil
	}
	key, value, found := strings.Cut(text, "=")
	if !found || !isTag(key, 128) || !isTag(value, 256) {
		return nil, fmt.Errorf("%q is neither a pattern for aliases (alias/eks-*) nor a tag (KEY=VALUE)", text)
	}
	return KeyCondition{"StringEquals": {"aws:ResourceTag/" + key: {value}}}, nil
}

// isTag reports whether a key or value of a tag has 1 to limit characters, all of which KMS allows.
func isTag(s string, limit int) bool {
	n := utf8.RuneCountInString(s)
	return 1 <= n && n <= limit && strings.IndexFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !strings.ContainsRune(" _.:/=+@-", r)
	}) < 0
}

// need is one action that commands need.
type need struct {
	purposes string // separated by spaces
	action   string
	on       string // one of places
	optional bool
}

// needs returns the calls that the commands make. sts:GetCallerIdentity needs no permission.
// ListAliases, ListKeys and CreateKey do not support resources (Service Authorization
// Reference of KMS). No action that changes a key is allowed for every key: a creator gets
// them from the policy of the new key, see kms.CreatorActions.
func needs() []need {
	return []need{
		{"status associate verify", "eks:DescribeCluster", "cluster", false},
		{"status", "kms:DescribeKey", "key", false}, // without it --require cannot hold
		{"audit", "eks:ListClusters", "any", false},
		{"audit", "eks:DescribeCluster", "fleet", false},
		{"audit", "kms:DescribeKey", "fleet-keys", false}, // control ENC-3 is enforced by default
		{"associate verify palette", "eks:ListUpdates", "cluster", false},
		{"associate verify palette", "eks:DescribeUpdate", "cluster", false},
		{"associate", "eks:AssociateEncryptionConfig", "cluster", false},
		{"associate palette", "kms:DescribeKey", "key", false},
		{"associate palette", "kms:CreateGrant", "key", false},
		{"keys palette", "kms:ListKeys", "any", false},
		{"palette", "kms:ListAliases", "any", false},
		{"create-key", "kms:CreateKey", "any", false},
		{"create-key", "kms:CreateAlias", "aliases", false},
		{"create-key", "kms:ListAliases", "any", false},
		{"import", "securityhub:GetFindings", "hubs", false},
		{"import", "securityhub:BatchUpdateFindings", "hubs", false}, // waivers
		{"import", "securityhub:BatchImportFindings", "products", false},

		{"status", "eks:ListUpdates", "cluster", true},
		{"status", "eks:DescribeUpdate", "cluster", true},
		{"associate", "eks:ListCapabilities", "cluster", true},
		{"status", "kms:GetKeyPolicy", "key", true},             // --key-details
		{"status", "kms:ListGrants", "key", true},               // --key-details
		{"status", "kms:GetKeyLastUsage", "key", true},          // --key-details
		{"status", "kms:ListKeyRotations", "key", true},         // --key-details
		{"status keys", "cloudtrail:LookupEvents", "any", true}, // --key-details, keys describe
		{"verify", "kms:DescribeKey", "key", true},
		{"status verify", "kms:GetKeyRotationStatus", "key", true},
		{"audit", "kms:GetKeyRotationStatus", "fleet-keys", true},
		{"audit", "account:ListRegions", "any", true},                 // --regions all
		{"audit", "organizations:ListAccounts", "any", true},          // --organization
		{"audit", "organizations:ListAccountsForParent", "any", true}, // --ou
		{"audit", "organizations:ListChildren", "any", true},          // --ou
		{"audit", "sts:AssumeRole", "roles", true},                    // --role-name
		{"keys create-key", "kms:DescribeKey", "keys", true},
		{"keys create-key", "kms:GetKeyRotationStatus", "keys", true},
		{"keys", "kms:ListResourceTags", "keys", true},
		{"keys", "kms:GetKeyPolicy", "keys", true},     // keys describe
		{"keys", "kms:ListGrants", "keys", true},       // keys describe
		{"keys", "kms:GetKeyLastUsage", "keys", true},  // keys describe
		{"keys", "kms:ListKeyRotations", "keys", true}, // keys describe
		{"status verify audit keys", "kms:ListAliases", "any", true},
		{"keys associate", "eks:ListClusters", "any", true},
		{"keys associate", "eks:DescribeCluster", "clusters", true},
		{"associate", "kms:GetKeyPolicy", "key", true},
		{"create-key", "kms:TagResource", "keys", true},
		{"create-key", "iam:GetRole", "own-roles", true}, // the path of the creator's role
	}
}

// IAMPolicy returns the minimal policy for the commands of a purpose.
func IAMPolicy(o IAMOptions) (kms.PolicyDocument, error) {
	if !slices.Contains(Purposes(), o.For) {
		return kms.PolicyDocument{}, fmt.Errorf("unknown purpose %q: must be one of %s", o.For,
			strings.Join(Purposes(), ", "))
	}
	if NeedsKey(o.For) && strings.HasSuffix(o.KeyARN, "/*") && len(o.KeyCondition) == 0 {
		return kms.PolicyDocument{}, errors.New("kms:CreateGrant for every key would let its holder decrypt with each")
	}
	d := kms.PolicyDocument{Version: "2012-10-17"}
	for _, optional := range []bool{false, true} {
		if optional && !o.Optional {
			break
		}
		for _, on := range places() {
			var actions []string
			for _, n := range needs() {
				if o.wants(n.purposes) && n.optional == optional && n.on == on && !slices.Contains(actions, n.action) {
					actions = append(actions, n.action)
				}
			}
			if len(actions) == 0 {
				continue
			}
			slices.Sort(actions)
			s := kms.Statement{Sid: sid(on, optional), Effect: "Allow", Action: actions, Resource: o.resources(on)}
			if on == "key" {
				s.Condition = o.KeyCondition
			}
			d.Statement = append(d.Statement, s)
		}
	}
	return d, nil
}

// wants reports whether the policy is for one of the purposes. An import writes into another service, so that it must
// be requested.
func (o *IAMOptions) wants(purposes string) bool {
	if purposes == "import" {
		return o.Import
	}
	return o.For == "all" || slices.Contains(strings.Fields(purposes), o.For)
}

// places are the resources of the actions.
func places() []string {
	return []string{"cluster", "clusters", "fleet", "key", "keys", "aliases", "fleet-keys", "hubs", "products", "roles",
		"own-roles", "any"}
}

func sid(on string, optional bool) string {
	name := map[string]string{
		"cluster": "ThisCluster", "clusters": "Clusters", "fleet": "AllClusters", "key": "ThisKey", "keys": "Keys",
		"aliases": "Aliases", "fleet-keys": "AllKeys",
		"hubs": "SecurityHub", "products": "OwnFindings", "roles": "Roles", "own-roles": "OwnRoles", "any": "WithoutResource",
	}[on]
	if optional {
		return "Optional" + name
	}
	return name
}

func (o IAMOptions) resources(on string) []string {
	cluster, _ := arn.Parse(o.ClusterARN)
	partition := cmp.Or(cluster.Partition, "aws")
	switch on {
	case "cluster":
		return []string{o.ClusterARN}
	case "clusters":
		before, _, _ := strings.Cut(o.ClusterARN, ":cluster/")
		return []string{before + ":cluster/*"}
	case "fleet": // every region of the account
		return []string{o.everywhere("eks", "cluster/*")}
	case "fleet-keys":
		keys := []string{o.everywhere("kms", "key/*")}
		if key, err := arn.Parse(o.KeyARN); err == nil && key.AccountID != cluster.AccountID {
			keys = append(keys, o.KeyARN)
		}
		return keys
	case "hubs":
		return []string{o.everywhere("securityhub", "hub/default")}
	case "products": // the one that takes findings of any program
		return []string{o.everywhere("securityhub", "product/"+cluster.AccountID+"/default")}
	case "roles": // of every account: the trust policy of each role decides
		return []string{"arn:" + partition + ":iam::*:role/" + AuditRole}
	case "own-roles":
		return []string{"arn:" + partition + ":iam::" + cluster.AccountID + ":role/*"}
	case "key":
		return []string{o.KeyARN}
	case "keys":
		return []string{o.inRegion("key/*")}
	case "aliases":
		return []string{o.inRegion(cmp.Or(o.Alias, "alias/*"))}
	}
	return []string{"*"}
}

// inRegion returns the ARN of a KMS resource in the account and region of the cluster.
func (o IAMOptions) inRegion(resource string) string {
	in, err := arn.Parse(o.ClusterARN)
	if err != nil {
		return "*"
	}
	in.Service, in.Resource = "kms", resource
	return in.String()
}

// everywhere returns the ARN of a resource in all regions of the cluster's account.
func (o IAMOptions) everywhere(service, resource string) string {
	in, err := arn.Parse(o.ClusterARN)
	if err != nil {
		return "*"
	}
	in.Service, in.Region, in.Resource = service, "*", resource
	return in.String()
}
