package association

import (
	"errors"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

const (
	wanted = "arn:aws:kms:eu-central-1:111122223333:key/1"
	second = "arn:aws:kms:eu-central-1:111122223333:key/2"
)

// fit is a cluster and a key that nothing stands in the way of.
func fit() Facts {
	f := Facts{
		Cluster: v1alpha1.Cluster{Name: "lab", Region: home, Account: account, Guard: v1alpha1.GuardMatch},
		Live:    &Cluster{Name: "lab", Status: "ACTIVE", Version: "1.27"},
		Drift:   v1alpha1.Drift{Tool: v1alpha1.ToolEksctl, Consequence: "none"}, KeyAccount: account,
		Grant: &v1alpha1.Check{Name: kms.GrantCheckName, Result: v1alpha1.ResultPass},
	}
	f.Key = v1alpha1.KeyListItem{ARN: wanted, Eligible: true}
	return f
}

func running(kind, key string) Update {
	return Update{Type: kind, Update: v1alpha1.Update{ID: "u-1", Status: "InProgress", KeyARN: key}}
}

// Each case changes one fact; check is the one that must notice.
func TestPlan(t *testing.T) {
	const pass, warn, fail, unknown = v1alpha1.ResultPass, v1alpha1.ResultWarn, v1alpha1.ResultFail, v1alpha1.ResultUnknown
	tests := []struct {
		name     string
		change   func(*Facts)
		decision Decision
		check    string
		result   v1alpha1.Result
	}{
		{"all is well", func(*Facts) {}, Associate, "key is eligible", pass},
		{"the key can't be told", func(f *Facts) { f.KeyErr, f.Live = errors.New("no such key"), nil }, Refuse, "key is eligible", fail},
		{"the key is unfit", func(f *Facts) { f.Key.Eligible, f.Key.Reasons, f.Live = false, []string{"it is disabled"}, nil }, Refuse, "key is eligible", fail},
		{"the key has a catch", func(f *Facts) { f.Key.Warnings = []string{"its material expires"} }, Associate, "key is eligible", warn},
		{"another cluster", func(f *Facts) { f.Cluster.Guard = v1alpha1.GuardMismatch }, Refuse, "kubectl talks to this cluster", fail},
		{"another cluster, named by flag", func(f *Facts) { f.Cluster.Guard, f.NameByFlag = v1alpha1.GuardMismatch, true }, Refuse, "kubectl talks to this cluster", fail},
		{"a tunnel", func(f *Facts) { f.Cluster.Guard = v1alpha1.GuardUnverified }, Refuse, "kubectl talks to this cluster", fail},
		{"a tunnel, named by flag", func(f *Facts) { f.Cluster.Guard, f.NameByFlag = v1alpha1.GuardUnverified, true }, Associate, "kubectl talks to this cluster", warn},
		{"connector", func(f *Facts) { f.Live.Connector = true }, Refuse, "EKS runs the control plane", fail},
		{"local on Outposts", func(f *Facts) { f.Live.Outposts = true }, Refuse, "EKS runs the control plane", fail},
		{"the same key already", func(f *Facts) { f.Live.KeyARN = wanted }, Done, "no other key is associated", pass},
		{"another key already", func(f *Facts) { f.Live.KeyARN = second }, Refuse, "no other key is associated", fail},
		{"updating", func(f *Facts) { f.Live.Status = "UPDATING" }, Refuse, "cluster is active", fail},
		{"no status", func(f *Facts) { f.Live.Status = "" }, Refuse, "cluster is active", fail},
		{"this association runs", func(f *Facts) { f.Live.Status, f.Updates = "UPDATING", []Update{running(updateType, wanted)} }, Adopt, "cluster is active", pass},
		{"an association of another key runs", func(f *Facts) { f.Updates = []Update{running(updateType, second)} }, Refuse, "no other update is in progress", fail},
		{"an association of an untold key runs", func(f *Facts) { f.Updates = []Update{running(updateType, "")} }, Refuse, "no other update is in progress", fail},
		{"another update runs", func(f *Facts) { f.Updates = []Update{running("VersionUpdate", "")} }, Refuse, "no other update is in progress", fail},
		{"the updates can't be read", func(f *Facts) { f.UpdatesErr = errors.New("denied") }, Refuse, "no other update is in progress", fail},
		{"1.28", func(f *Facts) { f.Live.Version = "1.28" }, Associate, "meaning for this version", warn},
		{"no version", func(f *Facts) { f.Live.Version = "" }, Associate, "meaning for this version", unknown},
		{"the grant would be refused", func(f *Facts) { f.Grant.Result = fail }, Refuse, kms.GrantCheckName, fail},
		{"the grant is unknown", func(f *Facts) { f.Grant.Result = unknown }, Associate, kms.GrantCheckName, unknown},
		{"what EKS allows can't be told", func(*Facts) {}, Associate, "caller may associate", unknown},
		{"the key policy can't be read", func(f *Facts) { f.TrapsUnread = "denied" }, Associate, "key policy has no trap", unknown},
		{"the key policy has a trap", func(f *Facts) { f.Traps.Blocking = []string{"kms:GrantIsForAWSResource"} }, Associate, "key policy has no trap", warn},
		{"another account's key", func(f *Facts) { f.KeyAccount = "444455556666" }, Associate, "both accounts allow it", warn},
		{"others use it", func(f *Facts) { f.UsedBy = []string{"arn:other"} }, Associate, "key is this cluster's alone", warn},
		{"who uses it is unknown", func(f *Facts) { f.UsedByErr = errors.New("denied") }, Associate, "key is this cluster's alone", unknown},
		{"a manager that breaks", func(f *Facts) { f.Drift = v1alpha1.Drift{Tool: v1alpha1.ToolPalette, Destructive: true} }, Refuse, "its manager agrees", fail},
		{"a manager that breaks, accepted", func(f *Facts) {
			f.Drift, f.AcceptDrift = v1alpha1.Drift{Tool: v1alpha1.ToolPalette, Destructive: true}, true
		}, Associate, "its manager agrees", warn},
		{"no manager known", func(f *Facts) { f.Drift = v1alpha1.Drift{Tool: v1alpha1.ToolUnknown, Consequence: "unknown"} }, Associate, "its manager agrees", warn},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := fit()
			test.change(&f)
			plan, decision := Plan(f)
			if decision != test.decision {
				t.Errorf("%s, want %s: %v", decision, test.decision, &RefusedError{Failures(plan)})
			}
			var got v1alpha1.Result
			for _, c := range plan.Checks {
				if c.Name == test.check {
					got = c.Result
				}
				if c.Message == "" && c.Name != kms.GrantCheckName {
					t.Errorf("%s says nothing", c.Name)
				}
			}
			if got != test.result {
				t.Errorf("%s: %s, want %s", test.check, got, test.result)
			}
			if (len(plan.Steps) > 0) != (decision == Associate || decision == Adopt) {
				t.Errorf("%s has the steps %v", decision, plan.Steps)
			}
		})
	}
}

