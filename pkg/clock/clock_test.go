package clock

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestSleep(t *testing.T) {
	if err := Sleep(t.Context(), time.Millisecond); err != nil {
		t.Errorf("Sleep = %v, want no error", err)
	}
	cause := errors.New("interrupted")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	if err := Sleep(ctx, time.Hour); !errors.Is(err, cause) {
		t.Errorf("Sleep = %v, want the cause", err)
	}
}

func TestMinute(t *testing.T) {
	at := time.Date(2026, 11, 26, 1, 30, 59, 0, time.FixedZone("", 2*3600))
	if got, want := Minute(at), "2026-11-25 23:30 UTC"; got != want {
		t.Errorf("Minute = %q, want %q", got, want)
	}
}
