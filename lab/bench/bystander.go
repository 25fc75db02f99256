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

// bystander is somebody else who reads one object every 50 ms: a process of its
// own, as on another machine, on a connection of its own, without the delay.
type bystander struct{ *helper }

// watch starts the bystander, and returns when they have read for the first time.
func watch(ctx context.Context, config *rest.Config) (*bystander, error) {
	h, err := startHelper(ctx, "-bystander")
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(h.tell).Encode(view{config.Host, config.BearerToken, config.CAData, config.CAFile}); err != nil {
		return nil, err
	}
	_, err = h.said.ReadString('\n')
	return &bystander{h}, err
}

// leave returns the median and the 99th percentile of what they felt.
func (b *bystander) leave() (p50, p99 time.Duration) {
	_ = b.tell.Close()
	var felt [2]time.Duration
	_ = json.NewDecoder(b.said).Decode(&felt)
	b.end()
	return felt[0], felt[1]
}

// view is how the bystander reaches the API server.
type view struct {
	Host, Token string
	CAData      []byte
	CAFile      string
}

// standBy is the bystander's process: until its input ends it reads, and then it
// says how long that took.
func standBy(ctx context.Context) error {
	input := bufio.NewReader(os.Stdin)
	line, err := input.ReadBytes('\n')
	if err != nil {
		return err
	}
	var v view
	if err := json.Unmarshal(line, &v); err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(&rest.Config{Host: v.Host, BearerToken: v.Token, TLSClientConfig: rest.TLSClientConfig{CAData: v.CAData, CAFile: v.CAFile}})
	if err != nil {
		return err
	}
	address := v.Host + "/api/v1/namespaces/default"
	for try := 0; ; try++ { // a fresh API server grants its roles only after a while
		_, err := getWith(ctx, client, address)
		if err == nil {
			break
		}
		if try == 50 {
			return err
		}
		time.Sleep(200 * time.Millisecond)
	}
	fmt.Println("ready")
	leave := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, input)
		close(leave)
	}()
	var took []time.Duration
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-leave:
			return json.NewEncoder(os.Stdout).Encode(percentiles(took))
		case <-ticker.C:
			begin := time.Now()
			if _, err := getWith(ctx, client, address); err == nil {
				took = append(took, time.Since(begin))
			}
		}
	}
}

// percentiles are the median and the 99th.
func percentiles(took []time.Duration) [2]time.Duration {
	if len(took) == 0 {
		return [2]time.Duration{}
	}
	slices.Sort(took)
	return [2]time.Duration{took[len(took)/2], took[len(took)*99/100]}
}
