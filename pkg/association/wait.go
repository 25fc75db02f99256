package association

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// Progress is the result of one poll.
type Progress struct {
	UpdateID, Status string
	// Elapsed is the time since Wait began.
	Elapsed time.Duration
	// Err is why the poll failed; the wait continues.
	Err error
}

const (
	pollMin = 2 * time.Second
	pollMax = 30 * time.Second
	// pollTimeout ends a poll without a response.
	pollTimeout = time.Minute
	// expiredPolls is the number of consecutive polls that may fail because the credentials have expired.
	expiredPolls = 3
	// settleTime bounds the time between a Successful update and a DescribeCluster that returns the key: the two are
	// only eventually consistent.
	settleTime = 10 * time.Minute
)

// pollInterval grows with the time waited, from pollMin to pollMax.
func pollInterval(elapsed time.Duration) time.Duration {
	return min(max(elapsed/20, pollMin), pollMax)
}

// Wait returns the update once EKS reports it as Successful and DescribeCluster returns the key. The status of the
// cluster is not taken as proof. Temporary failures of a poll (throttling, server errors, network) don't end the wait.
// Wait returns a *PendingError if the association continues without it.
func (e *Engine) Wait(ctx context.Context, updateID string) (eks.Update, error) {
	w := &waiter{Engine: e, start: e.now(), updateID: updateID}
	var u eks.Update
	if updateID != "" {
		var err error
		if u, err = w.waitForUpdate(ctx); err != nil {
			return u, err
		}
		if u.Status != "Successful" {
			return u, e.failedError(u)
		}
	}
	return u, w.waitForKey(ctx, u)
}

type waiter struct {
	*Engine
	start    time.Time
	updateID string
	expired  int // consecutive polls with expired credentials
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

func (w *waiter) waitForUpdate(ctx context.Context) (eks.Update, error) {
	for {
		u, err := w.pollUpdate(ctx)
		if stop := w.checkPoll(ctx, err); stop != nil {
			return u, stop
		}
		w.report(u.Status, err)
		if err == nil && !u.Running() {
			return u, nil
		}
		if stop := w.pause(ctx); stop != nil {
			return u, stop
		}
	}
}

func (w *waiter) pollUpdate(ctx context.Context) (eks.Update, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	return w.EKS.Update(ctx, w.Cluster.Ref(), w.updateID)
}

// waitForKey waits until DescribeCluster returns the key of the successful update u.
func (w *waiter) waitForKey(ctx context.Context, u eks.Update) error {
	began := w.elapsed()
	for {
		c, err := w.pollCluster(ctx)
		if stop := w.checkPoll(ctx, err); stop != nil {
			return stop
		}
		switch {
		case err == nil && w.isKey(ctx, c.KeyARN):
			return nil
		case err == nil && w.KeyARN == "" && c.KeyARN != "": // the update does not name its key
			w.KeyARN = c.KeyARN
			return nil
		case err == nil && c.KeyARN != "":
			return &otherKeyError{c.KeyARN}
		case err == nil && w.elapsed()-began > settleTime:
			return fmt.Errorf("EKS reports update %s of cluster %s as %s, but DescribeCluster returned no key for %s",
				u.ID, w.Cluster.Name, u.Status, settleTime)
		}
		w.report(cmp.Or(u.Status, "Successful")+", DescribeCluster does not return the key yet", err)
		if stop := w.pause(ctx); stop != nil {
			return stop
		}
	}
}

func (w *waiter) pollCluster(ctx context.Context) (eks.Cluster, error) {
	ctx, cancel := context.WithTimeout(ctx, pollTimeout)
	defer cancel()
	return w.EKS.Cluster(ctx, w.Cluster.Ref())
}

// checkPoll returns an error if the wait must end: ctx has ended, or err is permanent.
func (w *waiter) checkPoll(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return w.pending(context.Cause(ctx))
	}
	if err == nil {
		w.expired = 0
		return nil
	}
	switch classify(err) {
	case expiredCredentials:
		if w.expired++; w.expired > expiredPolls {
			return w.pending(err)
		}
		if w.Refresh != nil {
			w.Refresh()
		}
	case rejected:
		return w.pending(err)
	}
	return nil
}

// pause sleeps until the next poll. It returns an error if the timeout has passed or ctx has ended.
func (w *waiter) pause(ctx context.Context) error {
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
	if err := w.sleep(ctx, min(pollInterval(w.elapsed()), left)); err != nil {
		return w.pending(err)
	}
	return nil
}
