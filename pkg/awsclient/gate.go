package awsclient

import (
	"context"
	"errors"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// Outcome is the result of one attempt of a call, as far as it concerns the pace.
type Outcome int

// The outcomes.
const (
	Answered  Outcome = iota // AWS answered, possibly with a refusal
	Throttled                // AWS throttled the attempt
	NoAnswer                 // a timeout, a connection that failed, or a failure of AWS
	Abandoned                // the attempt ended with its context, or before it was sent
)

// Gate paces calls: it calls send once for each attempt. If Gate returns an error, the call fails with it.
type Gate func(ctx context.Context, send func() Outcome) error

// NewGate returns a gate that lets at most n attempts through at the same time.
func NewGate(n int) Gate {
	slots := make(chan struct{}, n)
	return func(ctx context.Context, send func() Outcome) error {
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
	gateErr := g(ctx, func() Outcome {
		out, metadata, err = next.HandleFinalize(ctx, in)
		return outcome(err)
	})
	if gateErr != nil {
		return out, metadata, gateErr
	}
	return out, metadata, err
}

// outcome classifies the error of one attempt.
func outcome(err error) Outcome {
	var other *smithy.OperationError // of another call, for instance the one that gets the credentials
	switch {
	case err == nil:
		return Answered
	case throttled(err):
		return Throttled
	case errors.Is(err, context.Canceled), errors.As(err, &other):
		return Abandoned
	}
	switch KindOf(Explain(err, Operation{})) {
	case KindTimeout, KindUnreachable, KindServer:
		return NoAnswer
	}
	return Answered
}
