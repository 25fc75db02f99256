package association

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
)

// errLost is the error of a request whose answer was lost.
var errLost = awsclient.Explain(errors.New("connection reset"), awsclient.Operation{Name: "AssociateEncryptionConfig"})

// TestFresh checks that an association is fresh exactly if it began after Begin was called.
func TestFresh(t *testing.T) {
	lose := func(_ context.Context, associate func() (eks.Update, error)) (eks.Update, error) {
		if _, err := associate(); err != nil {
			return eks.Update{}, err
		}
		return eks.Update{}, errLost
	}
	for _, test := range []struct {
		name string
		// before runs between the plan and Begin, handle during each request.
		before func(a *testAWS, f Facts) error
		handle func(a *testAWS) handler
		want   Begun // its UpdateID counts only as empty or not
		sent   int   // calls of AssociateEncryptionConfig after the plan
	}{
		{name: "this request began it", want: Begun{UpdateID: "u", Fresh: true}, sent: 1},
		{
			name: "a second terminal, ten minutes after the first one",
			before: func(a *testAWS, f Facts) error {
				_, err := a.engine(f).Begin(context.Background())
				return errors.Join(err, a.clock.Sleep(context.Background(), duration/2))
			},
			want: Begun{UpdateID: "u", Adopted: true}, sent: 1,
		},
		{
			name: "a second terminal, after the association of the first one",
			before: func(a *testAWS, f Facts) error {
				_, err := a.engine(f).Begin(context.Background())
				return errors.Join(err, a.clock.Sleep(context.Background(), 2*duration))
			},
			want: Begun{Adopted: true}, sent: 1,
		},
		{
			name: "EKS names the key while the association runs, and does not report the key of the update",
			before: func(a *testAWS, _ Facts) error {
				return a.Update(func(state *fakeaws.State) {
					c := state.Clusters[a.arn]
					c.KeyARN = a.key
					c.Updates = []*fakeaws.Update{{ID: "u", Type: eks.TypeAssociation, Status: "InProgress"}}
				})
			},
			want: Begun{UpdateID: "u", Adopted: true},
		},
		{
			name: "an association with the same token has failed",
			before: func(a *testAWS, f Facts) error {
				_, err := a.engine(f).Begin(context.Background())
				return errors.Join(err, a.Update(func(state *fakeaws.State) {
					for _, u := range state.Clusters[a.arn].Updates {
						u.Status, u.Running = "Failed", false
					}
				}))
			},
			want: Begun{UpdateID: "u", Adopted: true}, sent: 2,
		},
		{
			name: "another client, during the request",
			handle: func(a *testAWS) handler {
				return func(ctx context.Context, associate func() (eks.Update, error)) (eks.Update, error) {
					if _, err := a.eks().Associate(ctx, a.ref(), a.key, "another-token"); err != nil {
						return eks.Update{}, err
					}
					return associate()
				}
			},
			want: Begun{UpdateID: "u", Adopted: true, Fresh: true}, sent: 2,
		},
		{
			name:   "the answer was lost",
			handle: func(*testAWS) handler { return lose },
			want:   Begun{UpdateID: "u", Adopted: true, Fresh: true}, sent: 1,
		},
		{
			name: "the answer was lost, and the association has ended",
			handle: func(a *testAWS) handler {
				return func(ctx context.Context, associate func() (eks.Update, error)) (eks.Update, error) {
					u, err := lose(ctx, associate)
					return u, errors.Join(err, a.clock.Sleep(ctx, 2*duration))
				}
			},
			want: Begun{Adopted: true, Fresh: true}, sent: 1,
		},
		{
			name: "the association had ended, but DescribeCluster did not return the key yet",
			before: func(a *testAWS, _ Facts) error {
				return a.Update(func(state *fakeaws.State) {
					c := state.Clusters[a.arn]
					c.Updates = []*fakeaws.Update{{ID: "u", Type: eks.TypeAssociation, Status: "Successful", KeyARN: a.key}}
				})
			},
			handle: func(a *testAWS) handler {
				return func(_ context.Context, associate func() (eks.Update, error)) (eks.Update, error) {
					awstest.Must(t, a.Update(func(state *fakeaws.State) { state.Clusters[a.arn].KeyARN = a.key }))
					return associate()
				}
			},
			want: Begun{Adopted: true}, sent: 1,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			f := a.gather(t, a.key)
			if test.before != nil {
				awstest.Must(t, test.before(a, f))
			}
			e := a.engine(f)
			if test.handle != nil {
				e.EKS = &interceptor{e.EKS, test.handle(a)}
			}
			begun, err := e.Begin(t.Context())
			awstest.Must(t, err)
			if (begun.UpdateID == "") != (test.want.UpdateID == "") || begun.Adopted != test.want.Adopted ||
				begun.Fresh != test.want.Fresh {
				t.Errorf("begun = %+v, want %+v", begun, test.want)
			}
			if n := awstest.Calls(a.Server, "AssociateEncryptionConfig"); n != test.sent {
				t.Errorf("calls of AssociateEncryptionConfig = %d, want %d", n, test.sent)
			}
		})
	}
}

