package fakeaws

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cli runs the unmodified AWS CLI against a fake AWS of its own.
type cli struct {
	*Server
	program string
	env     []string
	dir     string
}

// run runs a command and returns its JSON output, or other output as the member "". The
// command must fail with wantError; "" means that it must succeed.
func (c cli) run(t *testing.T, wantError string, args ...string) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, args...)
	var stderr strings.Builder
	cmd.Env, cmd.Stderr = c.env, &stderr
	out, err := cmd.Output()
	if failed := err != nil; failed != (wantError != "") || !strings.Contains(stderr.String(), wantError) {
		t.Fatalf("aws %s: error = %v, want %q\n%s", strings.Join(args, " "), err, wantError, stderr.String())
	}
	reply := map[string]any{}
	if json.Unmarshal(out, &reply) != nil {
		reply[""] = string(out)
	}
	return reply
}

// member returns the string at a path of members. Of a list it uses the first entry.
func member(v any, path ...string) string {
	for _, name := range path {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		m, _ := v.(map[string]any)
		v = m[name]
	}
	text, _ := v.(string)
	return text
}

// TestAWSCLI checks the commands of lab users with the unmodified AWS CLI. Each command
// takes about a second, so that the groups run in parallel.
func TestAWSCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("the AWS CLI takes a second per call")
	}
	program, err := exec.LookPath("aws")
	switch {
	case err != nil && os.Getenv("REQUIRE_AWS_CLI") != "":
		t.Fatal("the AWS CLI is not installed")
	case err != nil:
		t.Skip("the AWS CLI is not installed")
	}
	// A shim of pyenv doubles the time of each command.
	if strings.HasSuffix(filepath.Dir(program), "shims") {
		out, err := exec.Command("pyenv", "which", "aws").Output()
		must(t, err)
		program = strings.TrimSpace(string(out))
	}
	for name, test := range map[string]func(*testing.T, cli){
		"identity": testCLIIdentity, "tokens": testCLITokens, "keys": testCLIKeys, "key policy": testCLIKeyPolicy,
		"clusters": testCLIClusters, "association": testCLIAssociation, "regions": testCLIRegions,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, url := start(t, Options{})
			_, err := s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
			must(t, err)
			must(t, s.AddPrincipal(viewer))
			dir := t.TempDir()
			test(t, cli{Server: s, program: program, dir: dir, env: []string{
				"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_ENDPOINT_URL=" + url,
				"AWS_DEFAULT_REGION=" + home, "AWS_EC2_METADATA_DISABLED=true",
				"AWS_ACCESS_KEY_ID=" + admin.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + admin.SecretAccessKey,
				"AWS_CONFIG_FILE=" + filepath.Join(dir, "config"),
				"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(dir, "credentials"),
				"KUBECONFIG=" + filepath.Join(dir, "kubeconfig"), "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
				"AWS_DEFAULT_OUTPUT=json",
			}})
		})
	}
}

// viewer is a role that everyone may assume.
var viewer = Principal{ARN: "arn:aws:iam::" + account + ":role/viewer", Trust: []string{"*"}}

func testCLIIdentity(t *testing.T, aws cli) {
	if got := member(aws.run(t, "", "sts", "get-caller-identity"), "Arn"); got != admin.ARN {
		t.Errorf("caller = %q, want %q", got, admin.ARN)
	}
	session := aws.run(t, "", "sts", "assume-role", "--role-arn", viewer.ARN, "--role-session-name", "me")
	if got := member(session, "AssumedRoleUser", "Arn"); !strings.HasSuffix(got, "/viewer/me") {
		t.Errorf("session = %q, want the end /viewer/me", got)
	}
}

func testCLITokens(t *testing.T, aws cli) {
	aws.run(t, "", "eks", "update-kubeconfig", "--name", "c")
	written, err := os.ReadFile(filepath.Join(aws.dir, "kubeconfig"))
	must(t, err)
	if want := "arn:aws:eks:eu-central-1:111122223333:cluster/c"; !strings.Contains(string(written), want) {
		t.Errorf("kubeconfig does not contain %s:\n%s", want, written)
	}
	id, err := aws.Identify(member(aws.run(t, "", "eks", "get-token", "--cluster-name", "c"), "status", "token"))
	must(t, err)
	if id.ARN != admin.ARN || id.ClusterID != "c" {
		t.Errorf("Identify = %+v, want %s and cluster c", id, admin.ARN)
	}
	token := aws.run(t, "", "eks", "get-token", "--cluster-name", "c", "--role-arn", viewer.ARN)
	id, err = aws.Identify(member(token, "status", "token"))
	must(t, err)
	if id.Role != viewer.ARN {
		t.Errorf("Identify = %+v, want the role %s", id, viewer.ARN)
	}
}

