package main

import (
	"context"
	"fmt"
	"time"
)

// curve prints the throughput and the latency of other users for several fixed
// numbers of concurrent requests. Each number has stale objects of its own, all on one
// lab.
func curve(ctx context.Context, servers int, roundTrip time.Duration) error {
	const objects = 3000
	levels := []int{1, 2, 3, 4, 6, 8, 12, 16, 32, 64, 256}
	s := scenario{servers: servers, roundTrip: roundTrip, proxied: roundTrip > 0}
	l, err := startLab(ctx, servers)
	if err != nil {
		return err
	}
	defer l.stop(ctx)
	if err := l.seed(ctx, "level", len(levels)+1, objects, 1024); err != nil {
		return err
	}
	if _, err := l.lab(ctx, "associate"); err != nil {
		return err
	}
	if err := l.setEnvironment(ctx); err != nil {
		return err
	}
	fmt.Printf("\n%d API servers, round trip %s\n\n", servers, roundTrip)
	fmt.Println("| in flight | writes/s | mean latency | probe p50 / p99 |\n|--:|--:|--:|--:|")
	for i, level := range append([]int{8}, levels...) { // the first one warms up
		m, err := s.measure(ctx, l, fixed("", level, objects), fmt.Sprintf("level-%d", i))
		if err != nil {
			return err
		}
		if i > 0 {
			fmt.Printf("| %d | %.0f | %.1f ms | %s / %s |\n",
				level, m.rate(), 1000*float64(level)/m.rate(), milliseconds(m.p50), milliseconds(m.p99))
		}
	}
	return nil
}
