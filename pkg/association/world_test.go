package association

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go/middleware"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

// testClock is shared by the server and the engine, so that nothing really waits. It stops during each request:
// otherwise the sleep of another goroutine could let the signature of the request expire.
type testClock struct {
	mu       sync.Mutex
	now      time.Time
	requests sync.RWMutex // read-locked by each request
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Sleep(ctx context.Context, d time.Duration) error {
	c.requests.Lock()
	defer c.requests.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// stop makes the clock stop during each request of an SDK client.
func (c *testClock) stop(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("StopClock", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		c.requests.RLock()
		defer c.requests.RUnlock()
		return next.HandleInitialize(ctx, in)
	}), middleware.Before)
}

// testAWS is a fake AWS with one cluster and one key, which the real SDK calls.
type testAWS struct {
	*fakeaws.Server
	clock     *testClock
	config    aws.Config
	arn, key  string
	mu        sync.Mutex
	refreshes int
}

// duration is the time that each association takes by the clock.
const duration = 20 * time.Minute

func newAWS(t *testing.T, change ...func(*fakeaws.Cluster)) *testAWS {
	t.Helper()
	a := &testAWS{clock: &testClock{now: time.Now()}}
	a.Server, a.config = awstest.NewWithOptions(t, fakeaws.Options{Now: a.clock.Now, AssociationTime: duration})
	a.config.APIOptions = []func(*middleware.Stack) error{a.clock.stop}
	c := fakeaws.Cluster{
		Name: "lab", Version: "1.31", RoleARN: "arn:aws:iam::" + awstest.Account + ":role/cluster",
	}
	awstest.Must(t, a.AddPrincipal(fakeaws.Principal{ARN: c.RoleARN}))
	for _, f := range change {
		f(&c)
	}
	a.arn = awstest.AddCluster(t, a.Server, c)
	a.key = awstest.AddKey(t, a.Server, fakeaws.Key{RotationDays: 365})
	return a
}

func (a *testAWS) eks() *eks.Client { return a.eksAt(a.clock.Now) }

// eksAt returns a client that signs with the time of now.
func (a *testAWS) eksAt(now func() time.Time) *eks.Client {
	return eks.New(awseks.NewFromConfig(a.config, func(o *awseks.Options) {
		o.HTTPSignerV4 = signer{o.HTTPSignerV4, now}
	}))
}

func (a *testAWS) kms() *awskms.Client {
	return awskms.NewFromConfig(a.config, func(o *awskms.Options) {
		o.HTTPSignerV4 = signer{o.HTTPSignerV4, a.clock.Now}
	})
}

// signer signs with the time of the test's clock.
type signer struct {
	awseks.HTTPSignerV4
	now func() time.Time
}

func (s signer) SignHTTP(
	ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, _ time.Time,
	f ...func(*v4.SignerOptions),
) error {
	return s.HTTPSignerV4.SignHTTP(ctx, c, r, hash, service, region, s.now(), f...)
}

func (a *testAWS) sources() Sources {
	return Sources{
		Guard: func(context.Context, eks.Cluster) v1alpha1.GuardResult {
			return v1alpha1.GuardResult{Result: v1alpha1.GuardMatch, Evidence: v1alpha1.EvidenceCertificate}
		},
		EKS: a.eks(), KMS: a.kms(), ManagedBy: func(tags map[string]string) v1alpha1.ManagedBy { return iac.Detect(tags) },
	}
}

func (a *testAWS) ref() eks.Ref { return eks.Ref{Name: "lab", ARN: a.arn} }

func (a *testAWS) gather(t *testing.T, key string) Facts {
	t.Helper()
	f, err := Gather(t.Context(), a.sources(), Request{
		Cluster: v1alpha1.Cluster{
			ARN: a.arn, Name: "lab", Region: awstest.Region, Account: awstest.Account, Partition: "aws",
		},
		Key: key, Caller: v1alpha1.Caller{ARN: awstest.User().ARN, Account: awstest.Account},
	})
	awstest.Must(t, err)
	return f
}

func (a *testAWS) engine(f Facts) *Engine {
	return &Engine{
		EKS: a.eks(), Cluster: f.Live, KeyARN: f.Key.ARN, Updates: f.Updates,
		Now: a.clock.Now, Sleep: a.clock.Sleep,
		Resolve: func(ctx context.Context, arn string) string { return kms.KeyARN(ctx, a.kms(), arn) },
		Refresh: func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.refreshes++
			a.SetFaults(nil)
		},
	}
}

// associations counts the associations that the cluster has.
func (a *testAWS) associations() (n int) {
	a.View(func(state *fakeaws.State) {
		for _, u := range state.Clusters[a.arn].Updates {
			if u.Type == eks.TypeAssociation {
				n++
			}
		}
	})
	return n
}

// noForbiddenCalls checks that no operation was called that a run must never call.
func (a *testAWS) noForbiddenCalls(t *testing.T) {
	t.Helper()
	forbidden := []string{
		"DisableKey", "ScheduleKeyDeletion", "RevokeGrant", "RetireGrant", "DeleteAlias", "PutKeyPolicy",
	}
	for _, r := range a.Requests() {
		if slices.Contains(forbidden, r.Operation) {
			t.Errorf("%s was called, want no call", r.Operation)
		}
	}
}

func contains(err error, part string) bool {
	return err != nil && strings.Contains(err.Error(), part)
}