func testCLIKeys(t *testing.T, aws cli) {
	key := member(aws.run(t, "", "kms", "create-key", "--tags", "TagKey=a,TagValue=b"), "KeyMetadata", "Arn")
	aws.run(t, "", "kms", "create-alias", "--alias-name", "alias/mine", "--target-key-id", key)
	described := aws.run(t, "", "kms", "describe-key", "--key-id", "alias/mine")
	if got := member(described, "KeyMetadata", "Arn"); got != key {
		t.Errorf("key of alias/mine = %q, want %q", got, key)
	}
	if got := member(aws.run(t, "", "kms", "list-keys"), "Keys", "KeyArn"); got != key {
		t.Errorf("first listed key = %q, want %q", got, key)
	}
	if got := member(aws.run(t, "", "kms", "list-aliases"), "Aliases", "AliasName"); got != "alias/mine" {
		t.Errorf("first listed alias = %q, want alias/mine", got)
	}
}

func testCLIKeyPolicy(t *testing.T, aws cli) {
	key, err := aws.AddKey(Key{Region: home, Account: account})
	must(t, err)
	aws.run(t, "", "kms", "enable-key-rotation", "--key-id", key, "--rotation-period-in-days", "200")
	rotation := aws.run(t, "", "kms", "get-key-rotation-status", "--key-id", key)
	if got := rotation["RotationPeriodInDays"]; got != 200.0 {
		t.Errorf("rotation period = %v, want 200", got)
	}
	policy := member(aws.run(t, "", "kms", "get-key-policy", "--key-id", key), "Policy")
	if !strings.Contains(policy, "kms:*") {
		t.Errorf("policy = %q, want one with kms:*", policy)
	}
	aws.run(t, "DryRunOperationException", "kms", "create-grant", "--dry-run", "--key-id", key,
		"--grantee-principal", viewer.ARN, "--operations", "Encrypt", "Decrypt")
}

func testCLIClusters(t *testing.T, aws cli) {
	if got := member(aws.run(t, "", "eks", "describe-cluster", "--name", "c"), "cluster", "status"); got != "ACTIVE" {
		t.Errorf("status = %q, want ACTIVE", got)
	}
	if got, _ := aws.run(t, "", "eks", "list-clusters")["clusters"].([]any); len(got) != 1 {
		t.Errorf("clusters = %v, want one", got)
	}
	aws.run(t, "ResourceNotFoundException", "eks", "describe-cluster", "--name", "d")
}

func testCLIAssociation(t *testing.T, aws cli) {
	key, err := aws.AddKey(Key{Region: home, Account: account})
	must(t, err)
	_, err = aws.AddAlias(Alias{Name: "alias/mine", Region: home, Account: account, Target: key[len(key)-36:]})
	must(t, err)
	update := member(aws.run(t, "", "eks", "associate-encryption-config", "--cluster-name", "c", "--encryption-config",
		`[{"resources":["secrets"],"provider":{"keyArn":"alias/mine"}}]`), "update", "id")
	described := aws.run(t, "", "eks", "describe-update", "--name", "c", "--update-id", update)
	if got := member(described, "update", "status"); got != "Successful" {
		t.Errorf("update status = %q, want Successful", got)
	}
	if got, _ := aws.run(t, "", "eks", "list-updates", "--name", "c")["updateIds"].([]any); len(got) != 1 {
		t.Errorf("updates = %v, want one", got)
	}
	cluster := aws.run(t, "", "eks", "describe-cluster", "--name", "c")
	if got := member(cluster, "cluster", "encryptionConfig", "provider", "keyArn"); got != key {
		t.Errorf("the cluster's key = %q, want %q", got, key)
	}
}

func testCLIRegions(t *testing.T, aws cli) {
	must(t, aws.Update(func(s *State) { s.addRegions("eu-central-1", "us-east-1") }))
	if got := member(aws.run(t, "", "ec2", "describe-regions"), "Regions", "RegionName"); got != home {
		t.Errorf("first region = %q, want %s", got, home)
	}
	regions := aws.run(t, "", "account", "list-regions")
	if got := member(regions, "Regions", "RegionOptStatus"); got != "ENABLED_BY_DEFAULT" {
		t.Errorf("status of the first region = %q, want ENABLED_BY_DEFAULT", got)
	}
	aws.run(t, "AWSOrganizationsNotInUseException", "organizations", "list-accounts")
}
