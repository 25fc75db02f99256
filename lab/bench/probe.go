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

// probe measures the latency that other users observe: it reads one object every
// 50 ms. It is a separate process with its own connection, like a user on another
// machine. Its requests do not pass the delaying proxy.
type probe struct{ *subprocess }

// startProbe starts the probe and returns after its first successful request.
func startProbe(ctx context.Context, config *rest.Config) (*probe, error) {
	s, err := startSubprocess(ctx, "-probe")
	if err != nil {
		return nil, err
	}
	target := probeTarget{config.Host, config.BearerToken, config.CAData, config.CAFile}
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

// probeTarget is the API server that the probe reads from.
type probeTarget struct {
	Host, Token string
	CAData      []byte
	CAFile      string
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
		Host: target.Host, BearerToken: target.Token,
		TLSClientConfig: rest.TLSClientConfig{CAData: target.CAData, CAFile: target.CAFile},
	})
	if err != nil {
		return err
	}
	address := target.Host + "/api/v1/namespaces/default"
	for try := 0; ; try++ { // a new API server needs some time until RBAC works
		_, err := get(ctx, client, address)
		if err == nil {
			break
		}
		if try == 50 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Println("ready")
	finish := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, input)
		close(finish)
	}()
	var latencies []time.Duration
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-finish:
			return json.NewEncoder(os.Stdout).Encode(percentiles(latencies))
		case <-ticker.C:
			begin := time.Now()
			if _, err := get(ctx, client, address); err == nil {
				latencies = append(latencies, time.Since(begin))
			}
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