// TestFirstLook checks that nothing is sent if the first look fails, and that the error is not an uncertain one.
func TestFirstLook(t *testing.T) {
	other := "arn:aws:kms:" + awstest.Region + ":" + awstest.Account + ":key/ffffffff-0000-0000-0000-000000000001"
	for _, test := range []struct {
		name   string
		fault  fakeaws.Fault
		keyARN string
		err    string // part of the error; empty for none
	}{
		{"DescribeCluster is denied", fakeaws.Fault{Operation: "DescribeCluster", Status: 403}, "", "access denied"},
		{"ListUpdates is denied", fakeaws.Fault{Operation: "ListUpdates", Status: 403}, "", "access denied"},
		{"ListUpdates fails each time", fakeaws.Fault{Operation: "ListUpdates", Status: 500}, "", "ListUpdates"},
		{"the cluster has another key now", fakeaws.Fault{}, other, "another key now"},
		{"ListUpdates fails at first", fakeaws.Fault{Operation: "ListUpdates", Status: 500, Times: 2}, "", ""},
		{"the credentials have expired", fakeaws.Fault{
			Operation: "DescribeCluster", Status: 403, Code: "ExpiredTokenException",
		}, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			e := a.engine(a.gather(t, a.key))
			if test.fault.Operation != "" {
				a.SetFaults([]fakeaws.Fault{test.fault})
			}
			awstest.Must(t, a.Update(func(state *fakeaws.State) { state.Clusters[a.arn].KeyARN = test.keyARN }))
			_, err := e.Begin(t.Context())
			sent := awstest.Calls(a.Server, "AssociateEncryptionConfig")
			if test.err == "" && (err != nil || sent != 1) {
				t.Errorf("error = %v, %d requests; want none and 1", err, sent)
			}
			if test.err != "" && (!contains(err, test.err) || errors.As(err, new(*UncertainError)) || sent != 0) {
				t.Errorf("error = %v, %d requests; want %q, not an uncertain one, and none", err, sent, test.err)
			}
		})
	}
}

// canceller is an Associator that cancels the context when the cluster is described.
type canceller struct {
	Associator
	cancel context.CancelFunc
}

func (c canceller) Cluster(ctx context.Context, ref eks.Ref) (eks.Cluster, error) {
	c.cancel()
	return c.Associator.Cluster(ctx, ref)
}

// TestInterruptedBegin checks that the error of an interruption states what was sent.
func TestInterruptedBegin(t *testing.T) {
	for _, test := range []struct {
		name  string
		cause func(a *testAWS, e *Engine, cancel context.CancelFunc)
		want  InterruptedError
	}{
		{"before", func(_ *testAWS, _ *Engine, cancel context.CancelFunc) { cancel() }, InterruptedError{}},
		{"during the first look", func(_ *testAWS, e *Engine, cancel context.CancelFunc) {
			e.EKS = canceller{e.EKS, cancel}
		}, InterruptedError{}},
		{"after a refusal", func(a *testAWS, e *Engine, cancel context.CancelFunc) {
			a.SetFaults([]fakeaws.Fault{{Operation: "AssociateEncryptionConfig", Status: 429, Code: "ThrottlingException"}})
			e.Sleep = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
		}, InterruptedError{Sent: true}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			e := a.engine(a.gather(t, a.key))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			test.cause(a, e, cancel)
			_, err := e.Begin(ctx)
			var got *InterruptedError
			if !errors.As(err, &got) || *got != test.want {
				t.Errorf("error = %v, want %v", err, &test.want)
			}
			if sent := awstest.Calls(a.Server, "AssociateEncryptionConfig") > 0; sent != test.want.Sent {
				t.Errorf("sent = %t, want %t", sent, test.want.Sent)
			}
		})
	}
}
