package kms

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// FindAlias returns the key that an alias of the account and region names, with its rotation if that is known, or nil
// if the alias does not exist. It fails if that is unknown: a key that is created in spite of it would have no alias.
func FindAlias(ctx context.Context, api Reader, alias string) (*Candidate, error) {
	aliases, err := listAliases(ctx, api, "")
	id := ""
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case denied(err):
		id = alias
	case err != nil:
		return nil, explain(err, "ListAliases", "*")
	default:
		found := false
		for _, a := range aliases {
			if aws.ToString(a.AliasName) == alias {
				found, id = true, aws.ToString(a.TargetKeyId)
			}
		}
		if !found {
			return nil, nil //nolint:nilnil // documented: the alias does not exist
		}
	}
	if id == "" {
		return nil, fmt.Errorf("%s exists already, but names no key", alias)
	}
	return describeExisting(ctx, api, alias, id, err)
}

// describeExisting describes the key of an alias; id is the key's, or the alias if listErr denied the list of aliases.
func describeExisting(ctx context.Context, api Reader, alias, id string, listErr error) (*Candidate, error) {
	key, err := describe(ctx, api, id)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case listErr != nil && code(err) == "NotFoundException":
		return nil, nil //nolint:nilnil // documented: the alias does not exist
	case listErr != nil && err != nil:
		return nil, hint.Wrap(fmt.Errorf("could not determine whether %s exists: %w", alias,
			explain(listErr, "ListAliases", "*")), "allow kms:ListAliases on *, or create the key without an alias")
	case err != nil:
		return nil, fmt.Errorf("%s exists already, and its key is unknown: %w", alias, explain(err, "DescribeKey", id))
	}
	key.Aliases = []string{alias}
	if canRotate(key.Key) {
		key.Rotation, _ = rotation(ctx, api, key.ARN) // only for a note
	}
	return &key, nil
}

// Differences returns how an existing key differs from the creation, each with the command that changes it, if any.
func (c Creation) Differences(k Candidate, cli awsclient.CLI) (notes []string) {
	switch r := k.Rotation; {
	case r == nil:
	case c.Rotate && !r.Enabled, c.Rotate && c.RotationDays != 0 && c.RotationDays != r.PeriodDays:
		notes = append(notes, fmt.Sprintf("rotation of the existing key: %s; to change it: %s",
			encryption.RotationText(r), c.rotationCommand(cli, k.ARN)))
	case !c.Rotate && r.Enabled:
		notes = append(notes, "rotation of the existing key is on, and --rotate=false does not change it")
	}
	if c.MultiRegion != k.MultiRegion {
		kind := map[bool]string{true: "a multi-Region key", false: "a key of a single region"}[k.MultiRegion]
		notes = append(notes, "the existing key is "+kind+", which cannot be changed")
	}
	return notes
}

// IneligibleError returns the error for an alias whose key no cluster of the place can use, or nil if one can use it.
func (c Creation) IneligibleError(k Candidate, place Place) error {
	reasons, _ := Judge(k, place)
	if len(reasons) == 0 {
		return nil
	}
	return hint.Wrap(fmt.Errorf("%s exists already, and its key %s is not eligible: %s", c.Alias, k.ARN,
		strings.Join(reasons, "; ")), "choose another --alias; kubectl eks-encrypt keys describe %s", k.ARN)
}
