// Command bench compares `kubectl eks-encrypt rewrite` with other methods to
// re-encrypt secrets, on a new lab for each measurement. It measures throughput,
// requests, bytes on the wire, peak memory, and the latency that other users
// observe. Compare only figures of the same run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

type options struct {
	secrets, slow, large int
	rounds               int
	million, sweep       bool
	out, only            string
}

func main() {
	var o options
	var fake int
	var probe bool
	flag.IntVar(&o.secrets, "secrets", 20_000, "number of secrets of 1 KiB")
	flag.IntVar(&o.slow, "slow", 4000,
		"number of secrets for get | annotate; get | replace at 40 ms has an eighth of it")
	flag.IntVar(&o.large, "big", 200, "number of secrets of 100 KiB")
	flag.IntVar(&o.rounds, "rounds", 3, "number of measurements of each method; the table has the medians")
	flag.BoolVar(&o.million, "million", false, "measure the memory with 1,000,000 objects, against a fake API server")
	flag.BoolVar(&o.sweep, "sweep", false, "print only throughput and latency by the number of requests in flight")
	flag.StringVar(&o.only, "only", "",
		"run only methods whose name contains one of these comma-separated parts, such as \"40 ms: rewrite\"")
	flag.StringVar(&o.out, "out", "", "also write the tables between the markers in this file")
	flag.IntVar(&fake, "fake-server", 0, "internal: run as an API server with this many secrets")
	flag.BoolVar(&probe, "probe", false, "internal: run as the latency probe until the end of standard input")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := func(ctx context.Context) error { return bench(ctx, o) }
	switch {
	case fake > 0:
		run = func(ctx context.Context) error { return serveFake(ctx, fake) }
	case probe:
		run = runProbe
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// farRoundTrip is about the round trip to an AWS region on another continent's coast.
const farRoundTrip = 40 * time.Millisecond

func (o options) scenarios() []scenario {
	fast := rewrite("rewrite, 512 at once", "--max-concurrency", "512")
	return []scenario{
		{
			name: "1 KiB at 0 ms", secrets: o.secrets, size: 1024,
			methods: []method{annotate(o.slow), replace(0), unpaced(), rewrite("rewrite"), fast},
		},
		{
			name: "1 KiB at 40 ms", secrets: o.secrets, size: 1024, roundTrip: farRoundTrip, proxied: true,
			methods: []method{replace(o.slow / 8), unpaced(), rewrite("rewrite"), fast},
		},
		{
			name: "100 KiB at 0 ms", secrets: o.large, size: 100 << 10, proxied: true,
			methods: []method{replace(0), rewrite("rewrite")},
		},
	}
}

func bench(ctx context.Context, o options) error {
	if o.sweep {
		return errors.Join(sweep(ctx, 0), sweep(ctx, farRoundTrip))
	}
	report := newReport()
	for _, s := range o.scenarios() {
		s.methods = slices.DeleteFunc(s.methods, func(m method) bool {
			return !containsAny(s.name+": "+m.name, o.only)
		})
		measured := make([][]measurement, len(s.methods))
		for round := range o.rounds {
			for i, method := range s.methods {
				fmt.Fprintf(os.Stderr, "%s: %s, %d of %d …\n", s.name, method.name, round+1, o.rounds)
				m, err := measure(ctx, s, method)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", s.name, method.name, err)
				}
				fmt.Fprintf(os.Stderr, "  %.0f/s, probe %s / %s\n", m.rate(), milliseconds(m.p50), milliseconds(m.p99))
				measured[i] = append(measured[i], m)
			}
		}
		for _, rounds := range measured {
			report.add(s, median(rounds))
		}
	}
	var failed error
	if o.million {
		fmt.Fprintln(os.Stderr, "1,000,000 objects …")
		m, err := measureMemory(ctx, 1_000_000)
		if err != nil {
			failed = fmt.Errorf("1,000,000 objects: %w", err) // still print the tables
		} else {
			report.million = &m
		}
	}
	text := report.String()
	fmt.Println(text)
	if o.out != "" {
		return errors.Join(failed, putBetweenMarkers(o.out, text))
	}
	return failed
}

// containsAny reports whether name contains one of the comma-separated parts.
func containsAny(name, parts string) bool {
	return slices.ContainsFunc(strings.Split(parts, ","), func(part string) bool {
		return strings.Contains(name, part)
	})
}
