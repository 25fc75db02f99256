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

// curve shows what concurrency buys, and what it costs others: stale objects
// written with a fixed number of requests in flight, on one lab. It is what the
// pacing's constants rest on.
func curve(ctx context.Context, delay time.Duration) error {
	const each = 4000
	levels := []int{1, 4, 8, 12, 16, 24, 32, 64, 256}
	l, err := startLab(ctx, each*(len(levels)+1), 1024)
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
	other, err := l.as(ctx, "reader", l.cluster().Server)
	if err != nil {
		return err
	}
	objects, err := list(ctx, client, config.Host)
	if err != nil {
		return err
	}
	spread(ctx, client, config.Host, objects[:each], 8) // warm up
	fmt.Printf("\nround trip %s\n\n| in flight | writes/s | mean latency | bystander p50 / p99 |\n|--:|--:|--:|--:|\n", delay)
	for i, level := range levels {
		b, err := watch(ctx, other)
		if err != nil {
			return err
		}
		begin := time.Now()
		spread(ctx, client, config.Host, objects[each*(i+1):each*(i+2)], level)
		took := time.Since(begin)
		p50, p99 := b.leave()
		rate := each / took.Seconds()
		fmt.Printf("| %d | %.0f | %.1f ms | %s / %s |\n", level, rate, 1000*float64(level)/rate, milliseconds(p50), milliseconds(p99))
	}
	return nil
}

// spread writes the objects with so many requests in flight, and counts failures.
func spread(ctx context.Context, client *http.Client, host string, objects []object, inFlight int) (failed int64) {
	var next, failures atomic.Int64
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(objects); i = int(next.Add(1)) - 1 {
				if objects[i].touch(ctx, client, host) != nil {
					failures.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return failures.Load()
}
