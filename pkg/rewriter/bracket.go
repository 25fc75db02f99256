package rewriter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/apiserver"
)

// Numbers of connections to the API server whose metrics bracket the reads.
const (
	maxReaders       = 8
	objectsPerReader = 50 // to open a connection takes as long as reading this many objects
)

// metricsReader reads objects over connections to one API server, whose metrics are scraped.
type metricsReader struct {
	*servers
	key     apiserver.Key // the write key of all servers
	first   serverLane    // to the server that is scraped
	objects int           // to read in total
}

// sameServer returns connections to the server of the first one. It opens more of them, so that
// several objects can be read at the same time, which matters if the server is far away. A
// balancer may lead some to other servers; these are not used.
func (m *metricsReader) sameServer(ctx context.Context) ([]serverLane, error) {
	wanted := min(1+m.objects/objectsPerReader, maxReaders)
	var same []serverLane
	for i := 0; len(same) < wanted; i++ {
		if i == len(m.lanes) {
			if i >= 2*wanted {
				break
			}
			if err := m.open(ctx, 1); err != nil {
				return nil, err
			}
		}
		if lane := m.lanes[i]; lane.Lane == m.first.Lane || lane.server.Metrics.SameProcess(m.first.server.Metrics) {
			same = append(same, lane)
		}
	}
	return same, nil
}

// move looks for the servers again, after one of them has ended or a connection has moved.
func (m *metricsReader) move(ctx context.Context) {
	m.refresh(ctx)
	if key, lane, err := m.commonWriteKey(); err == nil && key == m.key {
		m.first = lane
	}
}

// bracketed is what two scrapes of one server say about the reads between them.
type bracketed struct {
	read          int64 // objects that were read
	before, after *apiserver.Metrics
}

// bracket scrapes, reads the objects, and scrapes again. All connections lead to one server,
// and an HTTP/1.1 connection stays with its server. If that does not hold to the end, or a
// read fails, the result gives no bounds.
func (r *run) bracket(ctx context.Context, reader *metricsReader, batch []int) (bracketed, error) {
	lanes, err := reader.sameServer(ctx)
	if err != nil {
		return bracketed{}, err
	}
	first, _, err := reader.first.Scrape(ctx)
	if err != nil || first.Metrics == nil {
		return bracketed{}, ctx.Err()
	}
	reading, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next, read atomic.Int64
	var workers sync.WaitGroup
	for _, lane := range lanes {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(batch)) && reading.Err() == nil; i = next.Add(1) - 1 {
				counted, err := r.readBetween(reading, lane, first.Metrics, batch[i])
				if err != nil {
					stop(err)
				}
				if counted {
					read.Add(1)
				}
			}
		})
	}
	workers.Wait()
	switch err := context.Cause(reading); {
	case errors.Is(err, errNotBracketed):
		return bracketed{}, nil
	case err != nil:
		return bracketed{}, err
	}
	last, _, err := reader.first.Scrape(ctx)
	if err != nil || last.Metrics == nil {
		return bracketed{}, ctx.Err()
	}
	return bracketed{read: read.Load(), before: first.Metrics, after: last.Metrics}, nil
}

// errNotBracketed means that a read may not have been counted by the server that was scraped.
var errNotBracketed = errors.New("a read was not between two scrapes of its server")

// readBetween reads one object, and reports whether the server counted it.
func (r *run) readBetween(ctx context.Context, lane serverLane, first *apiserver.Metrics, i int) (bool, error) {
	o := &r.inventory.objects[i]
	if o.state != pending {
		return false, nil
	}
	traced, connection := lane.Trace(ctx)
	var err error
	if limited := r.limiter.Do(ctx, func() bool {
		_, err = readVersion(traced, lane.Lane, r.resource, r.inventory.namespace(o), o.name)
		return overloaded(err)
	}); limited != nil {
		return false, limited
	}
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case objectNotFound(err):
		r.move(i, gone)
		return false, nil
	case forbiddenByRBAC(err):
		return false, explain(err, "get", r.scope)
	case err != nil && !transient(err):
		r.fail(i, err)
		return false, nil
	case err != nil:
		return false, fmt.Errorf("%w: %w", errNotBracketed, err)
	}
	if server, err := lane.Identify(ctx, connection()); err != nil || !server.Metrics.SameProcess(first) {
		return false, errNotBracketed
	}
	return true, nil
}

// bounds are the numbers of objects that are certainly current and certainly stale.
type bounds struct{ current, stale int64 }

// without returns the bounds after n of the objects are gone: each of them may have been current,
// or stale.
func (b bounds) without(n int64) bounds {
	return bounds{current: max(b.current-n, 0), stale: max(b.stale-n, 0)}
}

// bounds compares the scrapes. Each read was counted under one key. So at most as many
// of the objects are under other keys as the reads that were counted under these.
func (b bracketed) bounds(key apiserver.Key) bounds {
	if !b.before.SameProcess(b.after) {
		return bounds{}
	}
	var underKey, underOthers float64
	for k, total := range b.after.Reads {
		grown := total - b.before.Reads[k]
		switch {
		case grown < 0:
			return bounds{}
		case k == key:
			underKey += grown
		default:
			underOthers += grown
		}
	}
	for resource, total := range b.after.Plain {
		grown := total - b.before.Plain[resource]
		if grown < 0 {
			return bounds{}
		}
		underOthers += grown
	}
	if !hasAll(b.before.Reads, b.after.Reads) || !hasAll(b.before.Plain, b.after.Plain) ||
		int64(underKey+underOthers) < b.read {
		return bounds{} // a counter is gone, or reads were not counted
	}
	return bounds{
		current: min(max(b.read-int64(underOthers), 0), int64(underKey)),
		stale:   max(b.read-int64(underKey), 0),
	}
}

// hasAll reports whether the later counters contain all earlier ones.
func hasAll[K comparable](earlier, later map[K]float64) bool {
	for k := range earlier {
		if _, ok := later[k]; !ok {
			return false
		}
	}
	return true
}
