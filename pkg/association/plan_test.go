package association

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

const (
	keyARN   = "arn:aws:kms:eu-central-1:111122223333:key/1"
	otherKey = "arn:aws:kms:eu-central-1:111122223333:key/2"
)

// passing returns facts for which every check passes, except the checks that are always unknown.
func passing() Facts {
	return Facts{
		Cluster: v1alpha1.Cluster{
			Name: "lab", Region: awstest.Region, Account: awstest.Account, Guard: v1alpha1.GuardMatch,
		},
		Live: &eks.Cluster{Name: "lab", Status: "ACTIVE", Version: "1.27"},
		Key:  v1alpha1.KeyListItem{ARN: keyARN, Eligible: true}, KeyAccount: awstest.Account,
		Caller: v1alpha1.Caller{ARN: awstest.User().ARN, Account: awstest.Account},
		Drift:  v1alpha1.Drift{Tool: v1alpha1.ToolEksctl, Confidence: v1alpha1.ConfidenceCertain, Consequence: "none"},
		Grant:  &v1alpha1.Check{Name: kms.GrantCheckName, Result: v1alpha1.ResultPass},
	}
}

// running returns one update in progress.
func running(kind, key string) []eks.Update {
	return []eks.Update{{Type: kind, Update: v1alpha1.Update{ID: "u-1", Status: "InProgress", KeyARN: key}}}
}

