package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"k8s.io/client-go/rest"
)

// get sends one GET request and returns the body.
func get(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // only read from
	raw, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", address, resp.Status)
	}
	return raw, err
}

// probe measures the latency that other users observe: it reads one namespace from each
// API server every 20 ms. It is a separate process with its own connections, like a user
// on another machine. Its requests pass neither the delaying proxy nor the balancer.
type probe struct{ *subprocess }

// startProbe starts the probe and returns after its first successful requests.
func startProbe(ctx context.Context, l *benchLab) (*probe, error) {
	config, err := l.as(ctx, "reader", "")
	if err != nil {
		return nil, err
	}
	target := probeTarget{Token: config.BearerToken, CAData: config.CAData, CAFile: config.CAFile}
	if target.Hosts, err = l.servers(ctx); err != nil {
		return nil, err
	}
	s, err := startSubprocess(ctx, "-probe")
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(s.stdin).Encode(target); err != nil {
		return nil, err
	}
	_, err = s.stdout.ReadString('\n')
	return &probe{s}, err
}

// finish ends the probe and returns the median and the 99th percentile of the latency.
func (p *probe) finish() (p50, p99 time.Duration) {
	_ = p.stdin.Close()
	var latency [2]time.Duration
	_ = json.NewDecoder(p.stdout).Decode(&latency)
	p.end()
	return latency[0], latency[1]
}

// probeTarget has the API servers that the probe reads from.
type probeTarget struct {
	Hosts  []string
	Token  string
	CAData []byte
	CAFile string
}

// runProbe is the main function of the probe's process. It reads a probeTarget
// from standard input, sends requests until the end of the input, and prints the
// percentiles of the latency.
func runProbe(ctx context.Context) error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var target probeTarget
	if err := json.Unmarshal(line, &target); err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(&rest.Config{
		BearerToken: target.Token, TLSClientConfig: rest.TLSClientConfig{CAData: target.CAData, CAFile: target.CAFile},
	})
	if err != nil {
		return err
	}
	read := func(host string) error {
		_, err := get(ctx, client, host+"/api/v1/namespaces/default")
		return err
	}
	for _, host := range target.Hosts {
		for try := 0; ; try++ { // a new API server needs some time until RBAC works
			err := read(host)
			if err == nil {
				break
			}
			if try == 50 {
				return err
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	fmt.Println("ready")
	finish := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, input)
		close(finish)
	}()
	latencies := make([][]time.Duration, len(target.Hosts))
	var readers sync.WaitGroup
	for i, host := range target.Hosts {
		readers.Go(func() { latencies[i] = repeat(finish, func() error { return read(host) }) })
	}
	readers.Wait()
	return json.NewEncoder(os.Stdout).Encode(percentiles(slices.Concat(latencies...)))
}

// repeat calls request every 20 ms until finish, and returns how long the successful
// ones took. It does not wait for a slow response before the next request, because the
// slow ones would count too little.
func repeat(finish <-chan struct{}, request func() error) (took []time.Duration) {
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	var mu sync.Mutex
	var requests sync.WaitGroup
	for {
		select {
		case <-finish:
			requests.Wait()
			return took
		case <-ticker.C:
			requests.Go(func() {
				begin := time.Now()
				if request() != nil {
					return
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, time.Since(begin))
			})
		}
	}
}

// percentiles returns the median and the 99th percentile.
func percentiles(d []time.Duration) [2]time.Duration {
	if len(d) == 0 {
		return [2]time.Duration{}
	}
	slices.Sort(d)
	return [2]time.Duration{d[len(d)/2], d[len(d)*99/100]}
}
