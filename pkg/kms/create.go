package kms

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Creation describes a key to create.
type Creation struct {
	// Alias is "alias/NAME", or "" for none.
	Alias       string
	Description string
	MultiRegion bool
	// Rotate turns on automatic rotation, every RotationDays (0 means 365, the default of KMS).
	Rotate       bool
	RotationDays int32
	Tags         []Tag
	// Policy is the key policy as JSON.
	Policy string
}

// Tag is a tag of a key.
type Tag struct{ Key, Value string }

// Validate checks the limits of KMS before anything is created.
func (c Creation) Validate() error {
	switch {
	case c.Alias != "" && !isAlias(c.Alias):
		return fmt.Errorf("alias %q: write alias/NAME, with letters, digits, / _ and -", c.Alias)
	case strings.HasPrefix(c.Alias, "alias/aws/"):
		return fmt.Errorf("alias %q: alias/aws/ is reserved for AWS", c.Alias)
	case c.RotationDays != 0 && (c.RotationDays < 90 || c.RotationDays > 2560):
		return fmt.Errorf("rotation period of %d days: KMS supports 90 to 2560", c.RotationDays)
	case c.RotationDays != 0 && !c.Rotate:
		return errors.New("rotation period given, but rotation is off")
	case len(c.Description) > 8192:
		return fmt.Errorf("description of %d bytes: KMS supports up to 8192 characters", len(c.Description))
	}
	seen := map[string]bool{}
	for _, t := range c.Tags {
		switch {
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256:
			return fmt.Errorf("tag %q: the key must have 1 to 128 characters, and the value at most 256", t.Key)
		case strings.HasPrefix(strings.ToLower(t.Key), "aws:"):
			return fmt.Errorf("tag %q: aws: is reserved for AWS", t.Key)
		case seen[t.Key]:
			return fmt.Errorf("tag %q is given twice", t.Key)
		}
		seen[t.Key] = true
	}
	return nil
}

// Commands returns the AWS CLI commands that create the key, for display.
func (c Creation) Commands(region string) []string {
	create := "aws kms create-key --region " + region + " --key-spec SYMMETRIC_DEFAULT --key-usage ENCRYPT_DECRYPT" +
		" --policy file://policy.json --description " + shellescape.Quote(c.Description)
	if c.MultiRegion {
		create += " --multi-region"
	}
	for i, t := range c.Tags {
		if i == 0 {
			create += " --tags"
		}
		create += " " + shellescape.Quote(fmt.Sprintf("TagKey=%s,TagValue=%s", t.Key, t.Value))
	}
	return append([]string{create}, c.setupCommands(region, "KEY_ARN")...)
}

// setupCommands returns the commands that follow create-key.
func (c Creation) setupCommands(region, keyARN string) []string {
	var cmds []string
	if c.Alias != "" {
		cmds = append(cmds, fmt.Sprintf("aws kms create-alias --region %s --alias-name %s --target-key-id %s",
			region, c.Alias, keyARN))
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

// Create creates the key, then its alias, and then turns rotation on. CreateKey cannot be retried safely, so created is
// called with the ARN as soon as the key exists. If a later step fails, Create returns the key with an error whose hint
// contains the commands that remain.
func Create(
	ctx context.Context, api Creator, c Creation, region string, created func(keyARN string),
) (Candidate, error) {
	if err := c.Validate(); err != nil {
		return Candidate{}, err
	}
	k, err := createKey(ctx, api, c)
	if err != nil {
		return Candidate{}, createError(err)
	}
	created(k.ARN)
	remaining := c.setupCommands(region, k.ARN)
	unfinished := func(err error) (Candidate, error) {
		return k, hint.Wrap(fmt.Errorf("key %s was created, but is unfinished: %w", k.ARN, err),
			"don't create another key; finish this one: %s", strings.Join(remaining, " && "))
	}
	if c.Alias != "" {
		if err := createAlias(ctx, api, c.Alias, k.ARN); err != nil {
			return unfinished(explain(err, "CreateAlias", c.Alias))
		}
		k.Aliases, remaining = []string{c.Alias}, remaining[1:]
	}
	if c.Rotate {
		if err := enableRotation(ctx, api, k.ARN, c.RotationDays); err != nil {
			return unfinished(explain(err, "EnableKeyRotation", k.ARN))
		}
	}
	return k, nil
}

// createError explains an error of CreateKey.
func createError(err error) error {
	explained := explain(err, "CreateKey", "*")
	switch awsclient.KindOf(explained) {
	case awsclient.KindServer, awsclient.KindTimeout, awsclient.KindUnreachable:
		return hint.Wrap(fmt.Errorf("kms CreateKey failed; a key may or may not have been created: %w", explained),
			"look for the key before you try again: kubectl eks-encrypt keys")
	}
	if code(err) == "MalformedPolicyDocumentException" {
		return hint.Wrap(explained, "a principal of the policy may not exist, or may be too new for KMS:"+
			" name it in full with --principal, or leave it out with --principal=none")
	}
	return explained
}
