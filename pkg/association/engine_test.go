package association

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

func TestAssociateOnce(t *testing.T) {
	a := newAWS(t)
	f := a.gather(t, a.key)
	if _, d := Plan(f); d != Associate {
		t.Fatalf("decision = %s, want Associate", d)
	}
	e := a.engine(f)
	var statuses []string
	e.Progress = func(p Progress) { statuses = append(statuses, p.Status) }
	begun, err := e.Begin(t.Context())
	awstest.Must(t, err)
	if begun.UpdateID == "" || begun.Adopted {
		t.Errorf("begun = %+v, want a new update", begun)
	}
	u, err := e.Wait(t.Context(), begun.UpdateID)
	awstest.Must(t, err)
	if u.Status != "Successful" || len(statuses) < 3 || statuses[0] != "InProgress" {
		t.Errorf("status = %s after %v, want Successful after InProgress", u.Status, statuses)
	}
	f = a.gather(t, a.key)
	if plan, d := Plan(f); d != Done || len(plan.Steps) != 0 {
		t.Errorf("second run: decision = %s, steps = %v; want Done, no steps", d, plan.Steps)
	}
	if n := awstest.Calls(a.Server, "AssociateEncryptionConfig"); n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig, want 1", n)
	}
	other := awstest.AddKey(t, a.Server, fakeaws.Key{})
	plan, d := Plan(a.gather(t, other))
	if err := (&RefusedError{Failures(plan)}); d != Refuse || !contains(err, a.key) {
		t.Errorf("another key: decision = %s, error = %v; want Refuse and an error that names %s", d, err, a.key)
	}
	a.noForbiddenCalls(t)
}

// TestAdopt checks that a run waits for an association of an earlier run or of another client.
func TestAdopt(t *testing.T) {
	t.Run("after a killed run", func(t *testing.T) {
		a := newAWS(t)
		_, err := a.engine(a.gather(t, a.key)).Begin(t.Context())
		awstest.Must(t, err)
		f := a.gather(t, a.key)
		if _, d := Plan(f); d != Adopt {
			t.Fatalf("decision = %s, want Adopt", d)
		}
		_, err = a.engine(f).Wait(t.Context(), f.Adoptable().ID)
		awstest.Must(t, err)
		if a.associations() != 1 {
			t.Errorf("%d associations, want 1", a.associations())
		}
	})
	t.Run("two runs at once", func(t *testing.T) {
		a := newAWS(t)
		f := a.gather(t, a.key)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				e := a.engine(f)
				begun, err := e.Begin(context.Background())
				if err == nil {
					_, err = e.Wait(context.Background(), begun.UpdateID)
				}
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if a.associations() != 1 {
			t.Errorf("%d associations, want 1", a.associations())
		}
	})
	t.Run("another client with the same key", func(t *testing.T) {
		a := newAWS(t)
		f := a.gather(t, a.key)
		_, err := a.eks().Associate(t.Context(), a.ref(), a.key, "another-token")
		awstest.Must(t, err)
		begun, err := a.engine(f).Begin(t.Context())
		awstest.Must(t, err)
		if !begun.Adopted || begun.UpdateID == "" || a.associations() != 1 {
			t.Errorf("begun = %+v, %d associations; want one that is adopted", begun, a.associations())
		}
	})
	t.Run("another client with another key", func(t *testing.T) {
		a := newAWS(t)
		f := a.gather(t, a.key)
		other := awstest.AddKey(t, a.Server, fakeaws.Key{})
		_, err := a.eks().Associate(t.Context(), a.ref(), other, "another-token")
		awstest.Must(t, err)
		if _, err := a.engine(f).Begin(t.Context()); !contains(err, "another update") {
			t.Errorf("error = %v, want another update", err)
		}
	})
}

