// Command bench compares `kubectl eks-encrypt rewrite` with what people do without
// it, on a fresh lab for each measurement: throughput, requests, bytes on the wire,
// peak memory, and what a bystander feels meanwhile. All ratios are of one run.
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
	secrets, slow, big int
	rounds             int
	million, curve     bool
	out, only          string
}

func main() {
	var o options
	var fake int
	var standing bool
	flag.IntVar(&o.secrets, "secrets", 20_000, "secrets of 1 KiB")
	flag.IntVar(&o.slow, "slow", 4000, "secrets for get | annotate; for get | replace at 40 ms an eighth of it")
	flag.IntVar(&o.big, "big", 200, "secrets of 100 KiB")
	flag.IntVar(&o.rounds, "rounds", 3, "how often each way is measured, in turn with the others; the table has the medians")
	flag.BoolVar(&o.million, "million", false, "measure the memory at 1,000,000 objects, against a fake API server")
	flag.BoolVar(&o.curve, "curve", false, "show throughput and latency by the number of requests in flight, and nothing else")
	flag.StringVar(&o.only, "only", "", "only what contains one of these, separated by commas, such as \"40 ms: rewrite\"")
	flag.StringVar(&o.out, "out", "", "put the tables between the markers of this file, too")
	flag.IntVar(&fake, "fake-server", 0, "serve as an API server of that many secrets (used by -million)")
	flag.BoolVar(&standing, "bystander", false, "read as a bystander until the input ends (used by itself)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	run := func(ctx context.Context) error { return bench(ctx, o) }
	switch {
	case fake > 0:
		run = func(ctx context.Context) error { return serveFake(ctx, fake) }
	case standing:
		run = standBy
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

const far = 40 * time.Millisecond // a round trip to another continent's edge

func bench(ctx context.Context, o options) error {
	if o.curve {
		return errors.Join(curve(ctx, 0), curve(ctx, far))
	}
	report := newReport()
	scenarios := []scenario{
		{name: "1 KiB at 0 ms", secrets: o.secrets, size: 1024, ways: []way{annotate(o.slow), replace(0), loader(), rewrite("rewrite"), rewrite("rewrite, 512 at once", "--max-concurrency", "512")}},
		{name: "1 KiB at 40 ms", secrets: o.secrets, size: 1024, delay: far, counted: true, ways: []way{replace(o.slow / 8), loader(), rewrite("rewrite"), rewrite("rewrite, 512 at once", "--max-concurrency", "512")}},
		{name: "100 KiB at 0 ms", secrets: o.big, size: 100 << 10, counted: true, ways: []way{replace(0), rewrite("rewrite")}},
	}
	for _, s := range scenarios {
		s.ways = slices.DeleteFunc(s.ways, func(w way) bool { return !named(s.name+": "+w.name, o.only) })
		measured := make([][]measurement, len(s.ways))
		for round := range o.rounds {
			for i, w := range s.ways {
				fmt.Fprintf(os.Stderr, "%s: %s, %d of %d …\n", s.name, w.name, round+1, o.rounds)
				m, err := measure(ctx, s, w)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", s.name, w.name, err)
				}
				fmt.Fprintf(os.Stderr, "  %.0f/s, bystander %s / %s\n", m.rate(), milliseconds(m.p50), milliseconds(m.p99))
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
		m, err := millionObjects(ctx, 1_000_000)
		if err != nil {
			failed = fmt.Errorf("1,000,000 objects: %w", err) // the tables are worth having
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

// named says whether the name contains one of the parts.
func named(name, parts string) bool {
	return slices.ContainsFunc(strings.Split(parts, ","), func(part string) bool { return strings.Contains(name, part) })
}
