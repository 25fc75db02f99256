// Package seeded runs rewrite and verify on labs whose API servers lag, catch up or
// change their key in the middle of the run. A seed draws each scenario, and etcd itself
// decides whether the report is true. `make test-seeds` runs it.
package seeded

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// perLab is how many seeds, one after the other, use the same lab.
const perLab = 10

// Plane is how the API servers of a lab run.
type Plane struct {
	Servers   int
	Balance   string
	HotReload bool // otherwise an association replaces the servers
	Goaway    float64
	Opaque    bool // the id of the key is not its ARN
}

// drawPlane draws the lab of a seed.
func drawPlane(seed uint64) Plane {
	lab := seed / perLab
	random := rand.New(rand.NewPCG(lab, 1))
	return Plane{
		Servers:   2 + random.IntN(2),
		Balance:   pick(random, "random", "random", "first", "round-robin"),
		HotReload: lab%5 != 3, // replacing the servers takes a minute for each seed
		Goaway:    []float64{0, 0.005, 0.02}[random.IntN(3)],
		Opaque:    random.IntN(8) == 0,
	}
}

// Args returns the flags of `eks-lab up`.
func (p Plane) Args() []string {
	return []string{
		"--api-servers", strconv.Itoa(p.Servers), "--balance", p.Balance, fmt.Sprintf("--hot-reload=%t", p.HotReload),
		"--goaway-chance", fmt.Sprint(p.Goaway), fmt.Sprintf("--opaque-key-id=%t", p.Opaque), "--association-time", "1s",
	}
}

// Kinds of scenarios.
const (
	lags        = "one server lags"
	catchesUp   = "one server lags and catches up during the run"
	allLag      = "all servers lag"
	changes     = "all servers lag and follow during the run"
	associating = "the key is associated during the run"
	goesBack    = "one server goes back to the old key during the run"
	noFault     = "no fault"
)

// Scenario is what happens before and during a run.
type Scenario struct {
	Seed uint64
	Plane
	Kind string
	// Lagging is the number of the server that lags; readable, that it can read the new key.
	Lagging  int
	Readable bool
	// Noted means that the plugin makes the association, so that it notes a version for the
	// positive control.
	Noted bool
	// Secrets and Plain exist before the association, Later are created after it.
	Secrets, Plain, Later, Namespaces int
	// Command is what runs during the fault. At is when the fault changes.
	Command []string
	At      time.Duration
	// Healthy is what runs after the fault has ended.
	Healthy []string
}

// draw draws the scenario of a seed.
func draw(seed uint64) Scenario {
	random := rand.New(rand.NewPCG(seed, 2))
	s := Scenario{
		Seed: seed, Plane: drawPlane(seed),
		Kind: pick(random, lags, lags, lags, catchesUp, catchesUp, catchesUp, allLag, changes, changes, associating,
			associating, goesBack, noFault),
		Readable: random.IntN(2) == 0, Noted: random.IntN(2) == 0,
		Secrets: 30 + random.IntN(200), Plain: random.IntN(10), Namespaces: 1 + random.IntN(4),
	}
	s.Lagging = 1 + random.IntN(s.Servers)
	s.Later = random.IntN(s.Secrets) // fewer, so that a sample cannot miss all stale objects
	if s.Opaque {
		s.Noted = true // nothing else can show the key
	}
	lasts := 1 + 5*random.Float64() // seconds, as far as the writes determine it
	if !s.HotReload {
		lasts *= 3
	}
	objects := s.Secrets + s.Plain + s.Later
	s.Command = drawCommand(random, objects, lasts)
	s.At = time.Duration((1 + 1.3*lasts) * random.Float64() * float64(time.Second))
	s.Healthy = pick(random, []string{"rewrite"}, []string{"rewrite"}, []string{"rewrite", "--all-resources"},
		[]string{"verify", "--probe"})
	return s
}

// drawCommand draws what runs on a number of objects; its writes last for some seconds.
func drawCommand(random *rand.Rand, objects int, seconds float64) []string {
	command := pick(random, []string{"rewrite"}, []string{"rewrite"}, []string{"rewrite"}, []string{"verify", "--probe"},
		[]string{"rewrite", "--all-resources"}, []string{"rewrite", "--via=migrator"},
		[]string{"verify", "--sample", strconv.Itoa(30 + random.IntN(objects))},
		[]string{"verify", "--by-metrics"}, []string{"verify", "--read-metadata"}, []string{"verify"})
	if last := command[len(command)-1]; last == "verify" || last == "--read-metadata" {
		return command // these rest on the record, and write nothing
	}
	if random.IntN(4) == 0 {
		command = append(command, "--no-record")
	}
	if random.IntN(4) > 0 {
		command = append(command, "--qps", fmt.Sprintf("%.1f", float64(objects)/seconds))
	}
	return append(command, "--max-concurrency", pick(random, "4", "64", "300"))
}

// reachable reports whether connections can lead to every server.
func (p Plane) reachable() bool { return p.Balance != "first" }

func (s Scenario) String() string {
	return fmt.Sprintf("seed %d: %d servers, %s, hot reload %t, GOAWAY %g, opaque %t; "+
		"%s (server %d, readable %t, after %s); %d+%d+%d secrets, noted %t; %s",
		s.Seed, s.Servers, s.Balance, s.HotReload, s.Goaway, s.Opaque, s.Kind, s.Lagging, s.Readable,
		s.At.Round(time.Millisecond), s.Secrets, s.Plain, s.Later, s.Noted, strings.Join(s.Command, " "))
}

func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }
