package main

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

// sweep prints the throughput and the latency of other users for several fixed
// numbers of concurrent requests. Each level writes its own stale objects, all on
// one lab. The constants of the limiter are based on these figures.
func sweep(ctx context.Context, delay time.Duration) error {
	const perLevel = 4000
	levels := []int{1, 4, 8, 12, 16, 24, 32, 64, 256}
	l, err := startLab(ctx, perLevel*(len(levels)+1), 1024)
	if err != nil {
		return err
	}
	defer l.stop(ctx)
	server := l.cluster().Server
	if delay > 0 {
		p, err := startProxy(ctx, server, delay)
		if err != nil {
			return err
		}
		defer p.stop()
		server = p.url()
	}
	config, err := l.as(ctx, "cluster-admin", server)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return err
	}
	reader, err := l.as(ctx, "reader", l.cluster().Server)
	if err != nil {
		return err
	}
	objects, err := list(ctx, client, config.Host)
	if err != nil {
		return err
	}
	writeAll(ctx, client, config.Host, objects[:perLevel], 8) // warm up
	fmt.Printf("\nround trip %s\n\n", delay)
	fmt.Println("| in flight | writes/s | mean latency | probe p50 / p99 |\n|--:|--:|--:|--:|")
	for i, level := range levels {
		p, err := startProbe(ctx, reader)
		if err != nil {
			return err
		}
		begin := time.Now()
		writeAll(ctx, client, config.Host, objects[perLevel*(i+1):perLevel*(i+2)], level)
		took := time.Since(begin)
		p50, p99 := p.finish()
		rate := perLevel / took.Seconds()
		fmt.Printf("| %d | %.0f | %.1f ms | %s / %s |\n",
			level, rate, 1000*float64(level)/rate, milliseconds(p50), milliseconds(p99))
	}
	return nil
}

// writeAll writes the objects with a fixed number of concurrent requests, and
// returns how many writes failed.
func writeAll(ctx context.Context, client *http.Client, host string, objects []object, inFlight int) (failed int64) {
	var next, failures atomic.Int64
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(objects); i = int(next.Add(1)) - 1 {
				if objects[i].write(ctx, client, host) != nil {
					failures.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return failures.Load()
}
