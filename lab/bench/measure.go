package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// scenario is a state of things that ways are compared in.
type scenario struct {
	name    string
	secrets int
	size    int
	delay   time.Duration // round trip
	counted bool          // through the proxy, which delays and counts bytes; without it, directly
	ways    []way
}

// way is one way to bring secrets over.
type way struct {
	name string
	// only, if above 0, is how many secrets it is given, since it is so slow.
	only int
	run  func(ctx context.Context, l *benchLab, server string) (memory int64, err error)
}

// measurement is what a way came to.
type measurement struct {
	way            string
	objects        int
	took           time.Duration
	requests       int
	bytes          int64 // 0: not counted
	memory         int64 // peak, in bytes, of all processes; 0 where it means nothing
	p50, p99, idle time.Duration
}

func (m measurement) rate() float64 { return float64(m.objects) / m.took.Seconds() }

func (m measurement) bytesEach() float64 { return float64(m.bytes) / float64(m.objects) }

// median is what the rounds of one way come to: the median of each figure.
func median(rounds []measurement) measurement {
	m := rounds[0]
	m.took = middle(rounds, func(m measurement) time.Duration { return m.took })
	m.requests = middle(rounds, func(m measurement) int { return m.requests })
	m.bytes = middle(rounds, func(m measurement) int64 { return m.bytes })
	m.memory = middle(rounds, func(m measurement) int64 { return m.memory })
	m.p50 = middle(rounds, func(m measurement) time.Duration { return m.p50 })
	m.p99 = middle(rounds, func(m measurement) time.Duration { return m.p99 })
	m.idle = middle(rounds, func(m measurement) time.Duration { return m.idle })
	return m
}

func middle[T cmp.Ordered](rounds []measurement, figure func(measurement) T) T {
	var all []T
	for _, m := range rounds {
		all = append(all, figure(m))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func measure(ctx context.Context, s scenario, w way) (measurement, error) {
	m := measurement{way: w.name, objects: s.secrets}
	if w.only > 0 {
		m.objects = min(w.only, s.secrets)
	}
	l, err := startLab(ctx, m.objects, s.size)
	if err != nil {
		return m, err
	}
	defer l.stop(ctx)
	server, counted := l.cluster().Server, func() int64 { return 0 }
	if s.counted {
		p, err := startProxy(ctx, server, s.delay)
		if err != nil {
			return m, err
		}
		defer p.stop()
		server, counted = p.url(), p.bytes.Load
	}
	other, err := l.as(ctx, "reader", l.cluster().Server)
	if err != nil {
		return m, err
	}
	if m.idle, err = idle(ctx, l); err != nil {
		return m, err
	}
	before, err := l.requests(ctx)
	if err != nil {
		return m, err
	}
	b, err := watch(ctx, other)
	if err != nil {
		return m, err
	}
	begin := time.Now()
	m.memory, err = w.run(ctx, l, server)
	m.took = time.Since(begin)
	m.p50, m.p99 = b.leave()
	if err != nil {
		return m, err
	}
	m.bytes = counted()
	after, err := l.requests(ctx)
	if err != nil {
		return m, err
	}
	m.requests = after - before
	return m, l.allCurrent(ctx, m.objects)
}

// idle is the bystander's 99th percentile when nothing else happens.
func idle(ctx context.Context, l *benchLab) (time.Duration, error) {
	other, err := l.as(ctx, "reader", l.cluster().Server)
	if err != nil {
		return 0, err
	}
	b, err := watch(ctx, other)
	if err != nil {
		return 0, err
	}
	time.Sleep(2 * time.Second)
	_, p99 := b.leave()
	return p99, nil
}

// peak waits for a process that was started, and returns the largest memory that
// it had, in bytes. The kernel's own figure for ended processes is no good: it has
// the memory of the process in it that started them.
func peak(cmd *exec.Cmd) (int64, error) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	most := int64(0)
	for {
		if now := highWater(cmd.Process.Pid); now > most {
			most = now
		}
		select {
		case err := <-ended:
			return most, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// highWater is what /proc says of a process (VmHWM); 0 where there is none.
func highWater(pid int) int64 {
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(raw), "VmHWM:")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	kibibytes, _ := strconv.ParseInt(fields[0], 10, 64)
	return kibibytes << 10
}

// pipe runs one program into another and returns the memory of both.
func pipe(first, second *exec.Cmd) (int64, error) {
	var err error
	if second.Stdin, err = first.StdoutPipe(); err != nil {
		return 0, err
	}
	if err := errors.Join(first.Start(), second.Start()); err != nil {
		return 0, err
	}
	one, err := peak(first)
	if err != nil {
		return 0, fmt.Errorf("%v: %w", first.Args, err)
	}
	two, err := peak(second)
	if err != nil {
		return 0, fmt.Errorf("%v: %w", second.Args, err)
	}
	return one + two, nil
}