func TestPlan(t *testing.T) {
	const (
		pass, warn    = v1alpha1.ResultPass, v1alpha1.ResultWarn
		fail, unknown = v1alpha1.ResultFail, v1alpha1.ResultUnknown

		eligible     = "key is eligible"
		guard        = "kubectl uses this cluster"
		controlPlane = "EKS runs the control plane"
		currentKey   = "no other key is associated"
		active       = "cluster is active"
		updates      = "no other update is in progress"
		version      = "Kubernetes version"
		policy       = "key policy"
		shared       = "key used by other EKS clusters here"
		tool         = "infrastructure tool"
		identity     = "caller and account"
		capabilities = "controllers run by EKS"
	)
	// Each case changes one fact. check is the check that must notice, with its result.
	tests := []struct {
		name     string
		change   func(*Facts)
		decision Decision
		check    string
		result   v1alpha1.Result
	}{
		{"all checks pass", func(*Facts) {}, Associate, eligible, pass},
		{"key not resolved", func(f *Facts) {
			f.KeyErr, f.Live = errors.New("no such key"), nil
		}, Refuse, eligible, fail},
		{"key not eligible", func(f *Facts) {
			f.Key.Eligible, f.Key.Reasons, f.Live = false, []string{"it is disabled"}, nil
		}, Refuse, eligible, fail},
		{"key with a warning", func(f *Facts) {
			f.Key.Warnings = []string{"its material expires"}
		}, Associate, eligible, warn},
		{"other cluster", func(f *Facts) { f.Cluster.Guard = v1alpha1.GuardMismatch }, Refuse, guard, fail},
		{"other cluster, with --trust-endpoint", func(f *Facts) {
			f.Cluster.Guard, f.TrustEndpoint = v1alpha1.GuardMismatch, true
		}, Refuse, guard, fail},
		{"tunnel", func(f *Facts) { f.Cluster.Guard = v1alpha1.GuardUnverified }, Refuse, guard, fail},
		{"tunnel, with --trust-endpoint", func(f *Facts) {
			f.Cluster.Guard, f.TrustEndpoint = v1alpha1.GuardUnverified, true
		}, Associate, guard, warn},
		{"EKS Connector", func(f *Facts) { f.Live.Connected = true }, Refuse, controlPlane, fail},
		{"local cluster on Outposts", func(f *Facts) { f.Live.LocalOutpost = true }, Refuse, controlPlane, fail},
		{"has this key", func(f *Facts) { f.Live.KeyARN = keyARN }, Done, currentKey, pass},
		{"has another key", func(f *Facts) { f.Live.KeyARN = otherKey }, Refuse, currentKey, fail},
		{"updating", func(f *Facts) { f.Live.Status = "UPDATING" }, Refuse, active, fail},
		{"no status", func(f *Facts) { f.Live.Status = "" }, Refuse, active, fail},
		{"running association of this key", func(f *Facts) {
			f.Live.Status, f.Updates = "UPDATING", running(eks.TypeAssociation, keyARN)
		}, Adopt, active, pass},
		{"running association of this key, which EKS already names", func(f *Facts) {
			f.Live.KeyARN, f.Live.Status, f.Updates = keyARN, "UPDATING", running(eks.TypeAssociation, keyARN)
		}, Adopt, updates, pass},
		{"the same, but EKS does not report the key of the update", func(f *Facts) {
			f.Live.KeyARN, f.Updates = keyARN, running(eks.TypeAssociation, "")
		}, Adopt, updates, pass},
		{"has this key, and a running version update", func(f *Facts) {
			f.Live.KeyARN, f.Updates = keyARN, running("VersionUpdate", "")
		}, Done, currentKey, pass},
		{"running association of another key", func(f *Facts) {
			f.Updates = running(eks.TypeAssociation, otherKey)
		}, Refuse, updates, fail},
		{"running association of an unknown key", func(f *Facts) {
			f.Updates = running(eks.TypeAssociation, "")
		}, Refuse, updates, fail},
		{"running version update", func(f *Facts) { f.Updates = running("VersionUpdate", "") }, Refuse, updates, fail},
		{"updates unknown", func(f *Facts) { f.UpdatesErr = errors.New("denied") }, Refuse, updates, fail},
		{"1.28", func(f *Facts) { f.Live.Version = "1.28" }, Associate, version, warn},
		{"no version", func(f *Facts) { f.Live.Version = "" }, Associate, version, unknown},
		{"grant refused", func(f *Facts) { f.Grant.Result = fail }, Refuse, kms.GrantCheckName, fail},
		{"grant unknown", func(f *Facts) { f.Grant.Result = unknown }, Associate, kms.GrantCheckName, unknown},
		{"EKS permission", func(*Facts) {}, Associate, "caller may associate", unknown},
		{"key policy unknown", func(f *Facts) { f.PolicyErr = errors.New("denied") }, Associate, policy, unknown},
		{"key policy with a condition", func(f *Facts) {
			f.PolicyIssues.Blocking = []string{"kms:GrantIsForAWSResource"}
		}, Associate, policy, warn},
		{"key of another account", func(f *Facts) {
			f.KeyAccount = "444455556666"
		}, Associate, "cross-account access", warn},
		{"shared key", func(f *Facts) { f.UsedBy = []string{"arn:other"} }, Associate, shared, warn},
		{"users of the key unknown", func(f *Facts) { f.UsedByErr = errors.New("denied") }, Associate, shared, unknown},
		{"tool that breaks", func(f *Facts) {
			f.Drift = v1alpha1.Drift{Tool: v1alpha1.ToolPalette, Destructive: true}
		}, Refuse, tool, fail},
		{"tool that breaks, accepted", func(f *Facts) {
			f.Drift, f.AcceptDrift = v1alpha1.Drift{Tool: v1alpha1.ToolPalette, Destructive: true}, true
		}, Associate, tool, warn},
		{"tool probable", func(f *Facts) { f.Drift.Confidence = v1alpha1.ConfidenceProbable }, Associate, tool, warn},
		{"tool certain", func(*Facts) {}, Associate, tool, pass},
		{"traces of another tool", func(f *Facts) {
			f.Cluster.ManagedBy = &v1alpha1.ManagedBy{Also: []v1alpha1.ManagedBy{{Tool: v1alpha1.ToolTerraform}}}
		}, Associate, tool, warn},
		{"ACK run by EKS", func(f *Facts) {
			f.Capabilities = []eks.Capability{{Name: "a", Type: "ACK"}}
		}, Associate, capabilities, warn},
		{"a capability that is not known", func(f *Facts) {
			f.Capabilities = []eks.Capability{{Name: "a", Type: "NEW"}}
		}, Associate, capabilities, warn},
		{"no capability", func(*Facts) {}, Associate, capabilities, pass},
		{"capabilities unknown", func(f *Facts) {
			f.CapabilitiesErr = errors.New("denied")
		}, Associate, capabilities, unknown},
		{"the expected account", func(f *Facts) { f.ExpectAccount = awstest.Account }, Associate, identity, pass},
		{"caller in another account", func(f *Facts) {
			f.ExpectAccount, f.Caller.Account = awstest.Account, awstest.OtherAccount
		}, Refuse, identity, fail},
		{"cluster in another account", func(f *Facts) {
			f.ExpectAccount, f.Cluster.Account = awstest.Account, awstest.OtherAccount
		}, Refuse, identity, fail},
		{"another account has the key already", func(f *Facts) {
			f.ExpectAccount, f.Live.KeyARN = awstest.OtherAccount, keyARN
		}, Refuse, identity, fail},
		{"credentials of a wrapper", func(f *Facts) { f.Caller.Wrapper = "aws-vault" }, Associate, identity, warn},
		{"key policy that cannot be evaluated", func(f *Facts) {
			f.PolicyIssues.Unknown = []string{"aws:SourceVpce"}
		}, Associate, policy, unknown},
		{"tool unknown", func(f *Facts) {
			f.Drift = v1alpha1.Drift{Tool: v1alpha1.ToolUnknown, Consequence: "unknown"}
		}, Associate, tool, warn},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := passing()
			test.change(&f)
			plan, decision := Plan(f)
			if decision != test.decision {
				t.Errorf("decision = %s, want %s: %v", decision, test.decision, &RefusedError{Failures(plan)})
			}
			i := slices.IndexFunc(plan.Checks, func(c v1alpha1.Check) bool { return c.Name == test.check })
			if i < 0 || plan.Checks[i].Result != test.result {
				t.Errorf("checks = %v, want %s: %s", plan.Checks, test.check, test.result)
			}
			for _, c := range plan.Checks {
				if c.Message == "" && c.Name != kms.GrantCheckName {
					t.Errorf("message of %s is empty", c.Name)
				}
			}
			if (len(plan.Steps) > 0) != (decision == Associate || decision == Adopt) {
				t.Errorf("decision %s: steps = %v, want some only for Associate and Adopt", decision, plan.Steps)
			}
		})
	}
}

