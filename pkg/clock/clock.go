// Package clock waits, and writes times for people.
package clock

import (
	"context"
	"time"
)

// Sleep waits. If the context ends first, it returns the cause.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// Minute writes a time in UTC, without seconds.
func Minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
