package association

import (
	"context"
	"errors"
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
	"github.com/aws/aws-sdk-go-v2/service/eks"
	awskms "github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go/middleware"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
)

const (
	account = "111122223333"
	home    = "eu-central-1"
)

// clock is shared by the server and the engine: nothing really waits. It stands
// still while a request is under way, or others' sleep would let its signature
// expire.
type clock struct {
	mu       sync.Mutex
	now      time.Time
	underWay sync.RWMutex
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	c.underWay.Lock()
	defer c.underWay.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return ctx.Err()
}

// stop makes the clock stand still during every request of an SDK client.
func (c *clock) stop(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("StopClock",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			c.underWay.RLock()
			defer c.underWay.RUnlock()
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}

// world is an AWS with one cluster and one key, asked through the real SDK.
type world struct {
	*fakeaws.Server
	clock     *clock
	config    aws.Config
	arn, key  string
	sent      sync.Mutex
	refreshes int
}

// length of every association by the clock.
const length = 20 * time.Minute

func newWorld(t *testing.T, change ...func(*fakeaws.Cluster)) *world {
	t.Helper()
	w := &world{clock: &clock{now: time.Now()}}
	w.Server = fakeaws.New(fakeaws.Options{Now: w.clock.Now, AssociationTime: length})
	t.Cleanup(w.Close)
	h := httptest.NewServer(w.Server)
	t.Cleanup(h.Close)
	must(t, w.AddPrincipal(fakeaws.Principal{
		ARN: "arn:aws:iam::" + account + ":user/ann", AccessKeyID: "AKIAANN", SecretAccessKey: "secret", Policy: []fakeaws.Statement{fakeaws.Allow("*")},
	}))
	c := fakeaws.Cluster{Name: "lab", Region: home, Account: account, Version: "1.31", RoleARN: "arn:aws:iam::" + account + ":role/cluster"}
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

func (w *world) eks() *eks.Client {
	return eks.NewFromConfig(w.config, func(o *eks.Options) { o.HTTPSignerV4 = signer{o.HTTPSignerV4, w.clock.Now} })
}

func (w *world) kms() *awskms.Client {
	return awskms.NewFromConfig(w.config, func(o *awskms.Options) { o.HTTPSignerV4 = signer{o.HTTPSignerV4, w.clock.Now} })
}

// signer signs by the test's clock, so that signatures don't expire in it.
type signer struct {
	eks.HTTPSignerV4
	now func() time.Time
}

func (s signer) SignHTTP(ctx context.Context, c aws.Credentials, r *http.Request, hash, service, region string, _ time.Time, f ...func(*v4.SignerOptions)) error {
	return s.HTTPSignerV4.SignHTTP(ctx, c, r, hash, service, region, s.now(), f...)
}

// sources ask this world.
func (w *world) sources() Sources {
	api := w.eks()
	return Sources{
		EKS: api, KMS: w.kms(), ManagedBy: iac.Detect,
		Guard:  func(string, string) (v1alpha1.Guard, string) { return v1alpha1.GuardMatch, "" },
		UsedBy: func(ctx context.Context) (map[string][]string, error) { return kms.UsedBy(ctx, api) },
	}
}

func (w *world) gather(t *testing.T, key string) Facts {
	t.Helper()
	f, err := Gather(t.Context(), w.sources(), Request{
		Cluster: v1alpha1.Cluster{ARN: w.arn, Name: "lab", Region: home, Account: account, Partition: "aws"}, Key: key, Account: account,
	})
	must(t, err)
	return f
}

func (w *world) engine(f Facts) *Engine {
	return &Engine{
		EKS: w.eks(), Cluster: f.Live, KeyARN: f.Key.ARN, Updates: f.Updates,
		Now: w.clock.Now, Sleep: w.clock.Sleep,
		Refresh: func() {
			w.sent.Lock()
			defer w.sent.Unlock()
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

// associations are the updates that the cluster really has.
func (w *world) associations() (n int) {
	w.View(func(world *fakeaws.World) {
		for _, u := range world.Clusters[w.arn].Updates {
			if u.Type == updateType {
				n++
			}
		}
	})
	return n
}

// never are the operations that no run may make.
func (w *world) never(t *testing.T) {
	t.Helper()
	for _, r := range w.Requests() {
		if slices.Contains([]string{"DisableKey", "ScheduleKeyDeletion", "RevokeGrant", "RetireGrant", "DeleteAlias", "PutKeyPolicy"}, r.Operation) {
			t.Errorf("%s was called", r.Operation)
		}
	}
}

func contains(err error, part string) bool {
	return err != nil && strings.Contains(err.Error(), part)
}

func as[T error](err error) (T, bool) {
	var target T
	ok := errors.As(err, &target)
	return target, ok
}
