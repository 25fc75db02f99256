package awsclient

import (
	"errors"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	throttledAttempts = 16 // of one call: if AWS throttles 20 % of them, one call in 10^11 fails
	failedAttempts    = 3  // of a call that fails for another reason

	hurriedDelay = 100 * time.Millisecond // between two attempts when the work is to end soon
)

// RetryThrottled returns clients that retry throttled calls up to 16 times, since with many concurrent calls some are
// always throttled. Other failures end a call after 3 attempts. delay returns the time before an attempt; nil means the
// SDK's delay. After hurry is closed, it is at most 100 ms.
func (c *Clients) RetryThrottled(delay func(attempt int) time.Duration, hurry <-chan struct{}) *Clients {
	cfg := c.config.Copy()
	if c.principal.env["AWS_MAX_ATTEMPTS"] == "" && c.principal.options.MaxAttempts == 0 {
		cfg.RetryMaxAttempts = 0 // it would replace the retryer's limit
	}
	cfg.Retryer = func() aws.Retryer { return newThrottleRetryer(delay, hurry) }
	return c.principal.clients(cfg)
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
	hurry <-chan struct{}
}

func newThrottleRetryer(delay func(int) time.Duration, hurry <-chan struct{}) *throttleRetryer {
	return &throttleRetryer{delay: delay, hurry: hurry, Standard: retry.NewStandard(func(o *retry.StandardOptions) {
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
	if attempt >= failedAttempts && !throttled(err) {
		return 0, err
	}
	delay := time.Duration(0)
	if r.delay != nil {
		delay = r.delay(attempt)
	} else if delay, err = r.Standard.RetryDelay(attempt, err); err != nil {
		return 0, err
	}
	select {
	case <-r.hurry:
		return min(delay, hurriedDelay), nil
	default:
		return delay, nil
	}
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
