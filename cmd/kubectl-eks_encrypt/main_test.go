package main

import (
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
)

// TestStart checks that initializing the packages of the program collects no garbage.
func TestStart(t *testing.T) {
	var stats debug.GCStats
	if debug.ReadGCStats(&stats); stats.NumGC > 0 {
		t.Errorf("%d collections of garbage before main, want none", stats.NumGC)
	}
}

// TestEndSignals checks that a terminal that closes ends the program in good order, unless nohup was used.
func TestEndSignals(t *testing.T) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP) // the test itself may run with nohup
	if !slices.Contains(endSignals(), os.Signal(syscall.SIGHUP)) {
		t.Error("SIGHUP does not end the program in good order")
	}
	signal.Ignore(syscall.SIGHUP)
	defer signal.Reset(syscall.SIGHUP)
	if slices.Contains(endSignals(), os.Signal(syscall.SIGHUP)) {
		t.Error("SIGHUP ends the program although it is ignored")
	}
}
