package awsclient

import (
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	throttledAttempts = 16 // of one call: at 20 % throttling one in 10^11 is lost
	failedAttempts    = 3  // of a call that fails in another way
)

// Gate lets one attempt of a call pass: it calls send once, and learns whether AWS
// throttled it. Its error means that the attempt was not sent.
type Gate func(ctx context.Context, send func() (throttled bool)) error

// Patient returns the same clients, which don't give up on throttling: of many
// calls side by side some always meet it. Other failures end a call after three
// attempts. delay is the time before the next attempt; nil means the SDK's.
func (c *Clients) Patient(delay func(attempt int) time.Duration) *Clients {
	o, cfg := c.options, c.config.Copy()
	if os.Getenv("AWS_MAX_ATTEMPTS") == "" && o.MaxAttempts == 0 {
		cfg.RetryMaxAttempts = 0 // else it would overrule the retryer
	}
	cfg.Retryer = func() aws.Retryer { return newPatience(delay) }
	return o.clients(cfg)
}

// Through returns the same clients, with each attempt of each call behind the gate.
// Calls of STS are not: the signature of a gated call may wait for them.
func (c *Clients) Through(gate Gate) *Clients {
	o, cfg := c.options, c.config.Copy()
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], func(s *middleware.Stack) error {
		return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("Gate", gate.pass), "Retry", middleware.After)
	})
	return o.clients(cfg)
}

func (g Gate) pass(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	if awsmiddleware.GetServiceID(ctx) == sts.ServiceID {
		return next.HandleFinalize(ctx, in)
	}
	refused := g(ctx, func() bool {
		out, metadata, err = next.HandleFinalize(ctx, in)
		return throttled(err)
	})
	if refused != nil {
		return out, metadata, refused
	}
	return out, metadata, err
}

func throttled(err error) bool {
	if err == nil {
		return false
	}
	codes := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}
	if codes.IsErrorThrottle(err) == aws.TrueTernary {
		return true
	}
	var status *smithyhttp.ResponseError
	return errors.As(err, &status) && status.HTTPStatusCode() == http.StatusTooManyRequests
}

// patience is the SDK's retryer without its quota of retries, which a fleet uses
// up, and with more attempts for what was throttled.
type patience struct {
	*retry.Standard
	delay func(attempt int) time.Duration
}

func newPatience(delay func(int) time.Duration) *patience {
	return &patience{delay: delay, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = throttledAttempts
		o.MaxBackoff = 2 * time.Second // the gate does the slowing down
		o.RateLimiter = ratelimit.None
	})}
}

// IsErrorRetryable adds the throttling that has no code of its own.
func (p *patience) IsErrorRetryable(err error) bool {
	return throttled(err) || p.Standard.IsErrorRetryable(err)
}

// RetryDelay ends with the error itself where another attempt would be no use.
func (p *patience) RetryDelay(attempt int, err error) (time.Duration, error) {
	switch {
	case attempt >= failedAttempts && !throttled(err):
		return 0, err
	case p.delay != nil:
		return p.delay(attempt), nil
	}
	return p.Standard.RetryDelay(attempt, err)
}
