package main

import (
	"runtime/debug"
	"testing"
)

// TestStart checks that initializing the packages of the program collects no garbage.
func TestStart(t *testing.T) {
	var stats debug.GCStats
	if debug.ReadGCStats(&stats); stats.NumGC > 0 {
		t.Errorf("%d collections of garbage before main, want none", stats.NumGC)
	}
}
