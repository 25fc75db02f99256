package rewriter

import (
	"cmp"
	"time"
)

// Phase is the current step of a run.
type Phase string

// Phases of a run, in order.
const (
	PhaseListing Phase = "Listing"
	PhaseWriting Phase = "Writing"
	PhaseReading Phase = "Reading"
	PhaseClosing Phase = "Closing"
	PhaseDone    Phase = "Done"
)

// Progress is the progress of the run of one resource. Counts are in objects.
type Progress struct {
	Phase    Phase
	Resource string
	// Listed is the number of objects known so far, Total that of objects to examine.
	Listed, Total int64
	Current       int64
	Rewritten     int64
	Gone          int64
	Failed        int64
	// Rate is the recent number of objects done per second. ETA is 0 if unknown.
	Rate float64
	ETA  time.Duration
	// Concurrency is the number of requests that the limiter currently allows.
	Concurrency int
	// Waiting is what the run waits for, such as the webhook of a namespace, or the API server.
	Waiting string
}

// Done returns the number of objects that need no further write.
func (p Progress) Done() int64 { return p.Current + p.Rewritten + p.Gone + p.Failed }

const progressInterval = 200 * time.Millisecond

// withProgress runs work and reports its progress, the last time when work returns.
func (r *run) withProgress(work func() error) error {
	report := r.options.Progress
	if report == nil {
		return work()
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(progressInterval)
		defer ticker.Stop()
		var rate rateMeter
		for {
			select {
			case <-ticker.C:
				report(r.progress(&rate))
			case <-stop:
				r.enter(PhaseDone)
				report(r.progress(&rate))
				return
			}
		}
	}()
	err := work()
	close(stop)
	<-stopped
	return err
}

func (r *run) enter(p Phase) { r.phase.Store(&p) }

func (r *run) progress(rate *rateMeter) Progress {
	n := func(s state) int64 { return r.counts[s].Load() }
	silence := r.silence.text(r.now())
	p := Progress{
		Phase: *r.phase.Load(), Resource: r.resource.String(),
		Current: n(current), Rewritten: n(rewritten) + n(toRecheck), Gone: n(gone), Failed: n(failed) + n(unstable),
		Concurrency: r.limiter.Limit(), Waiting: r.waiting(silence),
	}
	p.Total = p.Done() + n(pending) + n(deferred)
	p.Listed = p.Total + n(unexamined)
	if p.Phase == PhaseListing {
		return p
	}
	p.Rate = rate.update(r.now(), p.Done())
	if left := p.Total - p.Done(); left > 0 && p.Rate > 0 && silence == "" {
		// Not as a Duration: it overflows if the rate falls to zero.
		if seconds := float64(left) / p.Rate; seconds < maxETA.Seconds() {
			p.ETA = time.Duration(seconds * float64(time.Second))
		}
	}
	return p
}

// maxETA is the longest estimate that is shown.
const maxETA = 24 * time.Hour

// waiting describes what holds up the run; empty if nothing does.
func (r *run) waiting(silence string) string {
	if r.guard.isPaused() {
		return "paused until etcd has compacted old versions"
	}
	return cmp.Or(r.hanging.String(), silence)
}

// rateMeter smooths a rate over about three seconds.
type rateMeter struct {
	at   time.Time
	done int64
	rate float64
}

// update returns the rate in objects per second.
func (m *rateMeter) update(now time.Time, done int64) float64 {
	if m.at.IsZero() {
		m.at, m.done = now, done
		return 0
	}
	elapsed := now.Sub(m.at).Seconds()
	if elapsed <= 0 {
		return m.rate
	}
	latest := max(float64(done-m.done), 0) / elapsed
	weight := min(elapsed/3, 1)
	if m.rate == 0 {
		weight = 1
	}
	m.rate += weight * (latest - m.rate)
	m.at, m.done = now, done
	return m.rate
}