// TestBeginFailures checks that a failed request leads neither to two associations nor to a lost one.
func TestBeginFailures(t *testing.T) {
	tests := []struct {
		name  string
		fault fakeaws.Fault
		err   string // part of the error; empty for none
	}{
		{"throttled at first", fakeaws.Fault{Status: 429, Code: "ThrottlingException", Times: 3}, ""},
		{"server errors at first", fakeaws.Fault{Status: 503, Code: "ServiceUnavailableException", Times: 3}, ""},
		{"connection lost", fakeaws.Fault{Status: -1, Times: 2}, ""},
		{"expired credentials, refreshed", fakeaws.Fault{Status: 403, Code: "ExpiredTokenException"}, ""},
		{"server errors each time", fakeaws.Fault{Status: 500, Code: "ServerException"}, "could not determine"},
		{
			"access denied", fakeaws.Fault{Status: 403, Code: "AccessDeniedException"},
			"eks:AssociateEncryptionConfig",
		},
		{"no kms:CreateGrant", fakeaws.Fault{
			Status: 400, Code: "InvalidRequestException",
			Message: "User is not authorized to perform: kms:CreateGrant",
		}, "kms:CreateGrant"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			f := a.gather(t, a.key)
			test.fault.Operation = "AssociateEncryptionConfig"
			a.SetFaults([]fakeaws.Fault{test.fault})
			begun, err := a.engine(f).Begin(t.Context())
			if test.err == "" {
				awstest.Must(t, err)
				if begun.UpdateID == "" || a.associations() != 1 {
					t.Errorf("begun = %+v, %d associations; want 1", begun, a.associations())
				}
				return
			}
			if !contains(err, test.err) || a.associations() != 0 {
				t.Errorf("error = %v, %d associations; want %q and none", err, a.associations(), test.err)
			}
			if hint.Of(err) == "" {
				t.Errorf("hint of error %v is empty", err)
			}
		})
	}
}

func TestWaitFailures(t *testing.T) {
	const op = "DescribeUpdate"
	for _, test := range []struct {
		name      string
		fault     fakeaws.Fault
		refreshes int
	}{
		{"throttled polls", fakeaws.Fault{Operation: op, Status: 429, Code: "ThrottlingException", Times: 5}, 0},
		{"server errors", fakeaws.Fault{Operation: op, Status: 500, Code: "ServerException", Times: 5}, 0},
		{"expired credentials", fakeaws.Fault{Operation: op, Status: 403, Code: "ExpiredTokenException"}, 1},
		{"DescribeCluster fails at first", fakeaws.Fault{
			Operation: "DescribeCluster", Status: 503, Code: "ServiceUnavailableException", Times: 3,
		}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			e := a.engine(a.gather(t, a.key))
			begun, err := e.Begin(t.Context())
			awstest.Must(t, err)
			a.SetFaults([]fakeaws.Fault{test.fault})
			_, err = e.Wait(t.Context(), begun.UpdateID)
			awstest.Must(t, err)
			if a.refreshes != test.refreshes {
				t.Errorf("%d refreshes, want %d", a.refreshes, test.refreshes)
			}
		})
	}
}

