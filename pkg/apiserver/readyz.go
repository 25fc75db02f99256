package apiserver

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Health is what an API server reports about its KMS plugin.
type Health struct {
	// Known is false if the server does not report on its KMS plugin.
	Known, OK bool
	// Reason is why the plugin is not healthy, if the server says so.
	Reason string
}

const (
	healthTimeout = 2 * time.Second
	healthCheck   = "kms-providers"
)

// KMSHealth asks the API server whether its KMS plugin works, with one request that every
// user may send, also without credentials. The answer has no reason.
func KMSHealth(ctx context.Context, l *Lane) (Health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	_, body, err := l.text(ctx, "/readyz", url.Values{"verbose": {""}})
	return parseReadyz(body), err
}

// KMSHealthReason is KMSHealth with the reason, where the user may read it.
func KMSHealthReason(ctx context.Context, l *Lane) (Health, error) {
	limited, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	code, body, err := l.text(limited, "/readyz/"+healthCheck, nil)
	switch {
	case err != nil:
		return Health{}, err
	case code == http.StatusOK:
		return Health{Known: true, OK: true}, nil
	case code == http.StatusInternalServerError && strings.Contains(body, healthCheck):
		return Health{Known: true, Reason: strings.TrimSpace(body)}, nil
	}
	return KMSHealth(ctx, l)
}

// parseReadyz finds the line of the KMS plugin in the answer of /readyz?verbose.
func parseReadyz(body string) Health {
	lines := bufio.NewScanner(strings.NewReader(body))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if ok := strings.HasPrefix(line, "[+]"+healthCheck+" "); ok || strings.HasPrefix(line, "[-]"+healthCheck+" ") {
			return Health{Known: true, OK: ok, Reason: strings.TrimPrefix(strings.TrimPrefix(line, "[-]"), "[+]")}
		}
	}
	return Health{}
}

func (l *Lane) text(ctx context.Context, path string, query url.Values) (code int, body string, err error) {
	resp, err := l.Do(ctx, Request{Method: http.MethodGet, Path: path, Query: query, Accept: "text/plain"})
	if err != nil {
		return 0, "", fmt.Errorf("ask the API server for its health: %w", err)
	}
	defer drain(resp.Body)
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return 0, "", fmt.Errorf("ask the API server for its health: %w", err)
	}
	return resp.StatusCode, string(raw), nil
}
