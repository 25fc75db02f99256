package awsclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// JSONCall is one call of a service whose SDK client is not worth its weight: those
// of Organizations and Account Management would add megabytes for one call each.
type JSONCall struct {
	// Service as its host names it; it has one endpoint for the whole partition.
	Service string
	// Path is the URL's, for REST; Target is the X-Amz-Target, for JSON-RPC.
	Path, Target string
}

const maxReply = 8 << 20

// homes are the regions that hold the partition-wide services, with their domains.
var homes = map[string]struct{ region, domain string }{
	"aws":        {"us-east-1", "amazonaws.com"},
	"aws-cn":     {"cn-northwest-1", "amazonaws.com.cn"},
	"aws-us-gov": {"us-gov-west-1", "amazonaws.com"},
}

// Call signs and sends the input as JSON, and reads the reply into out. It repeats
// the call as the clients' retryer says.
func (c *Clients) Call(ctx context.Context, partition string, call JSONCall, in, out any) error {
	home, known := homes[partition]
	if !known {
		return fmt.Errorf("where %s is in partition %q is not known", call.Service, partition)
	}
	url := c.endpoint(call.Service, fmt.Sprintf("https://%s.%s.%s", call.Service, home.region, home.domain)) + call.Path
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	var retryer aws.Retryer = newPatience(nil)
	if c.config.Retryer != nil {
		retryer = c.config.Retryer()
	}
	for attempt := 1; ; attempt++ {
		err := c.post(ctx, url, home.region, call, body, out)
		if err == nil || attempt >= retryer.MaxAttempts() || !retryer.IsErrorRetryable(err) {
			return err
		}
		delay, ended := retryer.RetryDelay(attempt, err)
		if ended != nil {
			return ended
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// endpoint is the service's, unless somebody overrules it.
func (c *Clients) endpoint(service, usual string) string {
	url := c.config.BaseEndpoint // of the profile or the process's environment
	if own := os.Getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(service)); own != "" {
		url = &own
	}
	c.options.override(strings.ToUpper(service), &url)
	return strings.TrimSuffix(first(aws.ToString(url), usual), "/")
}

func (c *Clients) post(ctx context.Context, url, region string, call JSONCall, body []byte, out any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", agent+"/"+first(c.options.Version, "devel"))
	if call.Target != "" {
		request.Header.Set("Content-Type", "application/x-amz-json-1.1")
		request.Header.Set("X-Amz-Target", call.Target)
	}
	credentials, err := c.config.Credentials.Retrieve(ctx)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), call.Service, region, time.Now()); err != nil {
		return fmt.Errorf("signing: %w", err)
	}
	reply, err := c.config.HTTPClient.Do(request)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer func() { _ = reply.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(reply.Body, maxReply))
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	if reply.StatusCode != http.StatusOK {
		return failure(reply, data)
	}
	return json.Unmarshal(data, out)
}

// failure reads an error of AWS's JSON protocols.
func failure(reply *http.Response, body []byte) error {
	var said struct {
		Type     string `json:"__type"`
		Code     string `json:"code"`
		Message  string `json:"message"`
		Message2 string `json:"Message"`
	}
	_ = json.Unmarshal(body, &said) // what is no JSON has no code
	code, _, _ := strings.Cut(first(reply.Header.Get("X-Amzn-Errortype"), said.Type, said.Code, http.StatusText(reply.StatusCode)), ":")
	return &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: reply},
		Err:      &smithy.GenericAPIError{Code: code[strings.LastIndexByte(code, '#')+1:], Message: first(said.Message, said.Message2)},
	}
}
