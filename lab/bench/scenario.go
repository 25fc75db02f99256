package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"
)

// scenario is one setup, and the methods that are compared on it.
type scenario struct {
	name      string
	servers   int
	size      int // bytes of data in each secret
	roundTrip time.Duration
	proxied   bool // requests pass the proxy, which delays them and counts bytes
	methods   []method
}

// method is one way to re-encrypt the Secrets of a namespace.
type method struct {
	name    string
	objects int
	lab     int // methods with the same number run on the same lab
	// run re-encrypts the secrets and returns the peak memory in bytes, or 0 if it
	// is not measured.
	run func(ctx context.Context, l *benchLab, server, namespace string) (memory int64, err error)
}

// result has the measurements of one scenario.
type result struct {
	scenario
	rounds [][]measurement // by method
	whole  time.Duration   // of a run over one secret, in the last round
}

// wholeRuns is how often a run over one secret is measured.
const wholeRuns = 5

// run measures each method once per round, in turn. Methods that are compared with each other share a lab,
// and each round has labs of its own: with the secrets of all of them, the garbage collections of the API
// servers would take longer than those of most clusters.
func (s scenario) run(ctx context.Context, rounds int) (*result, error) {
	r := &result{scenario: s, rounds: make([][]measurement, len(s.methods))}
	for round := range rounds {
		for _, number := range s.labs() {
			if err := r.onLab(ctx, number, fmt.Sprintf("%d of %d", round+1, rounds)); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

// labs returns the numbers of the labs, in the order of the methods.
func (s scenario) labs() []int {
	var numbers []int
	for _, m := range s.methods {
		if !slices.Contains(numbers, m.lab) {
			numbers = append(numbers, m.lab)
		}
	}
	return numbers
}

// onLab starts a lab and measures its methods once, each on stale secrets in a namespace of its own. round
// is for the output.
func (r *result) onLab(ctx context.Context, number int, round string) error {
	l, err := startLab(ctx, r.servers)
	if err != nil {
		return err
	}
	defer l.stop(ctx)
	total := 1
	for i, m := range r.methods {
		if m.lab != number {
			continue
		}
		if err := l.seed(ctx, prefix(i), 1, m.objects, r.size); err != nil {
			return err
		}
		total += m.objects
	}
	if err := l.seed(ctx, "one", 1, 1, r.size); err != nil {
		return err
	}
	if _, err := l.lab(ctx, "associate"); err != nil {
		return err
	}
	if err := l.setEnvironment(ctx); err != nil {
		return err
	}
	for i, method := range r.methods {
		if method.lab != number {
			continue
		}
		m, err := r.measure(ctx, l, method, prefix(i)+"-0")
		if err != nil {
			return fmt.Errorf("%s: %w", method.name, err)
		}
		fmt.Fprintf(os.Stderr, "  %s, %s: %.0f/s, p50 %s, p99 %s\n",
			round, method.name, m.rate(), milliseconds(m.p50), milliseconds(m.p99))
		r.rounds[i] = append(r.rounds[i], m)
	}
	if r.whole, err = r.measureWhole(ctx, l); err != nil {
		return err
	}
	return l.checkCurrent(ctx, total)
}

func prefix(method int) string { return fmt.Sprintf("method-%d", method) }

// server returns the address for the clients, a function that returns the bytes that were
// sent to and from it, and one that ends the proxy.
func (s scenario) server(ctx context.Context, l *benchLab) (string, func() int64, func(), error) {
	address := l.cluster().Server
	if !s.proxied {
		return address, func() int64 { return 0 }, func() {}, nil
	}
	p, err := startProxy(ctx, address, s.roundTrip)
	if err != nil {
		return "", nil, nil, err
	}
	return p.url(), p.bytes.Load, p.stop, nil
}

// measure runs one method on one namespace.
func (s scenario) measure(ctx context.Context, l *benchLab, method method, namespace string) (measurement, error) {
	m := measurement{objects: method.objects}
	server, bytes, stop, err := s.server(ctx, l)
	if err != nil {
		return m, err
	}
	defer stop()
	before, err := l.requests(ctx)
	if err != nil {
		return m, err
	}
	probe, err := startProbe(ctx, l)
	if err != nil {
		return m, err
	}
	begin := time.Now()
	m.memory, err = method.run(ctx, l, server, namespace)
	m.took = time.Since(begin)
	m.p50, m.p99 = probe.finish()
	if err != nil {
		return m, err
	}
	m.bytes = bytes()
	after, err := l.requests(ctx)
	m.requests = after - before
	return m, err
}

// measureWhole returns the median time of a run over one secret. It contains everything
// that does not depend on the number of secrets.
func (s scenario) measureWhole(ctx context.Context, l *benchLab) (time.Duration, error) {
	server, _, stop, err := s.server(ctx, l)
	if err != nil {
		return 0, err
	}
	defer stop()
	var times []time.Duration
	for range wholeRuns {
		begin := time.Now()
		if _, err := rewrite(methodGentle, 1).run(ctx, l, server, "one-0"); err != nil {
			return 0, err
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}
