package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Client calls a lab's daemon.
type Client struct{ http *http.Client }

// timeout of a request to the daemon. Replacing API servers takes longest.
const timeout = 15 * time.Minute

// NewClient returns a client for the lab with the given Config.
func NewClient(c *state.Config) *Client {
	socket := c.AdminSocket()
	return &Client{&http.Client{Timeout: timeout, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", socket)
		},
	}}}
}

// ErrNotRunning means that no daemon listens on the lab's socket.
var ErrNotRunning = errors.New("the lab is not running")

// Status returns the state of the lab.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	return s, c.do(ctx, http.MethodGet, "/status", nil, &s)
}

// Stop makes the lab stop. It returns before all components have ended.
func (c *Client) Stop(ctx context.Context) error {
	err := c.do(ctx, http.MethodPost, "/stop", nil, nil)
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) {
		return nil // it ended before it could respond
	}
	return err
}

// Faults returns the active faults.
func (c *Client) Faults(ctx context.Context) (Faults, error) {
	var f Faults
	return f, c.do(ctx, http.MethodGet, "/faults", nil, &f)
}

// SetFaults replaces all faults. It returns when the new ones are active.
func (c *Client) SetFaults(ctx context.Context, f Faults) error {
	return c.do(ctx, http.MethodPut, "/faults", f, nil)
}

// Disassociate takes the cluster back to the AWS-owned key.
func (c *Client) Disassociate(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/disassociate", nil, nil)
}

// Servers returns the state of the API servers.
func (c *Client) Servers(ctx context.Context) ([]Server, error) {
	var s []Server
	return s, c.do(ctx, http.MethodGet, "/servers", nil, &s)
}

// Requests returns the AWS calls that were handled since the lab started.
func (c *Client) Requests(ctx context.Context) ([]fakeaws.Request, error) {
	var r []fakeaws.Request
	return r, c.do(ctx, http.MethodGet, "/requests", nil, &r)
}

// AddFleet adds generated clusters and returns the expected results for them.
func (c *Client) AddFleet(ctx context.Context, o fakeaws.GenerateOptions) (fakeaws.Generated, error) {
	var g fakeaws.Generated
	return g, c.do(ctx, http.MethodPost, "/fleet", o, &g)
}

// Expected returns the expected results for all clusters, by ARN.
func (c *Client) Expected(ctx context.Context) (map[string]fakeaws.Expected, error) {
	var t map[string]fakeaws.Expected
	return t, c.do(ctx, http.MethodGet, "/expected", nil, &t)
}

func (c *Client) do(ctx context.Context, method, path string, in, out any) (err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://lab"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var op *net.OpError
		if errors.As(err, &op) && op.Op == "dial" {
			return fmt.Errorf("%w: %w", ErrNotRunning, op.Err)
		}
		return err
	}
	data, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return errors.New(string(bytes.TrimSpace(data)))
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}
