package fakeaws

import (
	"sync"
	"time"
)

// Request is one call that reached the Server.
type Request struct {
	Service, Operation, Region string
	// Principal is the ARN of the caller, or "" if the signature was invalid.
	Principal, Account string
	// Cluster is the cluster's name in an EKS call, KeyID the key in a KMS call.
	Cluster, KeyID string
	UserAgent      string
	Start, End     time.Time
	// InFlight is the number of calls in progress at the start of this one, including it.
	InFlight int
	// Status is the HTTP status (-1: connection dropped), Code the error code.
	Status int
	Code   string
}

type requestLog struct {
	mu       sync.Mutex
	inFlight int
	done     []Request
}

// Requests returns the completed calls since the last reset, in the order of completion.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return append([]Request(nil), s.log.done...)
}

// MaxInFlight returns the maximum number of concurrent calls since the last reset, among the
// completed ones.
func (s *Server) MaxInFlight() int {
	most := 0
	for _, r := range s.Requests() {
		most = max(most, r.InFlight)
	}
	return most
}

// ResetRequests clears the recorded calls.
func (s *Server) ResetRequests() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.log.done = nil
}

func (l *requestLog) begin() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight++
	return l.inFlight
}

func (l *requestLog) end(r Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	l.done = append(l.done, r)
}
