package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// get is one GET, with a client of its own where none is given.
func get(ctx context.Context, config *rest.Config, path string) ([]byte, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return getWith(ctx, client, config.Host+path)
}

func getWith(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read to its end or given up
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	return raw, err
}

// bystander is somebody else who reads one object every 20 ms, on a connection of
// their own and without the delay.
type bystander struct {
	stop chan struct{}
	done sync.WaitGroup
	took []time.Duration
}

func watch(ctx context.Context, config *rest.Config) (*bystander, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	address := config.Host + "/api/v1/namespaces/default"
	for try := 0; ; try++ { // a fresh API server grants its roles only after a while
		_, err := getWith(ctx, client, address)
		if err == nil {
			break
		}
		if try == 50 {
			return nil, err
		}
		time.Sleep(200 * time.Millisecond)
	}
	b := &bystander{stop: make(chan struct{})}
	b.done.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-b.stop:
				return
			case <-ticker.C:
				begin := time.Now()
				if _, err := getWith(ctx, client, address); err == nil {
					b.took = append(b.took, time.Since(begin))
				}
			}
		}
	})
	return b, nil
}

// end returns the median and the 99th percentile.
func (b *bystander) end() (p50, p99 time.Duration) {
	close(b.stop)
	b.done.Wait()
	if len(b.took) == 0 {
		return 0, 0
	}
	slices.Sort(b.took)
	return b.took[len(b.took)/2], b.took[len(b.took)*99/100]
}
