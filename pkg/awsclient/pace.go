package awsclient

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	throttledAttempts = 16 // of one call: if AWS throttles 20 % of them, one call in 10^11 fails
	failedAttempts    = 3  // of a call that fails for another reason
)

// Gate paces calls: it calls send once for each attempt, and send reports whether AWS throttled the attempt. If Gate
// returns an error, the call fails with it.
type Gate func(ctx context.Context, send func() (throttled bool)) error

// NewGate returns a gate that lets at most n attempts through at the same time.
func NewGate(n int) Gate {
	slots := make(chan struct{}, n)
	return func(ctx context.Context, send func() bool) error {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			send()
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// RetryThrottled returns clients that retry throttled calls up to 16 times, since with many concurrent calls some are
// always throttled. Other failures end a call after 3 attempts. delay returns the time before an attempt; nil means the
// SDK's delay.
func (c *Clients) RetryThrottled(delay func(attempt int) time.Duration) *Clients {
	cfg := c.config.Copy()
	if c.principal.env["AWS_MAX_ATTEMPTS"] == "" && c.principal.options.MaxAttempts == 0 {
		cfg.RetryMaxAttempts = 0 // it would replace the retryer's limit
	}
	cfg.Retryer = func() aws.Retryer { return newThrottleRetryer(delay) }
	return c.principal.clients(cfg)
}

// WithGate returns clients that pass each attempt through the gate. STS calls bypass it: signing a gated call may need
// one, which would deadlock.
func (c *Clients) WithGate(gate Gate) *Clients {
	cfg := c.config.Copy()
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], func(s *middleware.Stack) error {
		return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("Gate", gate.pass), "Retry", middleware.After)
	})
	return c.principal.clients(cfg)
}

func (g Gate) pass(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	if awsmiddleware.GetServiceID(ctx) == sts.ServiceID {
		return next.HandleFinalize(ctx, in)
	}
	gateErr := g(ctx, func() bool {
		out, metadata, err = next.HandleFinalize(ctx, in)
		return throttled(err)
	})
	if gateErr != nil {
		return out, metadata, gateErr
	}
	return out, metadata, err
}

func throttled(err error) bool {
	if err == nil || quotaUsedUp(err) {
		return false
	}
	codes := retry.ThrottleErrorCode{Codes: retry.DefaultThrottleErrorCodes}
	if codes.IsErrorThrottle(err) == aws.TrueTernary {
		return true
	}
	var status *smithyhttp.ResponseError
	return errors.As(err, &status) && status.HTTPStatusCode() == http.StatusTooManyRequests
}

// throttleRetryer is the SDK's standard retryer with more attempts for throttled calls, and without its retry quota,
// which an audit of many clusters uses up.
type throttleRetryer struct {
	*retry.Standard
	delay func(attempt int) time.Duration
}

func newThrottleRetryer(delay func(int) time.Duration) *throttleRetryer {
	return &throttleRetryer{delay: delay, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = throttledAttempts
		o.MaxBackoff = 2 * time.Second // the gate slows calls down
		o.RateLimiter = ratelimit.None
	})}
}

// IsErrorRetryable reports whether the call may be tried again. Status 429 counts as
// throttling whatever its error code.
func (r *throttleRetryer) IsErrorRetryable(err error) bool {
	return throttled(err) || r.Standard.IsErrorRetryable(err)
}

// RetryDelay returns err if the call must not be tried again.
func (r *throttleRetryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	switch {
	case attempt >= failedAttempts && !throttled(err):
		return 0, err
	case r.delay != nil:
		return r.delay(attempt), nil
	}
	return r.Standard.RetryDelay(attempt, err)
}

// quotaUsedUp reports whether a quota of KMS is used up. The SDK takes the error code, which other services use for
// rates, for throttling.
func quotaUsedUp(err error) bool {
	var quota *kmstypes.LimitExceededException
	return errors.As(err, &quota)
}

// exceptQuotas is a retryer that does not try again when a quota of KMS is used up.
type exceptQuotas struct{ aws.RetryerV2 }

// IsErrorRetryable reports whether the call may be tried again.
func (r exceptQuotas) IsErrorRetryable(err error) bool {
	return !quotaUsedUp(err) && r.RetryerV2.IsErrorRetryable(err)
}
