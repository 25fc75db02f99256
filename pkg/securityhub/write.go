package securityhub

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"
)

// Import creates or updates findings. It returns how many it imported, and those that Security Hub refused.
func (c *Client) Import(ctx context.Context, findings []Finding) (imported int, failures []Failure, err error) {
	for i := range findings {
		if !c.owns(&findings[i]) {
			return 0, nil, fmt.Errorf("finding %s is not one of %s %s", findings[i].ID, c.Account, c.Region)
		}
	}
	for batch := range slices.Chunk(findings, MaxBatch) {
		err := narrow(batch, func(part []Finding) error {
			failed, err := c.importBatch(ctx, part)
			if err == nil {
				imported, failures = imported+len(part)-len(failed), append(failures, failed...)
			}
			return err
		}, func(f Finding, message string) {
			failures = append(failures, Failure{f.ID, invalidCode, message})
		})
		if err != nil {
			return imported, failures, c.explain(err, "BatchImportFindings", c.productARN())
		}
	}
	return imported, failures, nil
}

// importBatch imports up to MaxBatch findings.
func (c *Client) importBatch(ctx context.Context, batch []Finding) (failures []Failure, err error) {
	in := &securityhub.BatchImportFindingsInput{}
	for i := range batch {
		in.Findings = append(in.Findings, batch[i].wire())
	}
	out, err := c.calls.BatchImportFindings(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, f := range out.FailedFindings {
		failures = append(failures, Failure{aws.ToString(f.Id), aws.ToString(f.ErrorCode), aws.ToString(f.ErrorMessage)})
	}
	return failures, nil
}

const (
	invalidCode   = "InvalidInput"
	attempts      = 5
	findingsPause = 2 * time.Second
)

// temporary reports whether an update may succeed later: a finding that was just created may not be found at once, and
// one that is still being imported cannot be updated.
func temporary(code string) bool {
	return code == "FindingNotFound" || code == "ConcurrentUpdateError" || code == "InternalFailure"
}

// Update changes the workflow of findings. It returns the changes that were made, and the findings that Security Hub
// refused.
func (c *Client) Update(ctx context.Context, updates []Update) (done []Update, failures []Failure, err error) {
	for _, group := range equalUpdates(updates) {
		for batch := range slices.Chunk(group, MaxBatch) {
			err := narrow(batch, func(part []Update) error {
				failed, err := c.updateBatch(ctx, part)
				failures = append(failures, failed...)
				for _, u := range part {
					if err == nil && !slices.ContainsFunc(failed, func(f Failure) bool { return f.ID == u.ID }) {
						done = append(done, u)
					}
				}
				return err
			}, func(u Update, message string) {
				failures = append(failures, Failure{u.ID, invalidCode, message})
			})
			if err != nil {
				return done, failures, c.explain(err, "BatchUpdateFindings", c.hubARN())
			}
		}
	}
	return done, failures, nil
}

// updateBatch makes the same change to up to MaxBatch findings.
func (c *Client) updateBatch(ctx context.Context, batch []Update) (refused []Failure, err error) {
	ids := make([]string, len(batch))
	for i := range batch {
		ids[i] = batch[i].ID
	}
	for attempt := 1; ; attempt++ {
		out, err := c.calls.BatchUpdateFindings(ctx, batch[0].wire(c.productARN(), ids))
		if err != nil {
			return refused, err
		}
		ids = nil
		for _, u := range out.UnprocessedFindings {
			f := Failure{"", aws.ToString(u.ErrorCode), aws.ToString(u.ErrorMessage)}
			if u.FindingIdentifier != nil {
				f.ID = aws.ToString(u.FindingIdentifier.Id)
			}
			if temporary(f.Code) && f.ID != "" && attempt < attempts {
				ids = append(ids, f.ID)
			} else {
				refused = append(refused, f)
			}
		}
		if len(ids) == 0 {
			return refused, nil
		}
		if err := c.Pause(ctx, findingsPause); err != nil {
			return refused, err
		}
	}
}

// narrow makes the call with all items. Security Hub may refuse the input as a whole because of one of them, which
// narrow finds by halves and reports; the others are called.
func narrow[T any](items []T, call func([]T) error, refuse func(item T, message string)) error {
	err := call(items)
	switch invalid := new(types.InvalidInputException); {
	case !errors.As(err, &invalid):
		return err
	case len(items) == 1:
		refuse(items[0], invalid.ErrorMessage())
		return nil
	}
	half := len(items) / 2
	if err := narrow(items[:half], call, refuse); err != nil {
		return err
	}
	return narrow(items[half:], call, refuse)
}
