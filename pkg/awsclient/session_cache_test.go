package awsclient

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// TestCachedSession checks that an MFA code is not asked for while the AWS CLI keeps a session for kubectl.
func TestCachedSession(t *testing.T) {
	for _, test := range []struct {
		name, expires string
		tool          Tool
		want          Kind
	}{
		{"valid", time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05UTC"), ToolAWS, ""},
		{"valid, in the other form", time.Now().Add(time.Hour).UTC().Format("2006-01-02T15:04:05+00:00"), ToolAWS, ""},
		{"about to expire", time.Now().Add(time.Minute).UTC().Format(time.RFC3339), ToolAWS, KindNoCredentials},
		{"no time", "", ToolAWS, KindNoCredentials},
		{"another tool", time.Now().Add(time.Hour).UTC().Format(time.RFC3339), ToolAuthenticator, KindNoCredentials},
	} {
		t.Run(test.name, func(t *testing.T) {
			newAWS(t, fakeaws.Options{})
			addProfiles(t, sharedProfiles)
			home := t.TempDir()
			dir := filepath.Join(home, ".aws", "cli", "cache")
			awstest.Must(t, os.MkdirAll(dir, 0o700))
			shared := &config.SharedConfig{MFASerial: "arn:aws:iam::111122223333:mfa/jane"}
			file := sessionFile(&source{role: roleARN, shared: shared})
			awstest.Must(t, os.WriteFile(filepath.Join(dir, file), []byte(`{"Credentials": {"AccessKeyId": "AKIABOB",
				"SecretAccessKey": "secret", "SessionToken": "t", "Expiration": "`+test.expires+`"}}`), 0o600))
			_, err := new(Pool).New(t.Context(), Options{Tool: test.tool, Region: "us-west-2", Profile: "mfa",
				Env: map[string]string{"HOME": home}})
			if (err == nil) != (test.want == "") || err != nil && KindOf(err) != test.want {
				t.Errorf("error = %v, want kind %q", err, test.want)
			}
		})
	}
}

// TestSessionFile checks the names of the files of the AWS CLI's cache against Python's.
func TestSessionFile(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no Python here")
	}
	hour := time.Hour
	for arguments, s := range map[string]source{
		`{"RoleArn": "arn:aws:iam::1:role/r"}`: {role: "arn:aws:iam::1:role/r", shared: &config.SharedConfig{}},
		`{"SerialNumber": "arn:mfa", "RoleArn": "arn:r", "ExternalId": "a/b", "DurationSeconds": 3600,
			"RoleSessionName": "jane@x"}`: {
			role: "arn:r", session: "jane@x",
			shared: &config.SharedConfig{MFASerial: "arn:mfa", ExternalID: "a/b", RoleDurationSeconds: &hour},
		},
	} {
		out, err := exec.Command(python, "-c", "import hashlib, json, sys\n"+
			"print(hashlib.sha1(json.dumps(json.loads(sys.argv[1]), sort_keys=True).encode()).hexdigest())", arguments).Output()
		awstest.Must(t, err)
		if got, want := sessionFile(&s), strings.TrimSpace(string(out))+".json"; got != want {
			t.Errorf("file for %s = %s, want %s", arguments, got, want)
		}
	}
}
