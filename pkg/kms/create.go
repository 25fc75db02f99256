package kms

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
)

// Creation is a key to be made.
type Creation struct {
	// Alias is "alias/NAME", or empty for none.
	Alias       string
	Description string
	MultiRegion bool
	// Rotate turns on automatic rotation, every RotationDays (0: KMS's own 365).
	Rotate       bool
	RotationDays int32
	Tags         []Tag
	// Policy is the key policy, as JSON.
	Policy string
}

// Tag is one tag of a key.
type Tag struct{ Key, Value string }

// Validate refuses what KMS would refuse, or take amiss, before anything is made.
func (c Creation) Validate() error {
	switch {
	case c.Alias != "" && !isAlias(c.Alias):
		return fmt.Errorf("alias %q: write alias/NAME, of letters, digits, and /_-", c.Alias)
	case strings.HasPrefix(c.Alias, "alias/aws/"):
		return fmt.Errorf("alias %q: alias/aws/ is reserved for AWS", c.Alias)
	case c.RotationDays != 0 && (c.RotationDays < 90 || c.RotationDays > 2560):
		return fmt.Errorf("rotation period of %d days: KMS takes 90 to 2560", c.RotationDays)
	case c.RotationDays != 0 && !c.Rotate:
		return fmt.Errorf("a rotation period without rotation")
	case len(c.Description) > 8192:
		return fmt.Errorf("description of %d characters: KMS takes 8192", len(c.Description))
	}
	seen := map[string]bool{}
	for _, t := range c.Tags {
		switch {
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256:
			return fmt.Errorf("tag %q: a key of 1 to 128 and a value of up to 256 characters", t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return fmt.Errorf("tag %q: aws: is reserved for AWS", t.Key)
		case seen[t.Key]:
			return fmt.Errorf("tag %q is given twice", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// Commands are what the creation does, as AWS CLI commands for a reader.
func (c Creation) Commands(region string) []string {
	create := "aws kms create-key --region " + region + " --key-spec SYMMETRIC_DEFAULT --key-usage ENCRYPT_DECRYPT --policy file://policy.json --description " + shellQuote(c.Description)
	if c.MultiRegion {
		create += " --multi-region"
	}
	for i, t := range c.Tags {
		if i == 0 {
			create += " --tags"
		}
		create += " " + shellQuote(fmt.Sprintf("TagKey=%s,TagValue=%s", t.Key, t.Value))
	}
	return append([]string{create}, c.rest(region, "KEY_ARN")...)
}

// rest are the commands after the key exists.
func (c Creation) rest(region, keyARN string) []string {
	var cmds []string
	if c.Alias != "" {
		cmds = append(cmds, fmt.Sprintf("aws kms create-alias --region %s --alias-name %s --target-key-id %s", region, c.Alias, keyARN))
	}
	if c.Rotate {
		cmd := fmt.Sprintf("aws kms enable-key-rotation --region %s --key-id %s", region, keyARN)
		if c.RotationDays > 0 {
			cmd += fmt.Sprintf(" --rotation-period-in-days %d", c.RotationDays)
		}
		cmds = append(cmds, cmd)
	}
	return cmds
}

// PartlyCreatedError says that the key exists, but that something after it failed.
type PartlyCreatedError struct {
	KeyARN string
	// Remaining are the commands that finish the work.
	Remaining []string
	Err       error
}

func (e *PartlyCreatedError) Error() string {
	return fmt.Sprintf("the key %s was created, but is unfinished: %v", e.KeyARN, e.Err)
}

func (e *PartlyCreatedError) Unwrap() error { return e.Err }

// Hint says how to go on: with this key, not with another one.
func (e *PartlyCreatedError) Hint() string {
	return "don't create another key; finish this one: " + strings.Join(e.Remaining, " && ")
}

// Create makes the key, then its alias, then turns rotation on. Since CreateKey
// can't be repeated safely, created is called with the ARN the moment the key
// exists, and a failure after that is a *PartlyCreatedError.
func Create(ctx context.Context, api Creator, c Creation, region string, created func(keyARN string)) (Candidate, error) {
	if err := c.Validate(); err != nil {
		return Candidate{}, err
	}
	k, err := createKey(ctx, api, c)
	if err != nil {
		return Candidate{}, explainCreate(err)
	}
	created(k.ARN)
	remaining := c.rest(region, k.ARN)
	partly := func(err error) (Candidate, error) {
		return k, &PartlyCreatedError{KeyARN: k.ARN, Remaining: remaining, Err: err}
	}
	if c.Alias != "" {
		if err := createAlias(ctx, api, c.Alias, k.ARN); err != nil {
			return partly(explain(err, "CreateAlias", c.Alias))
		}
		k.Aliases, remaining = []string{c.Alias}, remaining[1:]
	}
	if c.Rotate {
		if err := enableRotation(ctx, api, k.ARN, c.RotationDays); err != nil {
			return partly(explain(err, "EnableKeyRotation", k.ARN))
		}
	}
	return k, nil
}

type uncertainError struct {
	error
	hint string
}

func (e *uncertainError) Unwrap() error { return e.error }
func (e *uncertainError) Hint() string  { return e.hint }

func explainCreate(err error) error {
	explained := explain(err, "CreateKey", "*")
	switch awsclient.KindOf(explained) {
	case awsclient.KindServer, awsclient.KindTimeout, awsclient.KindUnreachable:
		return &uncertainError{fmt.Errorf("no good answer to kms CreateKey: whether a key was made is unknown: %w", err),
			"look before you try again: kubectl eks-encrypt keys"}
	}
	if code(err) == "MalformedPolicyDocumentException" {
		return &uncertainError{explained,
			"a principal of the policy may not exist, or be too new for KMS to see: name it in full with --principal, or leave it out with --principal=none"}
	}
	return explained
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

func shellQuote(s string) string {
	if plainWord.MatchString(s) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
