package main

import (
	"os"
	"os/signal"
	"syscall"
)

// endSignals returns the signals that end the program. A terminal that closes sends SIGHUP; nohup ignores it.
func endSignals() []os.Signal {
	if signal.Ignored(syscall.SIGHUP) {
		return []os.Signal{os.Interrupt, syscall.SIGTERM}
	}
	return []os.Signal{os.Interrupt, syscall.SIGTERM, syscall.SIGHUP}
}
