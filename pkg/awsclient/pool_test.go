package awsclient

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// addProfiles appends to the configuration file of newAWS. DIR is the directory of the file.
func addProfiles(t *testing.T, text string) string {
	t.Helper()
	path := os.Getenv("AWS_CONFIG_FILE")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
	awstest.Must(t, err)
	_, err = f.WriteString(strings.ReplaceAll(text, "DIR", filepath.Dir(path)))
	awstest.Must(t, err)
	awstest.Must(t, f.Close())
	return filepath.Dir(path)
}

const sharedProfiles = `
[profile mfa]
role_arn = ` + roleARN + `
source_profile = ann
mfa_serial = arn:aws:iam::111122223333:mfa/jane
[profile process]
credential_process = sh -c 'echo run >> DIR/runs; cat DIR/output'
`

const processOutput = `{"Version": 1, "AccessKeyId": "AKIAANN", "SecretAccessKey": "secret"}`

// newClients calls pool.New for each of the options at the same time.
func newClients(t *testing.T, pool *Pool, all []Options) []error {
	t.Helper()
	errs := make([]error, len(all))
	var wait sync.WaitGroup
	for i, o := range all {
		wait.Go(func() {
			clients, err := pool.New(t.Context(), o)
			if err == nil && clients.Region() != o.Region {
				err = fmt.Errorf("region %s, want %s", clients.Region(), o.Region)
			}
			if err == nil {
				_, _, err = clients.Caller(t.Context())
			}
			errs[i] = err
		})
	}
	wait.Wait()
	return errs
}

// inRegions returns options that differ only in the region, and in who names the profile.
func inRegions(o Options, profile string) []Options {
	var all []Options
	for _, region := range []string{"eu-west-1", "us-west-2", "us-east-1", "ap-south-1"} {
		byFlag, byVariable := o, o
		byFlag.Region, byFlag.Profile = region, profile
		byVariable.Region = region
		byVariable.Env = map[string]string{"AWS_PROFILE": profile, "AWS_REGION": region, "CLUSTER": region}
		if region == "us-west-2" { // as eksctl writes it
			byVariable.Env["AWS_STS_REGIONAL_ENDPOINTS"] = "regional"
		}
		all = append(all, byFlag, byVariable)
	}
	return all
}

// TestOneQuestion checks that one MFA code serves all contexts of a profile, in all regions.
func TestOneQuestion(t *testing.T) {
	s, _ := newAWS(t, fakeaws.Options{})
	addProfiles(t, sharedProfiles)
	var questions atomic.Int32
	o := Options{Prompt: func(_ context.Context, question string) (string, error) {
		questions.Add(1)
		if !strings.Contains(question, "arn:aws:iam::111122223333:mfa/jane") || !strings.Contains(question, `"mfa"`) {
			t.Errorf("question = %q, want the device and the profile", question)
		}
		return "123456", nil
	}}
	for _, err := range newClients(t, new(Pool), inRegions(o, "mfa")) {
		awstest.Must(t, err)
	}
	if n, calls := questions.Load(), awstest.Calls(s, "AssumeRole"); n != 1 || calls != 1 {
		t.Errorf("%d questions and %d calls of AssumeRole, want 1 of each", n, calls)
	}
}

// TestOneRefusal checks that a refused MFA code is not asked for again by each context.
func TestOneRefusal(t *testing.T) {
	s, _ := newAWS(t, fakeaws.Options{})
	addProfiles(t, sharedProfiles)
	s.SetFaults([]fakeaws.Fault{{Operation: "AssumeRole", Status: 403, Code: "AccessDenied",
		Message: "MultiFactorAuthentication failed with invalid MFA one time pass code."}})
	var questions atomic.Int32
	o := Options{Prompt: func(context.Context, string) (string, error) {
		questions.Add(1)
		return "000000", nil
	}}
	for _, err := range newClients(t, new(Pool), inRegions(o, "mfa")) {
		if KindOf(err) != KindBadCredentials || !strings.Contains(err.Error(), "refuses the MFA code") {
			t.Errorf("error = %v of kind %s, want a refused code", err, KindOf(err))
		}
	}
	if n := questions.Load(); n != 1 {
		t.Errorf("%d questions, want 1", n)
	}
}

