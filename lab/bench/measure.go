package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// measurement is the result of one run of a method, or the median of several.
type measurement struct {
	objects  int
	took     time.Duration
	requests int
	bytes    int64         // 0: not counted
	memory   int64         // peak of all processes in bytes; 0: not measured
	p50, p99 time.Duration // latency of the probe
}

// rate returns objects per second, or 0 without a measurement.
func (m measurement) rate() float64 {
	if m.took == 0 {
		return 0
	}
	return float64(m.objects) / m.took.Seconds()
}

// bytesPerObject returns 0 if the bytes were not counted.
func (m measurement) bytesPerObject() float64 {
	if m.objects == 0 {
		return 0
	}
	return float64(m.bytes) / float64(m.objects)
}

// median returns the median of each figure.
func median(rounds []measurement) measurement {
	m := rounds[0]
	m.took = medianOf(rounds, func(m measurement) time.Duration { return m.took })
	m.requests = medianOf(rounds, func(m measurement) int { return m.requests })
	m.bytes = medianOf(rounds, func(m measurement) int64 { return m.bytes })
	m.memory = medianOf(rounds, func(m measurement) int64 { return m.memory })
	m.p50 = medianOf(rounds, func(m measurement) time.Duration { return m.p50 })
	m.p99 = medianOf(rounds, func(m measurement) time.Duration { return m.p99 })
	return m
}

func medianOf[T cmp.Ordered](rounds []measurement, figure func(measurement) T) T {
	var all []T
	for _, m := range rounds {
		all = append(all, figure(m))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// peakMemory waits for a started process and returns its peak memory in bytes. It
// does not use the kernel's figure for ended processes, because that includes the
// memory of this process at the time of the fork.
func peakMemory(cmd *exec.Cmd) (int64, error) {
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peak := int64(0)
	for {
		peak = max(peak, highWaterMark(cmd.Process.Pid))
		select {
		case err := <-ended:
			return peak, err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// highWaterMark returns the peak memory of a process in bytes (VmHWM in /proc), or
// 0 if it is unknown.
func highWaterMark(pid int) int64 {
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

// pipe pipes the first program into the second and returns the sum of their peak
// memory in bytes.
func pipe(first, second *exec.Cmd) (int64, error) {
	var err error
	if second.Stdin, err = first.StdoutPipe(); err != nil {
		return 0, err
	}
	if err := errors.Join(first.Start(), second.Start()); err != nil {
		return 0, err
	}
	sum := int64(0)
	for _, cmd := range []*exec.Cmd{first, second} {
		peak, err := peakMemory(cmd)
		if err != nil {
			return 0, fmt.Errorf("%v: %w", cmd.Args, err)
		}
		sum += peak
	}
	return sum, nil
}
