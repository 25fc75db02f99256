package cmd

import (
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/admin"
)

// Faults of API servers add up, each for the servers that --server names.
func TestServerFaults(t *testing.T) {
	var faults admin.Faults
	for _, f := range []struct {
		kind, server string
		readable     bool
	}{
		{"apiserver-stopped", "1", false}, {"lag", "all", true}, {"lag", "2", false}, {"apiserver-slow", "3", false},
	} {
		flags := faultFlags{server: f.server, readable: f.readable}
		flags.Rate = 0.5
		if err := flags.addTo(&faults, f.kind, 3); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{
		"API server 1: lags (readable), stopped", "API server 2: lags (old)",
		"API server 3: lags (readable), paused 0.5 of the time",
	}
	if got := describe(faults); !slices.Equal(got, want) {
		t.Errorf("faults = %q, want %q", got, want)
	}
	for _, server := range []string{"0", "4", "-1", "first", ""} {
		flags := faultFlags{server: server}
		flags.Rate = 1
		if err := flags.addTo(&faults, "lag", 3); err == nil || !strings.Contains(err.Error(), "from 1 to 3") {
			t.Errorf("--server %q: error = %v, want one that names the numbers", server, err)
		}
	}
}