func TestWaitEnds(t *testing.T) {
	t.Run("failed", func(t *testing.T) {
		a := newAWS(t, func(c *fakeaws.Cluster) {
			c.FailAssociation = &fakeaws.UpdateError{
				Code: "AccessDenied", Message: "kms:CreateGrant is not authorized", ResourceIDs: []string{"key"},
			}
		})
		e := a.engine(a.gather(t, a.key))
		begun, err := e.Begin(t.Context())
		awstest.Must(t, err)
		_, err = e.Wait(t.Context(), begun.UpdateID)
		const want = "ended as Failed (update %s): AccessDenied: kms:CreateGrant is not authorized (key)"
		if !contains(err, fmt.Sprintf(want, begun.UpdateID)) || !strings.Contains(hint.Of(err), "kms:CreateGrant") {
			t.Fatalf("error = %v, hint %q; want "+want, err, hint.Of(err), begun.UpdateID)
		}
		// The next attempt has another token.
		if f := a.gather(t, a.key); Token(f.Live, f.Key.ARN, f.Updates) == Token(f.Live, f.Key.ARN, nil) {
			t.Error("the next attempt has the token of the failed one, want another")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		a := newAWS(t)
		e := a.engine(a.gather(t, a.key))
		begun, err := e.Begin(t.Context())
		awstest.Must(t, err)
		awstest.Must(t, a.Update(func(state *fakeaws.State) {
			for _, u := range state.Clusters[a.arn].Updates {
				u.Status, u.Running = "Cancelled", false
			}
		}))
		if _, err := e.Wait(t.Context(), begun.UpdateID); !contains(err, "Cancelled") {
			t.Errorf("error = %v, want Cancelled", err)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		a := newAWS(t)
		e := a.engine(a.gather(t, a.key))
		begun, err := e.Begin(t.Context())
		awstest.Must(t, err)
		e.Timeout = time.Minute
		_, err = e.Wait(t.Context(), begun.UpdateID)
		var p *PendingError
		if !errors.As(err, &p) || !p.TimedOut || p.UpdateID != begun.UpdateID {
			t.Errorf("error = %v, want a timeout of update %s", err, begun.UpdateID)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		a := newAWS(t)
		e := a.engine(a.gather(t, a.key))
		begun, err := e.Begin(t.Context())
		awstest.Must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		e.Progress = func(Progress) { cancel() }
		_, err = e.Wait(ctx, begun.UpdateID)
		var p *PendingError
		if !errors.As(err, &p) || p.TimedOut {
			t.Errorf("error = %v, want a pending association", err)
		}
		if a.associations() != 1 {
			t.Errorf("%d associations, want 1", a.associations())
		}
	})
}

// TestIneligibleKeys checks that a key that is not eligible is refused with its reason before EKS is called.
func TestIneligibleKeys(t *testing.T) {
	in := func(region string) func(*fakeaws.Key) { return func(k *fakeaws.Key) { k.Region = region } }
	for _, test := range []struct {
		name string
		key  func(*fakeaws.Key)
		why  string
	}{
		{"asymmetric", func(k *fakeaws.Key) { k.Spec, k.Usage = "ECC_NIST_P256", "SIGN_VERIFY" }, "asymmetric"},
		{"RSA encrypt/decrypt", func(k *fakeaws.Key) { k.Spec = "RSA_2048" }, "asymmetric"},
		{"HMAC", func(k *fakeaws.Key) { k.Spec, k.Usage = "HMAC_256", "GENERATE_VERIFY_MAC" }, "HMAC"},
		{"managed by AWS", func(k *fakeaws.Key) { k.Manager = "AWS" }, "AWS"},
		{"disabled", func(k *fakeaws.Key) { k.State = "Disabled" }, "disabled"},
		{"pending deletion", func(k *fakeaws.Key) {
			k.State, k.DeletionDate = "PendingDeletion", time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
		}, "2027-01-02"},
		{"pending import", func(k *fakeaws.Key) { k.State, k.Origin = "PendingImport", "EXTERNAL" }, "import"},
		{"another region", in("us-east-1"), "us-east-1"},
		{"another account without permission", func(k *fakeaws.Key) {
			k.Account = awstest.OtherAccount
		}, awstest.OtherAccount},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := newAWS(t)
			k := fakeaws.Key{}
			test.key(&k)
			a.refuse(t, awstest.AddKey(t, a.Server, k), test.why)
		})
	}
	a := newAWS(t)
	const missing = "ffffffff-12ab-34cd-56ef-1234567890ab"
	a.refuse(t, "arn:aws-cn:kms:cn-north-1:"+awstest.Account+":key/1234abcd-12ab-34cd-56ef-1234567890ab", "aws-cn")
	a.refuse(t, missing, missing)
	a.refuse(t, "alias/nothing", "alias")
	a.refuse(t, "not a key at all", "not a key at all")
}

func (a *testAWS) refuse(t *testing.T, key, why string) {
	t.Helper()
	plan, d := Plan(a.gather(t, key))
	err := &RefusedError{Failures(plan)}
	if d != Refuse || !contains(err, why) || err.Hint() == "" {
		t.Errorf("%s: decision = %s, error = %v; want Refuse and %q", key, d, err, why)
	}
	for _, r := range a.Requests() {
		if r.Service == "eks" {
			t.Errorf("%s: %s was called, want no call of EKS", key, r.Operation)
		}
	}
}

func TestMultiRegionReplica(t *testing.T) {
	a := newAWS(t)
	arn := awstest.AddKey(t, a.Server, fakeaws.Key{
		ID: "mrk-1234abcd12ab34cd56ef1234567890ab", MultiRegion: true,
		Primary: "arn:aws:kms:us-east-1:" + awstest.Account + ":key/mrk-1234abcd12ab34cd56ef1234567890ab",
	})
	plan, d := Plan(a.gather(t, arn))
	if d != Associate {
		t.Fatalf("decision = %s, %v; want Associate", d, &RefusedError{Failures(plan)})
	}
	if r := plan.Checks[0].Result; r != v1alpha1.ResultPass && r != v1alpha1.ResultWarn {
		t.Errorf("check of the key = %+v, want Pass or Warn", plan.Checks[0])
	}
}

// TestClockSkew checks that a client with a wrong clock begins nothing, and that its error has a hint about the clock.
func TestClockSkew(t *testing.T) {
	a := newAWS(t)
	f := a.gather(t, a.key)
	e := a.engine(f)
	e.EKS = a.eksAt(func() time.Time { return a.clock.Now().Add(-time.Hour) })
	_, err := e.Begin(t.Context())
	if !strings.Contains(hint.Of(err), "clock") || a.associations() != 0 {
		t.Errorf("error = %v, hint %q, %d associations; want a hint about the clock and none",
			err, hint.Of(err), a.associations())
	}
}
