package fakeaws

import (
	"math/rand/v2"
	"net/http"
	"path"
	"sync"
	"time"
)

// Fault makes matching calls slow, or fail, or both. The first match counts.
type Fault struct {
	// Service (eks, kms, sts, …), Operation, Region, Account and Cluster are patterns of
	// path.Match; empty matches all. Account is the caller's; Cluster is the name in an
	// EKS call.
	Service   string `json:"service,omitempty"`
	Operation string `json:"operation,omitempty"`
	Region    string `json:"region,omitempty"`
	Account   string `json:"account,omitempty"`
	Cluster   string `json:"cluster,omitempty"`
	// Rate is the share of matching calls that are affected; 0 and 1 mean all.
	Rate float64 `json:"rate,omitempty"`
	// Status is the HTTP status; -1 drops the connection. With 0 and no Code, the call is
	// handled after Latency.
	Status int `json:"status,omitempty"`
	// Code and Message are the error; the defaults follow from Status. The default message
	// of an AccessDenied… code names principal, action and resource.
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Latency is the delay before the reply.
	Latency time.Duration `json:"latency,omitempty"`
	// Times is the number of calls that are affected; 0 is unlimited. Note that Go's HTTP
	// client itself repeats a GET if a reused connection was dropped.
	Times int `json:"times,omitempty"`
}

type faultBook struct {
	mu     sync.Mutex
	faults []Fault
	rand   *rand.Rand
}

// SetFaults replaces the faults and resets the random numbers for Rate to their seed.
func (s *Server) SetFaults(faults []Fault) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = append([]Fault(nil), faults...)
	s.faults.rand = rand.New(rand.NewPCG(1, 2))
}

// Faults returns the current faults, with the remaining Times.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return append([]Fault(nil), s.faults.faults...)
}

// match returns the fault that affects the call, if any, and counts it.
func (b *faultBook) match(c *call) (Fault, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, f := range b.faults {
		if !f.matches(c) || f.Rate > 0 && f.Rate < 1 && b.rand.Float64() >= f.Rate {
			continue
		}
		if f.Times == 1 {
			b.faults = append(b.faults[:i:i], b.faults[i+1:]...)
		} else if f.Times > 1 {
			b.faults[i].Times--
		}
		return f, true
	}
	return Fault{}, false
}

func (f Fault) matches(c *call) bool {
	for _, m := range []struct{ glob, value string }{
		{f.Service, c.service}, {f.Operation, c.operation}, {f.Region, c.region},
		{f.Account, c.account()}, {f.Cluster, c.cluster},
	} {
		if ok, err := path.Match(m.glob, m.value); m.glob != "" && (err != nil || !ok) {
			return false
		}
	}
	return true
}

// failure returns the error of the fault, or nil if it only adds latency.
func (f Fault) failure(c *call) *apiError {
	if f.Status == 0 && f.Code == "" {
		return nil
	}
	e := &apiError{status: f.Status, code: f.Code, message: f.Message}
	if e.code == "" {
		switch {
		case f.Status == http.StatusTooManyRequests:
			e.code = "ThrottlingException"
		case f.Status == http.StatusForbidden:
			e.code = "AccessDeniedException"
		case f.Status == http.StatusServiceUnavailable:
			e.code = "ServiceUnavailableException"
		case f.Status >= http.StatusInternalServerError:
			e.code = "InternalFailure"
		default:
			e.code = "ClientException"
		}
	}
	e.complete(c)
	if isTarget(c.service) && (e.status == http.StatusForbidden || e.status == http.StatusTooManyRequests) {
		e.status = http.StatusBadRequest // these services use no other status for a rejected request
	}
	return e
}
