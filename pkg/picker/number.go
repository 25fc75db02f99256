package picker

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// pickByNumber prints the list with numbers and reads lines from in: a number selects an
// item, any other text prints the items that match it.
func pickByNumber(ctx context.Context, in io.Reader, out io.Writer, list List) (int, error) {
	printNumbered(out, list, "")
	for {
		fmt.Fprint(out, "Number, or text to filter (Ctrl-C cancels): ")
		answer, err := readLine(in)
		if ctx.Err() != nil || err != nil && answer == "" {
			fmt.Fprintln(out)
			return 0, ErrNone
		}
		n, err := strconv.Atoi(answer)
		switch {
		case err != nil:
			printNumbered(out, list, answer)
		case n < 1 || n > len(list.Lines):
			fmt.Fprintf(out, "%d is not in the list: enter 1 to %d.\n", n, len(list.Lines))
		case list.Lines[n-1].Why != "":
			fmt.Fprintf(out, "Not eligible: %s\n", list.Lines[n-1].Why)
		default:
			return n - 1, nil
		}
	}
}

// printNumbered prints the items that match the filter, with their numbers in the whole list.
func printNumbered(out io.Writer, list List, filter string) {
	fmt.Fprintln(out, list.Title)
	found := 0
	for i, line := range list.Lines {
		if line.matches(filter) {
			found++
			fmt.Fprintf(out, "%d. %s\n", i+1, strings.TrimSpace(line.Text))
		}
	}
	if found == 0 {
		fmt.Fprintf(out, "None of %d matches.\n", len(list.Lines))
	}
}

// readLine reads one line byte by byte, so that it takes nothing of the next line.
func readLine(in io.Reader) (string, error) {
	var line strings.Builder
	b := make([]byte, 1)
	for {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' {
			return strings.TrimSpace(line.String()), nil
		}
		line.Write(b[:n])
		if err != nil {
			return strings.TrimSpace(line.String()), err
		}
	}
}
