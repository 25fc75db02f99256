package fakeaws

import (
	"context"
	"crypto"
	"crypto/rand"
	"io"
	"net/http"
	"sync"
	"time"
)

// Options configure a Server. The zero value is valid.
type Options struct {
	// Now is the clock of signatures, updates, timestamps and the Date header; time.Now if nil.
	Now func() time.Time
	// Random is the source of IDs, secrets and nonces; default crypto/rand.
	Random io.Reader
	// AssociationTime is the minimum time that an association is InProgress.
	AssociationTime time.Duration
	// StatusLag is the time after the start of an association in which DescribeCluster still
	// returns ACTIVE, because the status of a cluster is eventually consistent.
	StatusLag time.Duration
	// OnAssociate applies an association. It runs in the background, from the time the
	// association is accepted. The update becomes Successful after OnAssociate has returned
	// nil and AssociationTime has passed, and Failed if it returns an error.
	OnAssociate func(context.Context, AssociateEvent) error
	// Save receives the state as JSON after each change. If it returns an error, the request
	// that caused the change fails.
	Save func([]byte) error
}

// AssociateEvent is an accepted association of a key with a cluster.
type AssociateEvent struct {
	UpdateID, ClusterARN, ClusterName, Region, Account string
	// KeyARN is the ARN of the key, also if the request contained an alias.
	KeyARN string
}

// Server is one AWS endpoint for all services, regions and accounts. It is an http.Handler.
type Server struct {
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu    sync.Mutex // guards state and signers
	state *State
	// signers caches private keys, which take long to generate; by spec and secret.
	signers map[string]crypto.Signer

	faults faultBook
	log    requestLog
}

var _ http.Handler = (*Server)(nil)

// New returns a Server without principals, so that every call is denied. Close stops the
// associations in progress.
func New(opts Options) *Server {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{opts: opts, ctx: ctx, cancel: cancel, state: newState(), signers: map[string]crypto.Signer{}}
}

// Close cancels OnAssociate and waits for it to return. The associations stay InProgress;
// Load resumes them.
func (s *Server) Close() {
	s.cancel()
	s.work.Wait()
}
