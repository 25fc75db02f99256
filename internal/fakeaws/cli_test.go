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

// TestAWSCLI runs the commands of lab users with the unmodified AWS CLI.
func TestAWSCLI(t *testing.T) {
	if testing.Short() {
		t.Skip("the AWS CLI takes a second per call")
	}
	binary, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	s, url := start(t, Options{})
	_, err = s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
	must(t, err)
	role := Principal{ARN: "arn:aws:iam::" + account + ":role/viewer", Trust: []string{"*"}}
	must(t, s.AddPrincipal(role))
	dir := t.TempDir()
	aws := func(wantError string, args ...string) map[string]any {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary, args...)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_ENDPOINT_URL=" + url,
			"AWS_DEFAULT_REGION=" + home, "AWS_EC2_METADATA_DISABLED=true",
			"AWS_ACCESS_KEY_ID=" + admin.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + admin.SecretAccessKey,
			"AWS_CONFIG_FILE=" + filepath.Join(dir, "config"),
			"AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(dir, "credentials"),
			"KUBECONFIG=" + filepath.Join(dir, "kubeconfig"), "AWS_MAX_ATTEMPTS=1", "AWS_PAGER=",
			"AWS_DEFAULT_OUTPUT=json"}
		out, err := cmd.Output()
		if failed := err != nil; failed != (wantError != "") || !strings.Contains(stderr.String(), wantError) {
			t.Fatalf("aws %s: %v, want error %q\n%s", strings.Join(args, " "), err, wantError, stderr.String())
		}
		reply := map[string]any{}
		if json.Unmarshal(out, &reply) != nil {
			reply[""] = string(out)
		}
		return reply
	}
	// dig returns the value at a path of members. Of a list it uses the first entry.
	dig := func(v any, path ...string) string {
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

	if got := dig(aws("", "sts", "get-caller-identity"), "Arn"); got != admin.ARN {
		t.Errorf("caller = %q, want %q", got, admin.ARN)
	}
	if got := dig(aws("", "sts", "assume-role", "--role-arn", role.ARN, "--role-session-name", "me"), "AssumedRoleUser",
		"Arn"); !strings.HasSuffix(got, "/viewer/me") {
		t.Errorf("session = %q, want the end /viewer/me", got)
	}
	key := dig(aws("", "kms", "create-key", "--tags", "TagKey=a,TagValue=b"), "KeyMetadata", "Arn")
	aws("", "kms", "create-alias", "--alias-name", "alias/mine", "--target-key-id", key)
	aws("", "kms", "enable-key-rotation", "--key-id", key, "--rotation-period-in-days", "200")
	if got := aws("", "kms", "get-key-rotation-status", "--key-id", key)["RotationPeriodInDays"]; got != 200.0 {
		t.Errorf("rotation period = %v, want 200", got)
	}
	if got := dig(aws("", "kms", "describe-key", "--key-id", "alias/mine"), "KeyMetadata", "Arn"); got != key {
		t.Errorf("alias/mine is %q, want %q", got, key)
	}
	if got := dig(aws("", "kms", "list-keys"), "Keys", "KeyArn"); got != key {
		t.Errorf("first listed key = %q, want %q", got, key)
	}
	if got := dig(aws("", "kms", "list-aliases"), "Aliases", "AliasName"); got != "alias/mine" {
		t.Errorf("first listed alias = %q, want alias/mine", got)
	}
	if got := dig(aws("", "kms", "get-key-policy", "--key-id", key), "Policy"); !strings.Contains(got, "kms:*") {
		t.Errorf("policy = %q, want one with kms:*", got)
	}
	aws("DryRunOperationException", "kms", "create-grant", "--dry-run", "--key-id", key, "--grantee-principal",
		role.ARN, "--operations", "Encrypt", "Decrypt")
	if got := dig(aws("", "eks", "describe-cluster", "--name", "c"), "cluster", "status"); got != "ACTIVE" {
		t.Errorf("status = %q, want ACTIVE", got)
	}
	if got := aws("", "eks", "list-clusters")["clusters"]; len(got.([]any)) != 1 {
		t.Errorf("clusters = %v, want one", got)
	}
	aws("ResourceNotFoundException", "eks", "describe-cluster", "--name", "d")
	update := dig(aws("", "eks", "associate-encryption-config", "--cluster-name", "c", "--encryption-config",
		`[{"resources":["secrets"],"provider":{"keyArn":"alias/mine"}}]`), "update", "id")
	if got := dig(aws("", "eks", "describe-update", "--name", "c", "--update-id", update), "update",
		"status"); got != "Successful" {
		t.Errorf("update status = %q, want Successful", got)
	}
	if got := aws("", "eks", "list-updates", "--name", "c")["updateIds"]; len(got.([]any)) != 1 {
		t.Errorf("updates = %v, want one", got)
	}
	if got := dig(aws("", "eks", "describe-cluster", "--name", "c"), "cluster", "encryptionConfig", "provider",
		"keyArn"); got != key {
		t.Errorf("the cluster's key is %q, want %q", got, key)
	}
	aws("", "eks", "update-kubeconfig", "--name", "c")
	written, err := os.ReadFile(filepath.Join(dir, "kubeconfig"))
	must(t, err)
	if !strings.Contains(string(written), "arn:aws:eks:eu-central-1:111122223333:cluster/c") {
		t.Errorf("kubeconfig:\n%s", written)
	}
	id, err := s.Identify(dig(aws("", "eks", "get-token", "--cluster-name", "c"), "status", "token"))
	must(t, err)
	if id.ARN != admin.ARN || id.ClusterID != "c" {
		t.Errorf("Identify = %+v", id)
	}
	id, err = s.Identify(dig(aws("", "eks", "get-token", "--cluster-name", "c", "--role-arn", role.ARN), "status",
		"token"))
	must(t, err)
	if id.Role != role.ARN {
		t.Errorf("Identify = %+v", id)
	}
	must(t, s.Update(func(w *State) { w.addRegions("eu-central-1", "us-east-1") }))
	if got := dig(aws("", "ec2", "describe-regions"), "Regions", "RegionName"); got != home {
		t.Errorf("region %q", got)
	}
	if got := dig(aws("", "account", "list-regions"), "Regions", "RegionOptStatus"); got != "ENABLED_BY_DEFAULT" {
		t.Errorf("region %q", got)
	}
	aws("AWSOrganizationsNotInUseException", "organizations", "list-accounts")
}
