package association

import (
	"context"
	"fmt"
	"time"
)

// Progress is what a poll found.
type Progress struct {
	UpdateID, Status string
	// Elapsed is the time waited here.
	Elapsed time.Duration
	// Err is why the poll told nothing; the wait goes on.
	Err error
}

const (
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
	// pollTimeout ends a poll that gets no answer.
	pollTimeout = time.Minute
	// expiredPolls bounds polls with credentials that don't become fresh.
	expiredPolls = 3
	// settleTime bounds the wait for DescribeCluster after Successful: the two are
	// only eventually consistent.
	settleTime = 10 * time.Minute
)

// pause grows with the time waited: often at first, every half a minute later.
func pause(elapsed time.Duration) time.Duration {
	return min(max(elapsed/20, pollMin), pollMax)
}

// Wait returns the update once EKS calls it Successful and DescribeCluster names
// the key; the cluster's own status is never taken for it. Polls that fail for the
// moment (throttling, server errors, a network that is away) don't end the wait.
// Errors are a *FailedError, or a *PendingError while the association goes on.
func (e *Engine) Wait(ctx context.Context, updateID string) (Update, error) {
	w := &waiter{Engine: e, start: e.now(), updateID: updateID}
	var u Update
	if updateID != "" {
		var err error
		if u, err = w.untilEnded(ctx); err != nil {
			return u, err
		}
		if u.Status != "Successful" {
			return u, &FailedError{Cluster: e.Cluster.Name, Update: u}
		}
	}
	return u, w.untilKeyed(ctx, u)
}

type waiter struct {
	*Engine
	start    time.Time
	updateID string
	expired  int
}

func (w *waiter) elapsed() time.Duration { return w.now().Sub(w.start) }

func (w *waiter) pending(err error) *PendingError {
	return &PendingError{Cluster: w.Cluster.Name, UpdateID: w.updateID, Waited: w.elapsed(), Err: err}
}

func (w *waiter) report(status string, err error) {
	if w.Progress != nil {
		w.Progress(Progress{UpdateID: w.updateID, Status: status, Elapsed: w.elapsed(), Err: err})
	}
}

func (w *waiter) untilEnded(ctx context.Context) (Update, error) {
	for {
		u, err := w.poll(ctx)
		if stop := w.fatal(ctx, err); stop != nil {
			return u, stop
		}
		w.report(u.Status, err)
		if err == nil && !u.Running() {
			return u, nil
		}
		if stop := w.rest(ctx); stop != nil {
			return u, stop
		}
	}
}

func (w *waiter) poll(ctx context.Context) (Update, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	return describeUpdate(ctx, w.EKS, w.Cluster.Name, w.updateID)
}

// untilKeyed waits for DescribeCluster to show what the update promised.
func (w *waiter) untilKeyed(ctx context.Context, u Update) error {
	began := w.elapsed()
	for {
		c, err := w.describe(ctx)
		if stop := w.fatal(ctx, err); stop != nil {
			return stop
		}
		switch {
		case err == nil && c.KeyARN == w.KeyARN:
			return nil
		case err == nil && c.KeyARN != "":
			return &otherKeyError{c.KeyARN}
		case err == nil && w.elapsed()-began > settleTime:
			return fmt.Errorf("EKS calls update %s of cluster %s %s, but DescribeCluster has named no key for %s", u.ID, w.Cluster.Name, u.Status, settleTime)
		}
		w.report(orElse(u.Status, "Successful")+", the cluster doesn't show the key yet", err)
		if stop := w.rest(ctx); stop != nil {
			return stop
		}
	}
}

func (w *waiter) describe(ctx context.Context) (*Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	return describe(ctx, w.EKS, w.Cluster.Name)
}

// fatal ends the wait for an error that waiting doesn't mend.
func (w *waiter) fatal(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return w.pending(context.Cause(ctx))
	}
	if err == nil {
		w.expired = 0
		return nil
	}
	switch react(err) {
	case expired:
		if w.expired++; w.expired > expiredPolls {
			return w.pending(err)
		}
		if w.Refresh != nil {
			w.Refresh()
		}
	case giveUp:
		return w.pending(explain(err, "DescribeUpdate", w.Cluster.Name))
	}
	return nil
}

// rest sleeps until the next poll, but not past the timeout.
func (w *waiter) rest(ctx context.Context) error {
	timeout := w.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	left := timeout - w.elapsed()
	if left <= 0 {
		p := w.pending(nil)
		p.TimedOut = true
		return p
	}
	if err := w.sleep(ctx, min(pause(w.elapsed()), left)); err != nil {
		return w.pending(err)
	}
	return nil
}
