package kms

import (
	"context"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// cli makes the commands that an error names.
var cli = awsclient.CLI{Region: awstest.Region}

func TestCreate(t *testing.T) {
	a := newAWS(t)
	created := ""
	k, err := Create(context.Background(), a.kms(), Creation{
		Alias: "alias/new", Description: "d", Rotate: true, RotationDays: 180, MultiRegion: true,
		Tags: []Tag{{"team", "a"}}, Policy: KeyPolicy("aws", awstest.Account, nil).String(),
	}, cli, func(arn string) { created = arn })
	awstest.Must(t, err)
	if created != k.ARN || k.ARN == "" {
		t.Errorf("created was called with %q, want the key %q", created, k.ARN)
	}
	found, err := Resolve(context.Background(), a.kms(), "alias/new", here)
	awstest.Must(t, err)
	if reasons, _ := Judge(found, here); len(reasons) > 0 || found.ARN != k.ARN || !found.MultiRegion {
		t.Errorf("found = %+v with reasons %q, want the eligible key %s", found, reasons, k.ARN)
	}
	l, err := List(context.Background(), a.kms(), ListOptions{Where: here})
	awstest.Must(t, err)
	if r := l.Items[0].Rotation; r == nil || !r.Enabled || r.PeriodDays != 180 || r.NextDate == nil {
		t.Errorf("rotation = %+v, want every 180 days with a next date", r)
	}
}

func TestCreateFails(t *testing.T) {
	c := Creation{Alias: "alias/new", Rotate: true, Policy: KeyPolicy("aws", awstest.Account, nil).String()}
	for _, test := range []struct {
		name      string
		operation string
		status    int
		code      string
		created   bool
		want      []string
	}{
		{"not permitted", "CreateKey", 400, "AccessDeniedException", false, []string{"kms:CreateKey"}},
		{"unknown principal", "CreateKey", 400, "MalformedPolicyDocumentException", false, []string{"--principal"}},
		{"server error", "CreateKey", 500, "KMSInternalException", false,
			[]string{"may or may not have been created", "look for the key"}},
		{"lost response", "CreateKey", -1, "", false,
			[]string{"may or may not have been created", "look for the key"}},
		{"alias not permitted", "CreateAlias", 400, "AccessDeniedException", true,
			[]string{"kms:CreateAlias", "don't create another", "give this one its alias: aws kms create-alias"}},
		{"alias taken", "CreateAlias", 400, "AlreadyExistsException", true, []string{
			"alias/new was given to another key in the meantime", "--alias-name alias/OTHER",
			"move the alias, which changes the key for everything that uses it: aws kms update-alias",
		}},
		{"rotation not permitted", "EnableKeyRotation", 400, "AccessDeniedException", true,
			[]string{"kms:EnableKeyRotation", "turn rotation on: aws kms enable-key-rotation"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			a.SetFaults([]fakeaws.Fault{{Operation: test.operation, Status: test.status, Code: test.code}})
			created := ""
			_, err := Create(context.Background(), a.kms(), c, cli, func(arn string) { created = arn })
			if err == nil {
				t.Fatal("Create = nil, want an error")
			}
			for _, part := range test.want {
				if !strings.Contains(errText(err), part) {
					t.Errorf("error = %q, want one with %q", errText(err), part)
				}
			}
			if (created != "") != test.created || !strings.Contains(err.Error(), created) {
				t.Errorf("created was called with %q, error = %v; want a call: %v", created, err, test.created)
			}
			if n := awstest.Calls(a.Server, "CreateKey"); n != 1 {
				t.Errorf("%d calls of CreateKey, want 1", n)
			}
			want := 0
			if test.created { // rotation does not depend on the alias
				want = 1
			}
			if n := awstest.Calls(a.Server, "EnableKeyRotation"); n != want {
				t.Errorf("%d calls of EnableKeyRotation, want %d", n, want)
			}
		})
	}
}

// TestCreateKeyIsNotRetried checks that the SDK does not retry a CreateKey whose response was lost, in any retry mode.
func TestCreateKeyIsNotRetried(t *testing.T) {
	a := newAWS(t)
	a.config.RetryMaxAttempts = 3
	a.SetFaults([]fakeaws.Fault{{Operation: "CreateKey", Status: 500, Times: 1}})
	if _, err := Create(context.Background(), a.kms(), Creation{}, cli, func(string) {}); err == nil {
		t.Error("Create = nil, want an error: the request was retried")
	}
	a.SetFaults([]fakeaws.Fault{{Operation: "CreateKey", Status: 400, Code: "ThrottlingException", Times: 1}})
	if _, err := Create(context.Background(), a.kms(), Creation{}, cli, func(string) {}); err != nil {
		t.Errorf("Create after throttling = %v, want no error", err)
	}
}
