package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// defaultGrace is the time that queries in progress may take to end after the audit was stopped.
const defaultGrace = 5 * time.Second

// Draining returns a context that ends the grace period after ctx, so that calls in progress can end. A grace of 0
// means 5 seconds.
func Draining(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	if grace <= 0 {
		grace = defaultGrace
	}
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			cancel()
		case <-work.Done():
		}
	})
	return work, func() {
		stop()
		cancel()
	}
}

// stoppedError is the reason of a place that was not queried because the audit was stopped.
type stoppedError struct{ reason string }

func (e *stoppedError) Error() string { return e.reason }

// StopReason returns why ctx has ended, for the report: the cause that was set, or else an interruption.
func StopReason(ctx context.Context) string {
	cause := context.Cause(ctx)
	if cause == nil || errors.Is(cause, context.Canceled) {
		return "the audit was interrupted"
	}
	return cause.Error()
}

// notQueried returns err in a wider context, or that the audit was stopped if err is only a consequence.
func (g *gatherer) notQueried(err error, format string) error {
	if errors.Is(err, errStopped) || errors.Is(err, context.Canceled) {
		return &stoppedError{"not queried: " + StopReason(g.stop)}
	}
	return fmt.Errorf(format, err)
}
