package fakeaws

import (
	"context"
	"net/http"
	"time"
)

// operation is one AWS operation. Its handler runs with the state locked and checks the
// permissions. If it writes, the state is saved.
type operation struct {
	handle func(*Server, *call) (any, *apiError)
	writes bool
}

// operations returns the operation of a service by name.
func operations(service, name string) (operation, bool) {
	tables := map[string]map[string]operation{
		"eks": eksOperations, "kms": kmsOperations, "sts": stsOperations, "iam": iamOperations,
		"ec2": ec2Operations, "organizations": organizationsOperations, "account": accountOperations,
		"cloudtrail": cloudtrailOperations, "securityhub": securityhubOperations,
	}
	op, ok := tables[service][name]
	return op, ok
}

// ServeHTTP handles one AWS call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	record := Request{UserAgent: r.UserAgent(), Start: time.Now(), InFlight: s.log.begin()}
	defer func() {
		record.End = time.Now()
		s.log.end(record)
	}()
	c, err := parse(r)
	if err != nil {
		record.Status = -1
		panic(http.ErrAbortHandler)
	}
	record.Service, record.Operation, record.Region = c.service, c.operation, c.region
	record.Cluster, record.KeyID = c.cluster, c.keyID

	failure := s.authenticate(c)
	if c.caller != nil {
		record.Principal, record.Account = c.caller.ARN, c.account()
	}
	if fault, found := s.faults.match(c); found {
		if !wait(r.Context(), fault.Latency) || fault.Status < 0 {
			record.Status = -1
			panic(http.ErrAbortHandler)
		}
		if failed := fault.failure(c); failed != nil {
			failure = failed
		}
	}
	var reply any
	if failure == nil {
		reply, failure = s.dispatch(c)
	}
	if failure != nil {
		record.Code = failure.code
	}
	record.Status = s.write(w, c, reply, failure)
}

func (s *Server) dispatch(c *call) (any, *apiError) {
	op, ok := operations(c.service, c.operation)
	if !ok {
		return nil, unknownOperation(c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	reply, failure := op.handle(s, c)
	if failure == nil && op.writes {
		if err := s.save(); err != nil {
			return nil, &apiError{status: 500, code: "InternalFailure", message: err.Error()}
		}
	}
	return reply, failure
}

// wait reports whether d has passed before the client disconnected.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
