package securityhub

import (
	"context"
	"slices"
	"time"
)

// Result is what was written in one place.
type Result struct {
	Place
	Imported, Archived, Suppressed, Reopened int
	// Unchanged counts the findings that Security Hub has as they are.
	Unchanged int
	// Newer counts the findings that were left because Security Hub has a version that is not older.
	Newer int
	// Errs are what failed, one error for each finding that Security Hub refused.
	Errs []error
}

// Sync makes Security Hub agree with the findings of an audit that ended at this time, as Decide describes. If findings
// cannot be imported, those whose waiver has ended still become NEW, so that they are not hidden.
func (c *Client) Sync(ctx context.Context, wanted []Wanted, coverage Coverage, at time.Time) Result {
	r := Result{Place: c.Place}
	earlier, err := c.Earlier(ctx)
	nothing := !slices.ContainsFunc(wanted, func(w Wanted) bool { return w.imported() })
	switch {
	case notEnabled(err) && nothing:
		return r // nothing to import, and nothing to archive
	case err != nil:
		r.add(nil, err)
		return r
	}
	p := Decide(wanted, earlier, coverage, at)
	r.Unchanged, r.Newer = len(p.Unchanged), len(p.Newer)
	missing := map[string]bool{}
	write := func(findings []Finding, written *int) bool {
		imported, failures, err := c.Import(ctx, findings)
		*written = imported
		r.add(failures, err)
		for _, f := range failures {
			missing[f.ID] = true
		}
		return err == nil
	}
	written := write(p.Import, &r.Imported) && write(p.Archive, &r.Archived)
	if ctx.Err() != nil {
		return r
	}
	p.Updates = slices.DeleteFunc(p.Updates, func(u Update) bool {
		return u.Workflow == suppressed && (!written || missing[u.ID])
	})
	r.update(ctx, c, p.Updates)
	return r
}

// update changes the workflow of findings, and counts what was changed.
func (r *Result) update(ctx context.Context, c *Client, updates []Update) {
	done, failures, err := c.Update(ctx, updates)
	r.add(failures, err)
	for _, u := range done {
		if u.Workflow == suppressed {
			r.Suppressed++
		} else {
			r.Reopened++
		}
	}
}

func (r *Result) add(failures []Failure, err error) {
	for _, f := range failures {
		r.Errs = append(r.Errs, f)
	}
	if err != nil {
		r.Errs = append(r.Errs, err)
	}
}
