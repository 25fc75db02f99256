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
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

func TestAssociateOnce(t *testing.T) {
	w := newWorld(t)
	f := w.gather(t, w.key)
	if _, d := Plan(f); d != Associate {
		t.Fatalf("decision = %s, want Associate", d)
	}
	e := w.engine(f)
	var statuses []string
	e.Progress = func(p Progress) { statuses = append(statuses, p.Status) }
	begun, err := e.Begin(t.Context())
	must(t, err)
	if begun.UpdateID == "" || begun.Adopted {
		t.Errorf("begun = %+v, want a new update", begun)
	}
	u, err := e.Wait(t.Context(), begun.UpdateID)
	must(t, err)
	if u.Status != "Successful" || len(statuses) < 3 || statuses[0] != "InProgress" {
		t.Errorf("ended as %s after the statuses %v, want Successful after InProgress", u.Status, statuses)
	}
	f = w.gather(t, w.key)
	if plan, d := Plan(f); d != Done || len(plan.Steps) != 0 {
		t.Errorf("second run: decision %s, steps %v; want Done, no steps", d, plan.Steps)
	}
	if n := w.calls("AssociateEncryptionConfig"); n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig, want 1", n)
	}
	other, err := w.AddKey(fakeaws.Key{Region: home, Account: account})
	must(t, err)
	plan, d := Plan(w.gather(t, other))
	if err := (&RefusedError{Failures(plan)}); d != Refuse || !contains(err, w.key) {
		t.Errorf("another key: decision %s, %v; want Refuse and an error that names %s", d, err, w.key)
	}
	w.noForbiddenCalls(t)
}

// A second run continues an association that an earlier run, or another client, began.
func TestAdopt(t *testing.T) {
	t.Run("after a killed run", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.engine(w.gather(t, w.key)).Begin(t.Context())
		must(t, err)
		f := w.gather(t, w.key)
		if _, d := Plan(f); d != Adopt {
			t.Fatalf("decision = %s, want Adopt", d)
		}
		_, err = w.engine(f).Wait(t.Context(), f.Adoptable().ID)
		must(t, err)
		if w.associations() != 1 {
			t.Errorf("%d associations, want 1", w.associations())
		}
	})
	t.Run("two runs at once", func(t *testing.T) {
		w := newWorld(t)
		f := w.gather(t, w.key)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				e := w.engine(f)
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
		if w.associations() != 1 {
			t.Errorf("%d associations, want 1", w.associations())
		}
	})
	t.Run("another client with the same key", func(t *testing.T) {
		w := newWorld(t)
		f := w.gather(t, w.key)
		_, err := w.eks().Associate(t.Context(), w.ref(), w.key, "another-token")
		must(t, err)
		begun, err := w.engine(f).Begin(t.Context())
		must(t, err)
		if !begun.Adopted || begun.UpdateID == "" || w.associations() != 1 {
			t.Errorf("begun = %+v, %d associations; want one that is adopted", begun, w.associations())
		}
	})
	t.Run("another client with another key", func(t *testing.T) {
		w := newWorld(t)
		f := w.gather(t, w.key)
		other, err := w.AddKey(fakeaws.Key{Region: home, Account: account})
		must(t, err)
		_, err = w.eks().Associate(t.Context(), w.ref(), other, "another-token")
		must(t, err)
		if _, err := w.engine(f).Begin(t.Context()); !contains(err, "another update") {
			t.Errorf("error = %v, want another update", err)
		}
	})
}

// Failures of the request lead neither to two associations nor to a lost one.
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
			w := newWorld(t)
			f := w.gather(t, w.key)
			test.fault.Operation = "AssociateEncryptionConfig"
			w.SetFaults([]fakeaws.Fault{test.fault})
			begun, err := w.engine(f).Begin(t.Context())
			if test.err == "" {
				must(t, err)
				if begun.UpdateID == "" || w.associations() != 1 {
					t.Errorf("begun = %+v, %d associations; want 1", begun, w.associations())
				}
				return
			}
			if !contains(err, test.err) || w.associations() != 0 {
				t.Errorf("error = %v, %d associations; want %q and none", err, w.associations(), test.err)
			}
			if hint.Of(err) == "" {
				t.Errorf("error %v has no hint", err)
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
			w := newWorld(t)
			e := w.engine(w.gather(t, w.key))
			begun, err := e.Begin(t.Context())
			must(t, err)
			w.SetFaults([]fakeaws.Fault{test.fault})
			_, err = e.Wait(t.Context(), begun.UpdateID)
			must(t, err)
			if w.refreshes != test.refreshes {
				t.Errorf("%d refreshes, want %d", w.refreshes, test.refreshes)
			}
		})
	}
}

