package cmd_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const (
	threadRole = "arn:aws:iam::" + awstest.Account + ":role/cluster-20221212043547987000000001"
	creator    = "arn:aws:iam::" + awstest.Account + ":role/terraform"
)

// keyPolicyOf returns a policy that allows principals actions, each pair as one statement.
func keyPolicyOf(pairs ...string) string {
	var statements []string
	for i := 0; i < len(pairs); i += 2 {
		statements = append(statements, fmt.Sprintf(
			`{"Sid":"S%d","Effect":"Allow","Principal":{"AWS":%q},"Action":[%s],"Resource":"*"}`, i/2, pairs[i], pairs[i+1]))
	}
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// thread is a case of a public thread, on a cluster and a key of its own.
type thread struct {
	*pluginTest
	name, cluster, key string
	where              []string
}

func newThread(t *testing.T, w *pluginTest, name, policy string, c fakeaws.Cluster) thread {
	t.Helper()
	w.AddPrincipal(fakeaws.Principal{ARN: threadRole})
	c.Name, c.RoleARN = name, threadRole
	key := awstest.AddKey(t, w.Server, fakeaws.Key{Policy: policy})
	if c.KeyARN != "" {
		c.KeyARN = key
	}
	return thread{w, name, awstest.AddCluster(t, w.Server, c), key,
		[]string{"--context", "kind-dev", "--cluster-name", name, "--region", awstest.Region}}
}

// add adds statements to the key policy, as the output shows them.
func (x thread) add(t *testing.T, statements string) {
	t.Helper()
	awstest.Must(t, x.Update(func(w *fakeaws.State) {
		w.Keys[x.key].Policy = strings.Replace(w.Keys[x.key].Policy, `[`, "["+statements+",", 1)
		if !json.Valid([]byte(w.Keys[x.key].Policy)) {
			t.Fatalf("not a policy: %s", w.Keys[x.key].Policy)
		}
	}))
}

var inlineStatements = regexp.MustCompile(`\{"Sid":.*\}`)

// TestAssociationThreads checks, for threads about key policies, that associate names the cause, and that the
// association succeeds with the statements that it prints.
func TestAssociationThreads(t *testing.T) {
	t.Parallel()
	use := `"kms:Encrypt","kms:Decrypt","kms:ListGrants","kms:DescribeKey"`
	owner := keyPolicyOf(creator, `"kms:*"`, threadRole, use)
	roleActions := []string{"kms:DescribeKey", "kms:ListGrants", "kms:CreateGrant"}
	for _, test := range []struct {
		name, policy string
		user         []fakeaws.Statement // the caller's own policy; nil allows all
		cluster      fakeaws.Cluster
		cause        string
	}{
		{"eks-2816 the policy names roles that were deleted", keyPolicyOf("AROAEXAMPLE12345678", `"kms:*"`, threadRole, use),
			nil, fakeaws.Cluster{}, "the key policy refuses this and does not leave it to IAM"},
		{"eks-2436 the policy names only its creator", owner, nil, fakeaws.Cluster{}, "no IAM policy can allow it"},
		{"eks-2678 the policy names another user", keyPolicyOf("arn:aws:iam::"+awstest.Account+":user/james", `"kms:*"`), nil,
			fakeaws.Cluster{}, "kms:DescribeKey"},
		{"provider-30032 automation created the key", keyPolicyOf("arn:aws:iam::"+awstest.Account+":user/automation",
			`"kms:*"`, threadRole, use), nil, fakeaws.Cluster{}, "no IAM policy can allow it"},
		{"blueprints-485 an administrator of the account is not in the policy", owner, nil, fakeaws.Cluster{},
			"no IAM policy can allow it"},
		{"capa-2432 the controller's policy lacks kms", "", []fakeaws.Statement{fakeaws.Allow("eks:*"),
			fakeaws.Allow("kms:DescribeKey"), fakeaws.Allow("kms:GetKeyPolicy")}, fakeaws.Cluster{},
			"no identity-based policy allows the kms:CreateGrant action"},
		{"eks-2678 the policy lets the caller describe, not grant", keyPolicyOf(creator, `"kms:*"`, awstest.UserARN,
			`"kms:DescribeKey","kms:GetKeyPolicy"`), nil, fakeaws.Cluster{}, "no statement allows the caller kms:CreateGrant"},
		{"roadmap-1533 the policy does not name the cluster role", keyPolicyOf(awstest.UserARN, `"kms:*"`), nil,
			fakeaws.Cluster{RoleUsesKey: roleActions}, "the key policy does not allow the cluster's role " + threadRole},
		{"roadmap-1533 the policy may not be read", keyPolicyOf(awstest.UserARN, `"kms:DescribeKey","kms:CreateGrant"`), nil,
			fakeaws.Cluster{RoleUsesKey: roleActions}, "or the key policy refuses the role, which could not be determined"},
		{"roadmap-1533 the role lacks permissions in IAM", "", nil, fakeaws.Cluster{RoleUsesKey: roleActions},
			"the key policy does not refuse the role, but if it leaves the role to IAM"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newPluginTest(t, time.Millisecond)
			if test.user != nil {
				awstest.Must(t, w.AddPrincipal(principal(test.user...)))
			}
			x := newThread(t, w, "thread", test.policy, test.cluster)
			associate := append([]string{"associate", x.key, "--yes", "--trust-endpoint", "--no-record"}, x.where...)
			_, stderr, code := x.run(t, associate...)
			if code != 1 || !strings.Contains(stderr, test.cause) {
				t.Fatalf("exit code = %d, want 1 and the cause %q:\n%s", code, test.cause, stderr)
			}
			stdout, _, _ := x.run(t, append(append([]string{}, associate...), "--dry-run=client", "-o", "json")...)
			var plan v1alpha1.AssociationPlan
			awstest.Must(t, json.Unmarshal([]byte(stdout), &plan))
			printed := inlineStatements.FindString(stderr)
			for _, c := range plan.Checks {
				if c.Result == v1alpha1.ResultFail && len(c.Statements) > 0 {
					text, err := json.Marshal(c.Statements)
					awstest.Must(t, err)
					printed = strings.Trim(string(text), "[]")
				}
			}
			if printed == "" {
				t.Fatalf("no statement:\n%s", stderr)
			}
			x.add(t, printed)
			if _, stderr, code := x.run(t, associate...); code != 0 {
				t.Fatalf("with %s: exit code = %d\n%s", printed, code, stderr)
			}
			x.View(func(w *fakeaws.State) {
				if w.Clusters[x.cluster].KeyARN != x.key {
					t.Errorf("the cluster has the key %q, want %s", w.Clusters[x.cluster].KeyARN, x.key)
				}
			})
		})
	}
}