func TestParseClusterConfig(t *testing.T) {
	const head = "apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\n"
	for _, test := range []struct {
		name, text, want string // want is the key, or empty
	}{
		{"whole", head + "metadata: {name: lab, region: eu-west-1}\nnodeGroups: [{name: a}]\nsecretsEncryption: {keyARN: k}\n", "k"},
		{"JSON", `{"apiVersion":"eksctl.io/v1alpha5","kind":"ClusterConfig","metadata":{"name":"lab"},"secretsEncryption":{"keyARN":"k"}}`, "k"},
		{"another kind", "apiVersion: v1\nkind: Secret\n", ""},
		{"another version", "apiVersion: eksctl.io/v1alpha4\nkind: ClusterConfig\n", ""},
		{"no name", head + "secretsEncryption: {keyARN: k}\n", ""},
		{"no key", head + "metadata: {name: lab}\n", ""},
		{"no YAML", "\t{", ""},
		{"empty", "", ""},
	} {
		c, err := ParseClusterConfig([]byte(test.text))
		if c.KeyARN != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s: %+v, %v", test.name, c, err)
		}
	}
	c := ClusterConfig{Name: "lab", Region: "eu-west-1"}
	for _, test := range []struct {
		name, region string
		fits         bool
	}{{"lab", "eu-west-1", true}, {"lab", "", true}, {"lab", "us-east-1", false}, {"shop", "eu-west-1", false}} {
		if err := c.Concerns(test.name, test.region); (err == nil) != test.fits {
			t.Errorf("%s in %s: %v", test.name, test.region, err)
		}
	}
}

func FuzzParseClusterConfig(f *testing.F) {
	f.Add([]byte("apiVersion: eksctl.io/v1alpha5\nkind: ClusterConfig\nmetadata: {name: lab}\nsecretsEncryption: {keyARN: k}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if c, err := ParseClusterConfig(text); err == nil && (c.Name == "" || c.KeyARN == "") {
			t.Errorf("%q gave %+v", text, c)
		}
	})
}
