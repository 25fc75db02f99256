package seeded

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/labtest"
)

// TestSeeds runs the scenarios of seeds SEED, SEED+1, … on labs: first with a fault, then
// without it. No report may claim what etcd contradicts, no object may be moved back to
// the old key, and every run without a fault proves everything.
func TestSeeds(t *testing.T) {
	first, count := number(t, "SEED", 1), number(t, "SEEDS", 3)
	sum := &tally{outcomes: map[string]int{}}
	t.Cleanup(func() { sum.print(t) })
	byLab := map[uint64][]uint64{}
	for seed := first; seed < first+count; seed++ {
		byLab[seed/perLab] = append(byLab[seed/perLab], seed)
	}
	for _, lab := range slices.Sorted(maps.Keys(byLab)) {
		t.Run(fmt.Sprintf("lab %d", lab), func(t *testing.T) {
			l := labtest.Start(t, drawPlane(byLab[lab][0]).Args()...)
			for _, seed := range byLab[lab] {
				t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
					t.Cleanup(func() {
						if t.Failed() {
							t.Logf("repeat it with: make test-seeds SEED=%d SEEDS=1", seed)
						}
					})
					play(t, l, draw(seed), sum)
				})
			}
		})
	}
}

// number returns the value of an environment variable.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// play plays one scenario, and then runs without a fault.
func play(t *testing.T, l *labtest.Lab, s Scenario, sum *tally) {
	t.Log(s)
	restore(t, l)
	seedSecrets(t, l, s, s.Secrets)
	if s.Plain > 0 {
		seedSecrets(t, l, s, s.Secrets+s.Plain, "--plain")
	}
	lag(t, l, s)
	if s.Kind != associating {
		associate(t, l, s)
	}
	seedSecrets(t, l, s, s.Secrets+s.Plain+s.Later)

	r := observe(t, l, s, s.Command, func() { during(t, l, s) })
	r.GoesBack = s.Kind == goesBack
	sum.add("with "+s.Kind, r)
	check(t, r, s.Command)
	record := []string{"verify"}
	r = observe(t, l, s, record, nil)
	sum.add("then verify by the record", r)
	check(t, r, record)

	l.ClearFaults(t)
	r = observe(t, l, s, s.Healthy, nil)
	r.Healthy, r.Reachable, r.Unshown = true, s.reachable(), s.Opaque
	sum.add("without a fault, "+map[bool]string{true: "all reachable", false: "one server never reached"}[r.Reachable], r)
	check(t, r, s.Healthy)
	r = observe(t, l, s, record, nil)
	sum.add("then verify by the record", r)
	check(t, r, record)
}

// restore takes the lab back to the AWS-owned key, without secrets and without a record.
func restore(t *testing.T, l *labtest.Lab) {
	t.Helper()
	l.ClearFaults(t)
	l.Lab(t, "disassociate").Must(t)
	l.DeleteSecrets(t)
}

// seedSecrets creates secrets until there are n.
func seedSecrets(t *testing.T, l *labtest.Lab, s Scenario, n int, extra ...string) {
	t.Helper()
	args := []string{"seed", "--secrets", strconv.Itoa(n), "--size", "100", "--namespaces", strconv.Itoa(s.Namespaces)}
	l.Lab(t, append(args, extra...)...).Must(t)
}

// lag adds the fault that holds before the association.
func lag(t *testing.T, l *labtest.Lab, s Scenario) {
	t.Helper()
	switch s.Kind {
	case lags, catchesUp:
		l.Lag(t, s.Lagging, s.Readable)
	case allLag, changes:
		l.Lab(t, "fault", "add", "lag", "--readable").Must(t)
	}
}

// associate associates the key, and waits until EKS reports it.
func associate(t *testing.T, l *labtest.Lab, s Scenario) {
	t.Helper()
	if s.Noted {
		l.Run(t, "kubectl-eks_encrypt", "associate", "alias/lab", "--yes").Must(t)
	} else {
		l.Lab(t, "associate").Must(t)
	}
}

// during changes the fault in the middle of the run.
func during(t *testing.T, l *labtest.Lab, s Scenario) {
	time.Sleep(s.At)
	switch s.Kind {
	case catchesUp, changes:
		l.ClearFaults(t)
	case associating:
		associate(t, l, s)
	case goesBack:
		l.Lag(t, s.Lagging, true)
	}
}

// observe runs the plugin, while something else happens.
func observe(t *testing.T, l *labtest.Lab, s Scenario, command []string, during func()) Run {
	t.Helper()
	r := Run{AllResources: slices.Contains(command, "--all-resources")}
	before := l.Snapshot(t)
	var other sync.WaitGroup
	if during != nil {
		other.Go(during)
	}
	out := l.Run(t, "kubectl-eks_encrypt", append(slices.Clone(command), "-o", "json")...)
	after := l.Snapshot(t)
	other.Wait()
	r.Code, r.Before, r.After = out.Code, before.Provider, after.Provider
	r.History = l.History(t, before, after)
	if out.Stdout == "" {
		r.Verdict = "refused"
	} else if err := json.Unmarshal([]byte(out.Stdout), &r.Coverage); err != nil {
		t.Errorf("%v: %v\n%s", command, err, out.Stdout)
	}
	t.Logf("%v: exit code %d, %s: %s\n%+v %+v %+v\n%s", command, r.Code, r.Verdict, r.Statement, r.Servers, r.Agreement,
		r.Resources[:min(1, len(r.Resources))], out.Stderr)
	return r
}

func check(t *testing.T, r Run, command []string) {
	t.Helper()
	for _, contradiction := range r.Contradictions() {
		t.Errorf("%v: %s", command, contradiction)
	}
}

// tally counts runs by their outcome.
type tally struct {
	mu       sync.Mutex
	outcomes map[string]int
	wrong    int
}

func (s *tally) add(what string, r Run) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes[fmt.Sprintf("%-55s %s", what, r.Verdict)]++
	if len(r.Contradictions()) > 0 {
		s.wrong++
	}
}

func (s *tally) print(t *testing.T) {
	for _, outcome := range slices.Sorted(maps.Keys(s.outcomes)) {
		t.Logf("%5d %s", s.outcomes[outcome], outcome)
	}
	t.Logf("%5d runs that etcd contradicts", s.wrong)
}