func TestParseClusterConfig(t *testing.T) {
	const head = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n"
	for _, test := range []struct {
		name, text, want string // want is the key, or empty
	}{
		{"YAML", head + "metadata: {name: lab, region: eu-west-1}\nnodeGroups: [{name: a}]\n" +
			"secretsEncryption: {keyARN: k}\n", "k"},
		{"JSON", `{"apiVersion":"eksctl.io/v1alpha5","kind":"ClusterConfig","metadata":{"name":"lab"},` +
			`"secretsEncryption":{"keyARN":"k"}}`, "k"},
		{"another kind", "apiVersion: v1\nkind: Secret\n", ""},
		{"another version", "apiVersion: eksctl.io/v1alpha4\nkind: ClusterConfig\n", ""},
		{"no name", head + "secretsEncryption: {keyARN: k}\n", ""},
		{"no key", head + "metadata: {name: lab}\n", ""},
		{"invalid YAML", "\t{", ""},
		{"empty", "", ""},
	} {
		c, err := ParseClusterConfig([]byte(test.text))
		if c.KeyARN != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: config = %+v, error = %v; want the key %q", test.name, c, err, test.want)
		}
	}
	c := ClusterConfig{Name: "lab", Region: "eu-west-1"}
	for _, test := range []struct {
		name, region string
		matches      bool
	}{{"lab", "eu-west-1", true}, {"lab", "", true}, {"lab", "us-east-1", false}, {"shop", "eu-west-1", false}} {
		if err := c.Matches(test.name, test.region); (err == nil) != test.matches {
			t.Errorf("Matches(%s, %s) = %v, want a match: %t", test.name, test.region, err, test.matches)
		}
	}
}

func FuzzParseClusterConfig(f *testing.F) {
	f.Add([]byte("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: lab}\n" +
		"secretsEncryption: {keyARN: k}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := ParseClusterConfig(text); err == nil && (c.Name == "" || c.KeyARN == "") {
			t.Errorf("ParseClusterConfig(%q) = %+v, want an error", text, c)
		}
	})
}

func TestUnsettled(t *testing.T) {
	for _, test := range []struct {
		name, status string
		updates      []eks.Update
		err          error
		want         bool
	}{
		{"active", "ACTIVE", nil, nil, false},
		{"another update runs", "UPDATING", running("VersionUpdate", ""), nil, false},
		{"no update explains the status", "UPDATING", nil, nil, true},
		{"the cluster has failed", "FAILED", nil, nil, true},
		{"the updates are unknown", "ACTIVE", nil, errors.New("denied"), true},
	} {
		f := passing()
		f.Live.KeyARN, f.Live.Status, f.Updates, f.UpdatesErr = keyARN, test.status, test.updates, test.err
		if _, decision := Plan(f); decision != Done || (f.Unsettled() != "") != test.want {
			t.Errorf("%s: decision = %s, unsettled: %q; want Done, %t", test.name, decision, f.Unsettled(), test.want)
		}
	}
}

// TestDescribeUpdate checks that the command for another update names region and profile.
func TestDescribeUpdate(t *testing.T) {
	f := passing()
	f.Updates, f.CLI = running("VersionUpdate", ""), awsclient.CLI{Region: awstest.Region, Profile: "my prod"}
	plan, _ := Plan(f)
	const want = "aws eks describe-update --name lab --update-id u-1 --region eu-central-1 --profile 'my prod'"
	if err := (&RefusedError{Failures(plan)}); !strings.HasSuffix(err.Hint(), want) {
		t.Errorf("hint = %q, want %q at its end", err.Hint(), want)
	}
}