// TestThreadsWithoutStatement checks threads whose cause is not a statement that could be added.
func TestThreadsWithoutStatement(t *testing.T) {
	t.Parallel()
	w := newPluginTest(t, time.Millisecond)
	x := newThread(t, w, "thread", "", fakeaws.Cluster{})
	// CAPA 2432: the key that AWS manages.
	_, stderr, code := x.run(t, append([]string{"associate", "alias/aws/eks", "--yes", "--trust-endpoint"}, x.where...)...)
	if code != 1 || !strings.Contains(stderr, "its policy forbids the grant that EKS needs") {
		t.Errorf("alias/aws/eks: exit code = %d\n%s", code, stderr)
	}
	// eksctl 5853: the role itself is the cause, and the key policy leaves everything to IAM.
	w.SetFaults([]fakeaws.Fault{{Operation: "AssociateEncryptionConfig", Status: 400, Code: "InvalidRequestException",
		Message: "Role with arn: " + threadRole + ", could not be assumed because it does not exist or the trusted entity " +
			"is not correct"}})
	_, stderr, code = x.run(t, append([]string{"associate", x.key, "--yes", "--trust-endpoint"}, x.where...)...)
	if code != 1 || !strings.Contains(stderr, "EKS could not assume the cluster's role") ||
		!strings.Contains(stderr, "check that the role exists and that its trust policy") {
		t.Errorf("a role with another trust policy: exit code = %d\n%s", code, stderr)
	}
}

