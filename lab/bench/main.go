// Command bench compares `kubectl eks-encrypt rewrite` with other methods to
// re-encrypt secrets, on a local cluster. It measures throughput, requests, bytes on
// the wire, peak memory, and the latency that other users observe, and compares the
// figures with the aims of the project. Compare only figures of the same run.
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
	"syscall"
	"time"
)

type options struct {
	secrets, rounds, curve int
	all                    bool
	out, only              string
}

func main() {
	var o options
	var fake int
	var probe bool
	flag.IntVar(&o.secrets, "secrets", 48_000,
		"number of secrets of 1 KiB for the fastest methods; the slower ones have fewer")
	flag.IntVar(&o.rounds, "rounds", 3, "number of measurements of each method; the tables have the medians")
	flag.BoolVar(&o.all, "all", false, "also measure get | annotate, and secrets of 100 KiB")
	flag.IntVar(&o.curve, "curve", 0,
		"print only throughput and latency by the number of requests in flight, with this many API servers")
	flag.StringVar(&o.only, "only", "",
		"run only scenarios whose name contains one of these comma-separated parts; the last one is \"memory\"")
	flag.StringVar(&o.out, "out", "", "also write the tables between the markers in this file")
	flag.IntVar(&fake, "fake-server", 0, "internal: run as an API server with this many secrets")
	flag.BoolVar(&probe, "probe", false, "internal: run as the latency probe until the end of standard input")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := func(ctx context.Context) error { return bench(ctx, o) }
	switch {
	case fake > 0:
		run = func(ctx context.Context) error { return serveFake(ctx, fake) }
	case probe:
		run = runProbe
	case o.curve > 0:
		run = func(ctx context.Context) error {
			return errors.Join(curve(ctx, o.curve, 0), curve(ctx, o.curve, farRoundTrip))
		}
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		stop()
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// farRoundTrip is about the round trip to an AWS region on another continent's coast.
const farRoundTrip = 40 * time.Millisecond

// Names of the methods that the aims compare.
const (
	methodReplace = "get | replace"
	methodLoader  = "saturating loader"
	methodGentle  = "rewrite"
	methodFast    = "rewrite, 512 at once"
)

// scenarios returns the setups. The numbers of secrets are chosen so that each measurement takes half
// a minute to a minute. The latencies of get | replace and of rewrite are compared, so both take equally
// long: each second has 50 requests of the other user, and garbage collections are ten seconds apart.
func (o options) scenarios() []scenario {
	n := o.secrets
	saturated := []method{unpaced(n), rewrite(methodFast, n, "--max-concurrency", "512")}
	for i := range saturated {
		saturated[i].lab = 1
	}
	near := append([]method{replace(n / 5), rewrite(methodGentle, 2*n/5)}, saturated...)
	far := append([]method{replace(n / 60), rewrite(methodGentle, n/12)}, saturated...)
	if o.all {
		near = append([]method{annotate(n / 30)}, near...)
	}
	all := []scenario{
		{name: "1 API server", servers: 1, size: 1024, methods: near},
		{name: "2 API servers", servers: 2, size: 1024, methods: near},
		{name: "1 API server 40 ms away", servers: 1, size: 1024, roundTrip: farRoundTrip, proxied: true, methods: far},
		{name: "2 API servers 40 ms away", servers: 2, size: 1024, roundTrip: farRoundTrip, proxied: true, methods: far},
	}
	if o.all {
		all = append(all, scenario{
			name: "1 API server, secrets of 100 KiB", servers: 1, size: 100 << 10, proxied: true,
			methods: []method{replace(n / 240), rewrite(methodGentle, n/240)},
		})
	}
	return slices.DeleteFunc(all, func(s scenario) bool { return !containsAny(s.name, o.only) })
}

func bench(ctx context.Context, o options) error {
	report := &report{}
	for _, s := range o.scenarios() {
		fmt.Fprintln(os.Stderr, s.name, "…")
		r, err := s.run(ctx, o.rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		report.results = append(report.results, r)
	}
	var failed []error
	for _, n := range []int{20_000, 1_000_000} {
		if !containsAny("memory", o.only) {
			break
		}
		fmt.Fprintf(os.Stderr, "memory with %d secrets …\n", n)
		m, err := measureMemory(ctx, n)
		if err != nil {
			failed = append(failed, fmt.Errorf("memory with %d secrets: %w", n, err)) // still print the tables
			continue
		}
		report.memory = append(report.memory, m)
	}
	text := report.String()
	fmt.Println(text)
	if o.out != "" {
		failed = append(failed, putBetweenMarkers(o.out, text))
	}
	return errors.Join(failed...)
}

// containsAny reports whether name contains one of the comma-separated parts.
func containsAny(name, parts string) bool {
	return slices.ContainsFunc(strings.Split(parts, ","), func(part string) bool {
		return strings.Contains(name, part)
	})
}