func TestWaitEnds(t *testing.T) {
	t.Run("failed", func(t *testing.T) {
		w := newWorld(t, func(c *fakeaws.Cluster) {
			c.FailAssociation = &fakeaws.UpdateError{
				Code: "AccessDenied", Message: "kms:CreateGrant is not authorized", ResourceIDs: []string{"key"},
			}
		})
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		_, err = e.Wait(t.Context(), begun.UpdateID)
		const want = "ended as Failed (update %s): AccessDenied: kms:CreateGrant is not authorized (key)"
		if !contains(err, fmt.Sprintf(want, begun.UpdateID)) || !strings.Contains(hint.Of(err), "kms:CreateGrant") {
			t.Fatalf("error = %v, hint %q; want "+want, err, hint.Of(err), begun.UpdateID)
		}
		// The next attempt has another token.
		if f := w.gather(t, w.key); Token(f.Live, f.Key.ARN, f.Updates) == Token(f.Live, f.Key.ARN, nil) {
			t.Error("the next attempt has the token of the failed one")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		must(t, w.Update(func(world *fakeaws.State) {
			for _, u := range world.Clusters[w.arn].Updates {
				u.Status, u.Running = "Cancelled", false
			}
		}))
		if _, err := e.Wait(t.Context(), begun.UpdateID); !contains(err, "Cancelled") {
			t.Errorf("error = %v, want Cancelled", err)
		}
	})
	t.Run("timeout", func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		e.Timeout = time.Minute
		_, err = e.Wait(t.Context(), begun.UpdateID)
		var p *PendingError
		if !errors.As(err, &p) || !p.TimedOut || p.UpdateID != begun.UpdateID {
			t.Errorf("error = %v, want a timeout of update %s", err, begun.UpdateID)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		e.Progress = func(Progress) { cancel() }
		_, err = e.Wait(ctx, begun.UpdateID)
		var p *PendingError
		if !errors.As(err, &p) || p.TimedOut {
			t.Errorf("error = %v, want a pending association", err)
		}
		if w.associations() != 1 {
			t.Errorf("%d associations, want 1", w.associations())
		}
	})
}

// A key that is not eligible is refused with its reason before EKS is called.
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
		{"another account without permission", func(k *fakeaws.Key) { k.Account = "444455556666" }, "444455556666"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			k := fakeaws.Key{Region: home, Account: account}
			test.key(&k)
			arn, err := w.AddKey(k)
			must(t, err)
			w.refuse(t, arn, test.why)
		})
	}
	w := newWorld(t)
	const missing = "ffffffff-12ab-34cd-56ef-1234567890ab"
	w.refuse(t, "arn:aws-cn:kms:cn-north-1:"+account+":key/1234abcd-12ab-34cd-56ef-1234567890ab", "aws-cn")
	w.refuse(t, missing, missing)
	w.refuse(t, "alias/nothing", "alias")
	w.refuse(t, "not a key at all", "not a key at all")
}

func (w *world) refuse(t *testing.T, key, why string) {
	t.Helper()
	plan, d := Plan(w.gather(t, key))
	err := &RefusedError{Failures(plan)}
	if d != Refuse || !contains(err, why) || err.Hint() == "" {
		t.Errorf("%s: decision %s, error %v; want Refuse and %q", key, d, err, why)
	}
	for _, r := range w.Requests() {
		if r.Service == "eks" {
			t.Errorf("%s: EKS was called: %s", key, r.Operation)
		}
	}
}

func TestMultiRegionReplica(t *testing.T) {
	w := newWorld(t)
	arn, err := w.AddKey(fakeaws.Key{
		ID: "mrk-1234abcd12ab34cd56ef1234567890ab", Region: home, Account: account, MultiRegion: true,
		Primary: "arn:aws:kms:us-east-1:" + account + ":key/mrk-1234abcd12ab34cd56ef1234567890ab",
	})
	must(t, err)
	plan, d := Plan(w.gather(t, arn))
	if d != Associate {
		t.Fatalf("decision = %s, %v; want Associate", d, &RefusedError{Failures(plan)})
	}
	if r := plan.Checks[0].Result; r != v1alpha1.ResultPass && r != v1alpha1.ResultWarn {
		t.Errorf("check of the key: %+v, want Pass or Warn", plan.Checks[0])
	}
}

// A client with a wrong clock begins nothing, and its error has a hint about the clock.
func TestClockSkew(t *testing.T) {
	w := newWorld(t)
	f := w.gather(t, w.key)
	e := w.engine(f)
	e.EKS = w.eksAt(func() time.Time { return w.clock.Now().Add(-time.Hour) })
	_, err := e.Begin(t.Context())
	if !strings.Contains(hint.Of(err), "clock") || w.associations() != 0 {
		t.Errorf("error = %v, hint %q, %d associations; want a hint about the clock and none",
			err, hint.Of(err), w.associations())
	}
}