// TestOneProcess checks that a credential_process runs once for all contexts, whether it succeeds or not, and that its
// output is not repeated.
func TestOneProcess(t *testing.T) {
	for _, test := range []struct {
		output string
		kind   Kind
	}{
		{processOutput, ""},
		{"password: swordfish", KindNoCredentials},
		{"", KindNoCredentials},
	} {
		newAWS(t, fakeaws.Options{})
		dir := addProfiles(t, sharedProfiles)
		awstest.Must(t, os.WriteFile(filepath.Join(dir, "output"), []byte(test.output), 0o600))
		all := inRegions(Options{}, "process")
		for i := range all { // a process may read any variable
			delete(all[i].Env, "CLUSTER")
		}
		for _, err := range newClients(t, new(Pool), all) {
			if err != nil && KindOf(err) != test.kind || (err == nil) != (test.kind == "") {
				t.Errorf("error with output %q = %v, want kind %q", test.output, err, test.kind)
			}
			if err != nil && strings.Contains(err.Error(), "swordfish") {
				t.Errorf("error = %v, which repeats the output", err)
			}
		}
		runs, err := os.ReadFile(filepath.Join(dir, "runs"))
		awstest.Must(t, err)
		if n := strings.Count(string(runs), "run"); n != 1 {
			t.Errorf("the process ran %d times, want once", n)
		}
	}
}

// TestOtherSources checks that contexts share credentials only if they would resolve to the same ones.
func TestOtherSources(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	pool := new(Pool)
	caller := func(o Options) string {
		o.Region = "eu-west-1"
		clients, err := pool.New(t.Context(), o)
		awstest.Must(t, err)
		_, arn, err := clients.Caller(t.Context())
		awstest.Must(t, err)
		return arn
	}
	for _, o := range []Options{
		{Profile: "ann"}, {Profile: "bob"}, {Profile: "ann", RoleARN: roleARN},
		{Env: map[string]string{"AWS_ACCESS_KEY_ID": "AKIABOB", "AWS_SECRET_ACCESS_KEY": "secret"}},
	} {
		alone := Options{Region: "eu-west-1", Profile: o.Profile, RoleARN: o.RoleARN, Env: o.Env}
		want, err := new(Pool).New(t.Context(), alone)
		awstest.Must(t, err)
		_, arn, err := want.Caller(t.Context())
		awstest.Must(t, err)
		if got := caller(o); got != arn {
			t.Errorf("caller in a pool = %s, want %s", got, arn)
		}
	}
}

// TestRegionalFailure checks that the failure of one region's STS does not end the contexts of other regions.
func TestRegionalFailure(t *testing.T) {
	s, _ := newAWS(t, fakeaws.Options{})
	s.SetFaults([]fakeaws.Fault{{Operation: "AssumeRole", Region: "me-south-1", Status: -1}})
	pool := new(Pool)
	o := Options{Profile: "ann", RoleARN: roleARN, Region: "me-south-1", MaxAttempts: 1}
	if _, err := pool.New(t.Context(), o); KindOf(err) != KindUnreachable {
		t.Errorf("error = %v of kind %s, want %s", err, KindOf(err), KindUnreachable)
	}
	o.Region = "eu-west-1"
	_, err := pool.New(t.Context(), o)
	awstest.Must(t, err)
}

// TestCanceledQuestion checks that the end of one context does not spoil the credentials of the others.
func TestCanceledQuestion(t *testing.T) {
	newAWS(t, fakeaws.Options{})
	addProfiles(t, sharedProfiles)
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	pool := new(Pool)
	o := Options{Region: "eu-west-1", Profile: "mfa", Prompt: func(context.Context, string) (string, error) {
		if asked++; asked == 1 {
			cancel()
			return "", context.Canceled
		}
		return "123456", nil
	}}
	if _, err := pool.New(ctx, o); !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want context.Canceled", err)
	}
	_, err := pool.New(t.Context(), o)
	awstest.Must(t, err)
}
