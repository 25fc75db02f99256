package cmd

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
)

// faultKinds lists the kinds of faults, those for AWS calls first.
func faultKinds() []string {
	return []string{
		"throttle", "latency", "5xx", "denied", "drop",
		"disabled-key", "key-state", "failing-update", "health", "lag", "apiserver-stopped", "apiserver-slow",
	}
}

// addToServers adds a fault of the given kind to the API servers that --server names.
func (f *faultFlags) addToServers(faults *admin.ClusterFaults, kind string, servers int) error {
	numbers := []int{}
	for n := range servers {
		if f.server == "all" || f.server == strconv.Itoa(n+1) {
			numbers = append(numbers, n+1)
		}
	}
	if len(numbers) == 0 {
		return fmt.Errorf("--server must be all or a number from 1 to %d, not %q", servers, f.server)
	}
	faults.Servers = maps.Clone(faults.Servers)
	if faults.Servers == nil {
		faults.Servers = map[int]admin.ServerFault{}
	}
	for _, number := range numbers {
		fault := faults.Servers[number]
		switch kind {
		case "lag":
			fault.Lag = admin.LagOld
			if f.readable {
				fault.Lag = admin.LagReadable
			}
		case "apiserver-stopped":
			fault.Stopped = true
		case "apiserver-slow":
			fault.PausedShare = min(f.Rate, 0.95)
		}
		faults.Servers[number] = fault
	}
	return nil
}

// describe returns one line for each fault.
func describe(f admin.Faults) (lines []string) {
	for _, a := range f.AWS {
		line := "aws"
		for _, glob := range []string{a.Service, a.Operation, a.Region, a.Account, a.Cluster} {
			line += " " + cmp.Or(glob, "*")
		}
		var effects []string
		switch {
		case a.Status < 0:
			effects = append(effects, "connection closed")
		case a.Status > 0 || a.Code != "":
			effects = append(effects, strings.TrimSpace(strconv.Itoa(a.Status)+" "+a.Code))
		}
		if a.Latency > 0 {
			effects = append(effects, "delayed by "+a.Latency.String())
		}
		if a.Rate > 0 && a.Rate < 1 {
			effects = append(effects, fmt.Sprintf("%g of the calls", a.Rate))
		}
		if a.Times > 0 {
			effects = append(effects, fmt.Sprintf("%d more times", a.Times))
		}
		lines = append(lines, line+": "+strings.Join(effects, ", "))
	}
	c := f.Cluster
	for name, value := range map[string]string{
		"key state": c.KeyState, "associations fail": c.FailAssociation, "health issues": strings.Join(c.Health, ", "),
	} {
		if value != "" {
			lines = append(lines, name+": "+value)
		}
	}
	for number, fault := range c.Servers {
		lines = append(lines, fmt.Sprintf("API server %d: %s", number, describeServer(fault)))
	}
	slices.Sort(lines)
	return lines
}

// describeServer returns the faults of one API server as text, "-" if it has none.
func describeServer(f admin.ServerFault) string {
	var effects []string
	if f.Lag != "" {
		effects = append(effects, "lags ("+f.Lag+")")
	}
	if f.Stopped {
		effects = append(effects, "stopped")
	}
	if f.PausedShare > 0 {
		effects = append(effects, fmt.Sprintf("paused %g of the time", f.PausedShare))
	}
	return cmp.Or(strings.Join(effects, ", "), "-")
}