// TestFailedRoleUpdate checks that associate and status explain an update that failed because of the cluster's role.
func TestFailedRoleUpdate(t *testing.T) {
	t.Parallel()
	x := newThread(t, newPluginTest(t, time.Millisecond), "thread", keyPolicyOf(awstest.UserARN, `"kms:*"`),
		fakeaws.Cluster{FailAssociation: &fakeaws.UpdateError{Code: "Unknown", Message: "Role with arn: " + threadRole +
			", could not be assumed because it does not exist or the trusted entity is not correct"}})
	_, stderr, code := x.run(t, append([]string{"associate", x.key, "--yes", "--trust-endpoint", "--no-record"},
		x.where...)...)
	if code != 1 || !strings.Contains(stderr, "error: the key policy does not allow the cluster's role "+threadRole) ||
		!strings.Contains(inlineStatements.FindString(stderr), threadRole) {
		t.Errorf("associate: exit code = %d\n%s", code, stderr)
	}
	stdout, _, _ := x.run(t, append([]string{"status"}, x.where...)...)
	if !strings.Contains(stdout, "Note: EKS could not assume the cluster's role "+threadRole+", or the key policy") ||
		!strings.Contains(inlineStatements.FindString(stdout), threadRole) {
		t.Errorf("status:\n%s", stdout)
	}
}

// TestHealthCheckThreads checks, for threads about hourly denials, that status shows the cause, and that the next check
// of EKS passes with the statement that it prints.
func TestHealthCheckThreads(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, policy, cause string
	}{
		{"eks-1913 the role's policies lack ListGrants", "", "no identity-based policy allows the kms:ListGrants action"},
		{"eks-2309 in the same way", keyPolicyOf("arn:aws:iam::"+awstest.Account+":root", `"kms:*"`),
			"no identity-based policy"},
		{"vault-37 the role may only encrypt", keyPolicyOf("arn:aws:iam::"+awstest.Account+":root", `"kms:*"`, threadRole,
			`"kms:Encrypt","kms:Decrypt","kms:DescribeKey"`), "no identity-based policy"},
		{"eks-2371 the key policy does not name the role", keyPolicyOf(awstest.UserARN, `"kms:*"`),
			"no resource-based policy allows the kms:ListGrants action"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			x := newThread(t, newPluginTest(t, time.Millisecond), "thread", test.policy, fakeaws.Cluster{KeyARN: "set"})
			check := func() v1alpha1.Check {
				t.Helper()
				awstest.Must(t, x.CheckHealth(x.cluster))
				stdout, stderr, code := x.run(t, append([]string{"status", "--key-details", "-o", "json"}, x.where...)...)
				var r v1alpha1.EncryptionReport
				err := json.Unmarshal([]byte(stdout), &r)
				if err != nil || code != 0 || r.Evidence == nil || r.Evidence.Key == nil {
					t.Fatalf("exit code = %d, %v\n%s%s", code, err, stdout, stderr)
				}
				for _, c := range r.Evidence.Key.Checks {
					if c.Name == "hourly health check of EKS" {
						return c
					}
				}
				t.Fatalf("no check of the health check: %+v", r.Evidence.Key)
				return v1alpha1.Check{}
			}
			before := check()
			if before.Result != v1alpha1.ResultWarn || !strings.Contains(before.Message, test.cause) ||
				len(before.Statements) != 1 {
				t.Fatalf("check = %+v, want a warning with %q", before, test.cause)
			}
			text, err := json.Marshal(before.Statements[0])
			awstest.Must(t, err)
			x.add(t, string(text))
			time.Sleep(2 * time.Millisecond) // so that the next event is newer
			if after := check(); after.Result != v1alpha1.ResultPass {
				t.Errorf("with the statement: %+v, want Pass", after)
			}
		})
	}
}
