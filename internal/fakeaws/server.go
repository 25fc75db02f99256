package fakeaws

import (
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"sync"
	"time"
)

// Options set up a Server. The zero value works.
type Options struct {
	// Now is the clock of signatures, updates, timestamps and the Date header; time.Now if nil.
	Now func() time.Time
	// Random feeds ids, secrets and nonces; crypto/rand if nil.
	Random io.Reader
	// AssociationTime is how long an association stays InProgress at least.
	AssociationTime time.Duration
	// StatusLag is how long DescribeCluster still says ACTIVE after an
	// association has begun; after it, UPDATING. The status of a cluster is
	// eventually consistent.
	StatusLag time.Duration
	// OnAssociate makes an association real. It runs beside the server, from
	// the moment the association is accepted; the update turns Successful when
	// it has returned nil and AssociationTime has passed, Failed on an error.
	OnAssociate func(context.Context, AssociateEvent) error
	// Save is given the world as JSON after each change. Its error fails the
	// request that made the change.
	Save func([]byte) error
}

// AssociateEvent says which cluster's data shall stand under which key.
type AssociateEvent struct {
	UpdateID, ClusterARN, ClusterName, Region, Account string
	// KeyARN is the key's ARN even where the caller named an alias.
	KeyARN string
}

// Server is one AWS endpoint for all services, regions and accounts of its
// World. It is an http.Handler.
type Server struct {
	opts   Options
	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex // guards world
	world  *World
	faults faultBook
	log    requestLog
}

var _ http.Handler = (*Server)(nil)

// New gives a Server with an empty World: no principal may do anything yet.
// Close it to end the associations under way.
func New(opts Options) *Server {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if opts.Random == nil {
		opts.Random = rand.Reader
	}
	ctx, cancel := context.WithCancel(context.Background())
	return &Server{opts: opts, ctx: ctx, cancel: cancel, world: newWorld()}
}

// Close ends what runs beside the server and waits for it. Associations under
// way stay InProgress; Load takes them up again.
func (s *Server) Close() {
	s.cancel()
	s.work.Wait()
}
