package securityhub

import (
	"context"
	"time"
)

// Result is what was written in one place.
type Result struct {
	Place
	Imported, Archived, Suppressed, Reopened int
	// Newer counts the findings that were left because Security Hub has a version that is not older.
	Newer int
	// Errs are what failed, one error for each finding that Security Hub refused.
	Errs []error
}

// Sync makes Security Hub agree with the findings of an audit, as Decide describes.
func (c *Client) Sync(ctx context.Context, wanted []Wanted, coverage Coverage, now func() time.Time) Result {
	r := Result{Place: c.Place}
	earlier, err := c.Earlier(ctx)
	switch {
	case notEnabled(err) && len(wanted) == 0:
		return r // nothing to import, and nothing to archive
	case err != nil:
		r.add(nil, err)
		return r
	}
	p := Decide(wanted, earlier, coverage, now())
	r.Newer = len(p.Newer)
	missing := map[string]bool{}
	write := func(findings []Finding, written *int) bool {
		failures, err := c.Import(ctx, findings)
		r.add(failures, err)
		for _, f := range failures {
			missing[f.ID] = true
		}
		if err == nil {
			*written = len(findings) - len(failures)
		}
		return err == nil
	}
	if !write(p.Import, &r.Imported) || !write(p.Archive, &r.Archived) {
		return r
	}
	var updates []Update
	for _, u := range p.Updates {
		if u.Workflow != suppressed || !missing[u.ID] {
			updates = append(updates, u)
		}
	}
	missing = map[string]bool{}
	failures, err := c.Update(ctx, updates)
	r.add(failures, err)
	if err != nil {
		return r
	}
	for _, f := range failures {
		missing[f.ID] = true
	}
	for _, u := range updates {
		switch {
		case missing[u.ID]:
		case u.Workflow == suppressed:
			r.Suppressed++
		default:
			r.Reopened++
		}
	}
	return r
}

func (r *Result) add(failures []Failure, err error) {
	for _, f := range failures {
		r.Errs = append(r.Errs, f)
	}
	if err != nil {
		r.Errs = append(r.Errs, err)
	}
}
