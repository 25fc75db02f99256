package picker

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
)

func TestPickByNumber(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, typed string
		want        int // -1: ErrNone
		shows       string
	}{
		{"number", "2\n", 1, "2. alias/Better  2222"},
		{"ineligible, then eligible", "3\n1\n", 0, "Not eligible: it is disabled"},
		{"not in the list", "0\n4\n1\n", 0, "4 is not in the list: enter 1 to 3."},
		{"filter keeps the numbers", "BETTER\n2\n", 1, "cancels): Select a key.\n2. alias/Better"},
		{"no match", "none\n1\n", 0, "None of 3 matches."},
		{"end of input", "", -1, "1. alias/good"},
		{"last line without newline", "1", 0, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			got, err := pickByNumber(t.Context(), strings.NewReader(test.typed), &out, three())
			if wantErr := test.want < 0; errors.Is(err, ErrNone) != wantErr || !wantErr &&
				(err != nil || got != test.want) {
				t.Errorf("pickByNumber = %d, %v; want %d", got, err, test.want)
			}
			if !strings.Contains(out.String(), test.shows) {
				t.Errorf("output lacks %q:\n%s", test.shows, out.String())
			}
		})
	}
}

// TestPickAtTerminal checks that Pick leaves later input to the next reader, in both modes.
func TestPickAtTerminal(t *testing.T) {
	for _, test := range []struct{ term, typed string }{{"xterm", "better\r"}, {"dumb", "2\n"}} {
		t.Run(test.term, func(t *testing.T) {
			t.Setenv("TERM", test.term)
			terminal, tty := openPty(t)
			shown := make(chan struct{})
			go func() { // type as soon as something is shown
				b := make([]byte, 1024)
				for n := 0; ; n++ {
					if _, err := terminal.Read(b); err != nil {
						return
					}
					if n == 0 {
						close(shown)
					}
				}
			}()
			go func() {
				<-shown
				time.Sleep(200 * time.Millisecond)
				_, _ = io.WriteString(terminal, test.typed)
			}()
			if got, err := Pick(t.Context(), tty, tty, three()); got != 1 || err != nil {
				t.Fatalf("Pick = %d, %v; want 1", got, err)
			}
			_, _ = io.WriteString(terminal, "next\n")
			if line, err := readLine(tty); line != "next" {
				t.Errorf("next line = %q, %v; want %q", line, err, "next")
			}
		})
	}
}

// TestPickCanceled checks that Pick returns when its context ends, in both modes.
func TestPickCanceled(t *testing.T) {
	for _, term := range []string{"xterm", "dumb", ""} {
		t.Run(term, func(t *testing.T) {
			t.Setenv("TERM", term)
			terminal, tty := openPty(t)
			go func() { _, _ = io.Copy(io.Discard, terminal) }()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			if _, err := Pick(ctx, tty, tty, three()); !errors.Is(err, ErrNone) {
				t.Errorf("Pick = %v, want ErrNone", err)
			}
		})
	}
}

func openPty(t *testing.T) (terminal, tty *os.File) {
	t.Helper()
	terminal, tty, err := pty.Open()
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _, _ = terminal.Close(), tty.Close() })
	return terminal, tty
}
