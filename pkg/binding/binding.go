package binding

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// Binding is the one answer to "which cluster, as whom". It is made once for each context, and commands and engines
// get the connection and the cluster from it alone.
type Binding struct {
	Target
	// AWS are the clients of the principal that kubectl acts as; nil until they are connected.
	AWS *awsclient.Clients

	connection *rest.Config
	err        error // why there is no connection

	once      sync.Once
	presented Presented
}

// New returns the binding of a target to kubectl's connection. If there is no connection, err is the reason.
func New(t Target, connection *rest.Config, err error) *Binding {
	return &Binding{Target: t, connection: connection, err: err}
}

// WithoutContext returns the binding that the AWS flags alone describe: it has no connection.
func WithoutContext(o Options) *Binding {
	t := Target{Region: o.Region, Credentials: Credentials{
		Profile: o.Profile, RoleARN: o.RoleARN, EndpointURL: o.EndpointURL,
	}}
	if t.Region != "" {
		t.Partition = PartitionOf(t.Region)
	}
	return New(t, nil, nil)
}

// REST returns a copy of kubectl's connection to the API server.
func (b *Binding) REST() (*rest.Config, error) {
	switch {
	case b.err != nil:
		return nil, b.err
	case b.connection == nil:
		return nil, hint.New("kubectl has no connection to an API server", "pass --context or --server")
	}
	return rest.CopyConfig(b.connection), nil
}

// SameServer reports whether both bindings connect to the same API server.
func (b *Binding) SameServer(other *Binding) bool {
	host, port := hostPort(b.Server)
	otherHost, otherPort := hostPort(other.Server)
	return host == otherHost && port == otherPort && b.serverName() == other.serverName()
}

// Start begins the TLS handshake with the API server, so that Check does not wait for all of it.
func (b *Binding) Start(ctx context.Context) {
	if b.connection != nil && b.Server != "" {
		go b.handshake(ctx)
	}
}

// handshake returns what the API server presents. There is one handshake for each binding.
func (b *Binding) handshake(ctx context.Context) Presented {
	b.once.Do(func() {
		if b.presented.Err = b.err; b.connection != nil {
			b.presented = handshake(ctx, b.connection)
		}
	})
	return b.presented
}

// Check compares the cluster that EKS describes with the one that kubectl connects to. It waits a few seconds at most.
func (b *Binding) Check(ctx context.Context, d Described) v1alpha1.GuardResult {
	t := b.Target
	if result, decided := t.byClaims(d); decided {
		return result
	}
	switch {
	case b.err != nil:
		return unverified("kubectl has no connection: %v", b.err)
	case t.Server == "":
		return unverified("no kube context was used: the cluster was named by flag")
	case d.Endpoint == "":
		return unverified("EKS reports no endpoint for the cluster")
	}
	presented := b.handshake(ctx)
	result, why, decided := t.byCertificate(d, presented)
	if decided {
		return result
	}
	if len(presented.Chain) > 0 && presented.Trusted && t.verifiesTLS() {
		issuer, _ := b.issuer(ctx) // without one, the guard has weaker evidence
		if result, decided := byIssuer(d, issuer); decided {
			return result
		}
	}
	return t.byEndpoint(d, why)
}

// Found sets the cluster that EKS found.
func (b *Binding) Found(arn string) error {
	a, valid := ParseClusterARN(arn)
	if !valid {
		return fmt.Errorf("EKS describes the cluster %q, which is not the ARN of a cluster", arn)
	}
	b.ARN, b.Name, b.Region, b.Account, b.Partition = arn, a.Name, a.Region, a.Account, a.Partition
	return nil
}
