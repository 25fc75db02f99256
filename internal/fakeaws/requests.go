package fakeaws

import (
	"sync"
	"time"
)

// Request is one call that reached the Server.
type Request struct {
	Service, Operation, Region string
	// Principal is the ARN of the caller, "" if the signature was no good.
	Principal, Account string
	// Cluster is the cluster's name in an EKS call; KeyID is what a KMS call
	// named as its key.
	Cluster, KeyID string
	UserAgent      string
	Start, End     time.Time
	// InFlight counts the calls under way when this one began, itself included.
	InFlight int
	// Status is the HTTP status (-1: connection dropped), Code the error's.
	Status int
	Code   string
}

type requestLog struct {
	mu       sync.Mutex
	inFlight int
	done     []Request
}

// Requests are the calls answered since the last reset, in order of their end.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return append([]Request(nil), s.log.done...)
}

// MaxInFlight is the most calls that were under way at one time since the last
// reset, among those answered.
func (s *Server) MaxInFlight() int {
	most := 0
	for _, r := range s.Requests() {
		most = max(most, r.InFlight)
	}
	return most
}

// ResetRequests forgets the recorded calls.
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
