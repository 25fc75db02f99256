package kms

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

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
	case utf8.RuneCountInString(c.Description) > 8192:
		return fmt.Errorf("description of %d characters: KMS supports up to 8192",
			utf8.RuneCountInString(c.Description))
	case strings.ContainsFunc(c.Description, unicode.IsControl):
		return errors.New("the description contains control characters")
	}
	seen := map[string]bool{}
	for _, t := range c.Tags {
		switch {
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || utf8.RuneCountInString(t.Value) > 256:
			return fmt.Errorf("tag %q: the key must have 1 to 128 characters, and the value at most 256", t.Key)
		case strings.ContainsFunc(t.Key+t.Value, unicode.IsControl):
			return fmt.Errorf("tag %q contains control characters", t.Key)
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
func (c Creation) Commands(cli awsclient.CLI) []string {
	create := []string{"kms", "create-key", "--key-spec", "SYMMETRIC_DEFAULT", "--key-usage", "ENCRYPT_DECRYPT",
		"--policy", "file://policy.json", "--description", c.Description}
	if c.MultiRegion {
		create = append(create, "--multi-region")
	}
	for i, t := range c.Tags {
		if i == 0 {
			create = append(create, "--tags")
		}
		create = append(create, fmt.Sprintf("TagKey=%s,TagValue=%s", t.Key, t.Value))
	}
	return append([]string{cli.Command(create...)}, c.setupCommands(cli, "KEY_ARN")...)
}

// setupCommands returns the commands that follow create-key.
func (c Creation) setupCommands(cli awsclient.CLI, keyARN string) []string {
	var cmds []string
	if c.Alias != "" {
		cmds = append(cmds, aliasCommand("create-alias", cli, c.Alias, keyARN))
	}
	if c.Rotate {
		cmds = append(cmds, c.rotationCommand(cli, keyARN))
	}
	return cmds
}

func aliasCommand(verb string, cli awsclient.CLI, alias, keyARN string) string {
	return cli.Command("kms", verb, "--alias-name", alias, "--target-key-id", keyARN)
}

func (c Creation) rotationCommand(cli awsclient.CLI, keyARN string) string {
	words := []string{"kms", "enable-key-rotation", "--key-id", keyARN}
	if c.RotationDays > 0 {
		words = append(words, "--rotation-period-in-days", strconv.Itoa(int(c.RotationDays)))
	}
	return cli.Command(words...)
}

// Create creates the key, then its alias, and turns rotation on even if the alias failed. CreateKey cannot be retried
// safely, so created is called with the ARN as soon as the key exists. If a later step fails, Create returns the key
// with an error whose hint contains the commands that remain.
func Create(
	ctx context.Context, api Creator, c Creation, cli awsclient.CLI, created func(keyARN string),
) (Candidate, error) {
	if err := c.Validate(); err != nil {
		return Candidate{}, err
	}
	k, err := createKey(ctx, api, c)
	if err != nil {
		return Candidate{}, createError(err)
	}
	created(k.ARN)
	var failed, next []string
	var aliasErr, rotationErr error
	if c.Alias != "" {
		if aliasErr = createAlias(ctx, api, c.Alias, k.ARN); aliasErr == nil {
			k.Aliases = []string{c.Alias}
		} else {
			text, step := c.aliasFailed(aliasErr, cli, k.ARN)
			failed, next = append(failed, text), append(next, step)
		}
	}
	if c.Rotate {
		if rotationErr = enableRotation(ctx, api, k.ARN, c.RotationDays); rotationErr != nil {
			failed = append(failed, explain(rotationErr, "EnableKeyRotation", k.ARN).Error())
			next = append(next, "turn rotation on: "+c.rotationCommand(cli, k.ARN))
		}
	}
	if len(failed) == 0 {
		return k, nil
	}
	err = &unfinishedError{
		text:   fmt.Sprintf("key %s was created, but is unfinished: %s", k.ARN, strings.Join(failed, "; ")),
		hint:   "don't create another key; " + strings.Join(next, "; "),
		causes: []error{aliasErr, rotationErr},
	}
	return k, err
}

// aliasFailed returns the text of an error of CreateAlias and the next step.
func (c Creation) aliasFailed(err error, cli awsclient.CLI, keyARN string) (text, next string) {
	if code(err) == "AlreadyExistsException" {
		return c.Alias + " was given to another key in the meantime", fmt.Sprintf(
			"give this one another alias: %s; or move the alias, which changes the key for everything that uses it: %s",
			aliasCommand("create-alias", cli, "alias/OTHER", keyARN),
			aliasCommand("update-alias", cli, c.Alias, keyARN))
	}
	return explain(err, "CreateAlias", c.Alias).Error(),
		"give this one its alias: " + aliasCommand("create-alias", cli, c.Alias, keyARN)
}

// unfinishedError is an error after the key was created.
type unfinishedError struct {
	text, hint string
	causes     []error
}

func (e *unfinishedError) Error() string   { return e.text }
func (e *unfinishedError) Hint() string    { return e.hint }
func (e *unfinishedError) Unwrap() []error { return e.causes }

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
