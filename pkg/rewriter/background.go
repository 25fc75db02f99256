package rewriter

import (
	"context"
	"sync"
)

// background runs work until the returned function is called, which cancels its context and waits for its end.
func background(ctx context.Context, work func(context.Context)) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { work(ctx) })
	return func() { cancel(); running.Wait() }
}
