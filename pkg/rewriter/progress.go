package rewriter

import (
	"time"
)

// Phase is what a run is at.
type Phase string

// Phases of a run.
const (
	PhaseListing Phase = "Listing"
	PhaseWriting Phase = "Writing"
	PhaseClosing Phase = "Closing"
	PhaseDone    Phase = "Done"
)

// Progress is how far the run of one resource has come.
type Progress struct {
	Phase    Phase
	Resource string
	// Listed objects are known so far; Total are those to be examined.
	Listed, Total int64
	Current       int64
	Rewritten     int64
	Gone          int64
	Failed        int64
	// Rate is objects settled a second, lately; ETA is 0 where nothing can be said.
	Rate float64
	ETA  time.Duration
	// Concurrency is how many requests the pacing allows at once.
	Concurrency int
}

// Done is how many of the Total need nothing more.
func (p Progress) Done() int64 { return p.Current + p.Rewritten + p.Gone + p.Failed }

const progressEvery = 200 * time.Millisecond

// watched does the work while it reports its progress, a last time at its end.
func (r *run) watched(work func() error) error {
	report := r.options.Progress
	if report == nil {
		return work()
	}
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		var speed speedometer
		for {
			select {
			case <-ticker.C:
				report(r.progress(&speed))
			case <-stop:
				r.enter(PhaseDone)
				report(r.progress(&speed))
				return
			}
		}
	}()
	err := work()
	close(stop)
	<-over
	return err
}

func (r *run) enter(p Phase) { r.phase.Store(&p) }

func (r *run) progress(speed *speedometer) Progress {
	n := func(s state) int64 { return r.counts[s].Load() }
	p := Progress{
		Phase: *r.phase.Load(), Resource: r.resource.String(),
		Current: n(current), Rewritten: n(rewritten) + n(recheck), Gone: n(gone), Failed: n(failed) + n(restless),
		Concurrency: r.limiter.Limit(),
	}
	p.Total = p.Done() + n(pending) + n(aside)
	p.Listed = p.Total + n(unexamined)
	if p.Phase == PhaseListing {
		return p
	}
	p.Rate = speed.read(r.now(), p.Done())
	if left := p.Total - p.Done(); left > 0 && p.Rate > 0 {
		p.ETA = time.Duration(float64(left) / p.Rate * float64(time.Second))
	}
	return p
}

// speedometer smooths a rate over some seconds.
type speedometer struct {
	at   time.Time
	done int64
	rate float64
}

func (s *speedometer) read(now time.Time, done int64) float64 {
	if s.at.IsZero() {
		s.at, s.done = now, done
		return 0
	}
	passed := now.Sub(s.at).Seconds()
	if passed <= 0 {
		return s.rate
	}
	latest := max(float64(done-s.done), 0) / passed
	weight := min(passed/3, 1)
	if s.rate == 0 {
		weight = 1
	}
	s.rate += weight * (latest - s.rate)
	s.at, s.done = now, done
	return s.rate
}
