package association

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awseks "github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go/middleware"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
)

const (
	account = "111122223333"
	home    = "eu-central-1"
)

// clock is shared by the server and the engine, so that nothing really waits. It stops during each request: otherwise
// the sleep of another goroutine could let the signature of the request expire.
type clock struct {
	mu       sync.Mutex
	now      time.Time
	requests sync.RWMutex // read-locked by each request
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.requests.Lock()
	defer c.requests.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// stop makes the clock stop during each request of an SDK client.
func (c *clock) stop(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("StopClock", func(
		ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler,
	) (middleware.InitializeOutput, middleware.Metadata, error) {
		c.requests.RLock()
		defer c.requests.RUnlock()
		return next.HandleInitialize(ctx, in)
	}), middleware.Before)
}

// world is a fake AWS with one cluster and one key, which the real SDK calls.
type world struct {
	*fakeaws.Server
	clock     *clock
	config    aws.Config
	arn, key  string
	mu        sync.Mutex
	refreshes int
}

// duration of each association by the clock.
const duration = 20 * time.Minute

func newWorld(t *testing.T, change ...func(*fakeaws.Cluster)) *world {
	t.Helper()
	w := &world{clock: &clock{now: time.Now()}}
	w.Server = fakeaws.New(fakeaws.Options{Now: w.clock.Now, AssociationTime: duration})
	t.Cleanup(w.Close)
	h := httptest.NewServer(w.Server)
	t.Cleanup(h.Close)
	must(t, w.AddPrincipal(fakeaws.Principal{
		ARN: "arn:aws:iam::" + account + ":user/ann", AccessKeyID: "AKIAANN", SecretAccessKey: "secret",
		Policy: []fakeaws.Statement{fakeaws.Allow("*")},
	}))
	c := fakeaws.Cluster{
		Name: "lab", Region: home, Account: account, Version: "1.31",
		RoleARN: "arn:aws:iam::" + account + ":role/cluster",
	}
	must(t, w.AddPrincipal(fakeaws.Principal{ARN: c.RoleARN}))
	for _, f := range change {
		f(&c)
	}
	var err error
	w.arn, err = w.AddCluster(c)
	must(t, err)
	w.key, err = w.AddKey(fakeaws.Key{Region: home, Account: account, RotationDays: 365})
	must(t, err)
	w.config = aws.Config{
		Region: home, BaseEndpoint: aws.String(h.URL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("AKIAANN", "secret", ""),
		APIOptions:  []func(*middleware.Stack) error{w.clock.stop},
	}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) eks() *eks.Client { return w.eksAt(w.clock.Now) }

// eksAt returns a client that signs with the time of now.
func (w *world) eksAt(now func() time.Time) *eks.Client {
	return eks.New(awseks.NewFromConfig(w.config, func(o *awseks.Options) {
		o.HTTPSignerV4 = signer{o.HTTPSignerV4, now}
	}))
}

func (w *world) kms() *awskms.Client {
	return awskms.NewFromConfig(w.config, func(o *awskms.Options) {
		o.HTTPSignerV4 = signer{o.HTTPSignerV4, w.clock.Now}
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

func (w *world) sources() Sources {
	return Sources{
		EKS: w.eks(), KMS: w.kms(), ManagedBy: iac.Detect,
		Guard: func(string, string) (v1alpha1.Guard, string) { return v1alpha1.GuardMatch, "" },
	}
}

func (w *world) ref() eks.Ref { return eks.Ref{Name: "lab", ARN: w.arn} }

func (w *world) gather(t *testing.T, key string) Facts {
	t.Helper()
	f, err := Gather(t.Context(), w.sources(), Request{
		Cluster: v1alpha1.Cluster{ARN: w.arn, Name: "lab", Region: home, Account: account, Partition: "aws"},
		Key:     key, Account: account,
	})
	must(t, err)
	return f
}

func (w *world) engine(f Facts) *Engine {
	return &Engine{
		EKS: w.eks(), Cluster: f.Live, KeyARN: f.Key.ARN, Updates: f.Updates,
		Now: w.clock.Now, Sleep: w.clock.Sleep,
		Refresh: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.refreshes++
			w.SetFaults(nil)
		},
	}
}

// calls counts the requests of an operation.
func (w *world) calls(operation string) (n int) {
	for _, r := range w.Requests() {
		if r.Operation == operation {
			n++
		}
	}
	return n
}

// associations counts the associations that the cluster has.
func (w *world) associations() (n int) {
	w.View(func(world *fakeaws.State) {
		for _, u := range world.Clusters[w.arn].Updates {
			if u.Type == eks.TypeAssociation {
				n++
			}
		}
	})
	return n
}

// noForbiddenCalls fails the test if an operation was called that no run may call.
func (w *world) noForbiddenCalls(t *testing.T) {
	t.Helper()
	forbidden := []string{
		"DisableKey", "ScheduleKeyDeletion", "RevokeGrant", "RetireGrant", "DeleteAlias", "PutKeyPolicy",
	}
	for _, r := range w.Requests() {
		if slices.Contains(forbidden, r.Operation) {
			t.Errorf("%s was called", r.Operation)
		}
	}
}

func contains(err error, part string) bool {
	return err != nil && strings.Contains(err.Error(), part)
}
