package association

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func TestAssociateOnceAndForAll(t *testing.T) {
	w := newWorld(t)
	f := w.gather(t, w.key)
	if _, d := Plan(f); d != Associate {
		t.Fatalf("decision %s", d)
	}
	e := w.engine(f)
	var statuses []string
	e.Progress = func(p Progress) { statuses = append(statuses, p.Status) }
	begun, err := e.Begin(t.Context())
	must(t, err)
	if begun.UpdateID == "" || begun.Adopted {
		t.Errorf("begun: %+v", begun)
	}
	u, err := e.Wait(t.Context(), begun.UpdateID)
	must(t, err)
	if u.Status != "Successful" || len(statuses) < 3 || statuses[0] != "InProgress" {
		t.Errorf("ended %s after %d polls: %v", u.Status, len(statuses), statuses)
	}
	f = w.gather(t, w.key)
	if plan, d := Plan(f); d != Done || len(plan.Steps) != 0 {
		t.Errorf("second run: %s, steps %v", d, plan.Steps)
	}
	if n := w.calls("AssociateEncryptionConfig"); n != 1 {
		t.Errorf("%d calls of AssociateEncryptionConfig", n)
	}
	other, err := w.AddKey(fakeaws.Key{Region: home, Account: account})
	must(t, err)
	if plan, d := Plan(w.gather(t, other)); d != Refuse || !strings.Contains((&RefusedError{Failures(plan)}).Error(), w.key) {
		t.Errorf("another key: %s", d)
	}
	w.never(t)
}

// A run that was killed after the call is taken up, and two at once are one.
func TestAdoption(t *testing.T) {
	t.Run("killed", func(t *testing.T) {
		w := newWorld(t)
		_, err := w.engine(w.gather(t, w.key)).Begin(t.Context())
		must(t, err)
		f := w.gather(t, w.key)
		if _, d := Plan(f); d != Adopt {
			t.Fatalf("decision %s", d)
		}
		_, err = w.engine(f).Wait(t.Context(), f.Adoptable().ID)
		must(t, err)
		if w.associations() != 1 {
			t.Errorf("%d associations", w.associations())
		}
	})
	t.Run("two at once", func(t *testing.T) {
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
			t.Errorf("%d associations", w.associations())
		}
	})
	t.Run("somebody else with another tool", func(t *testing.T) {
		w := newWorld(t)
		f := w.gather(t, w.key)
		_, err := associate(t.Context(), w.eks(), "lab", w.key, "another-token")
		must(t, err)
		begun, err := w.engine(f).Begin(t.Context())
		must(t, err)
		if !begun.Adopted || begun.UpdateID == "" || w.associations() != 1 {
			t.Errorf("%+v, %d associations", begun, w.associations())
		}
	})
	t.Run("somebody else with another key", func(t *testing.T) {
		w := newWorld(t)
		f := w.gather(t, w.key)
		other, err := w.AddKey(fakeaws.Key{Region: home, Account: account})
		must(t, err)
		_, err = associate(t.Context(), w.eks(), "lab", other, "another-token")
		must(t, err)
		if _, err := w.engine(f).Begin(t.Context()); !contains(err, "another update") {
			t.Errorf("error %v", err)
		}
	})
}

// What goes wrong at the call itself: never two associations, never a lost one.
func TestBeginThroughTrouble(t *testing.T) {
	const op = "AssociateEncryptionConfig"
	tests := []struct {
		name  string
		fault fakeaws.Fault
		err   string // part of the error; empty for none
	}{
		{"throttled for a while", fakeaws.Fault{Operation: op, Status: 429, Code: "ThrottlingException", Times: 3}, ""},
		{"server errors for a while", fakeaws.Fault{Operation: op, Status: 503, Code: "ServiceUnavailableException", Times: 3}, ""},
		{"the connection breaks", fakeaws.Fault{Operation: op, Status: -1, Times: 2}, ""},
		{"credentials expire, and are refreshed", fakeaws.Fault{Operation: op, Status: 403, Code: "ExpiredTokenException"}, ""},
		{"server errors without end", fakeaws.Fault{Operation: op, Status: 500, Code: "ServerException"}, "is unknown"},
		{"not permitted", fakeaws.Fault{Operation: op, Status: 403, Code: "AccessDeniedException"}, "eks:AssociateEncryptionConfig"},
		{"no kms:CreateGrant, in EKS's way of saying it", fakeaws.Fault{Operation: op, Status: 400, Code: "InvalidRequestException", Message: "User is not authorized to perform: kms:CreateGrant"}, "kms:CreateGrant"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			f := w.gather(t, w.key)
			w.SetFaults([]fakeaws.Fault{test.fault})
			begun, err := w.engine(f).Begin(t.Context())
			if test.err == "" {
				must(t, err)
				if begun.UpdateID == "" || w.associations() != 1 {
					t.Errorf("%+v, %d associations", begun, w.associations())
				}
				return
			}
			if !contains(err, test.err) || w.associations() != 0 {
				t.Errorf("%v, %d associations; want %q and none", err, w.associations(), test.err)
			}
			if h, ok := err.(interface{ Hint() string }); !ok || h.Hint() == "" {
				t.Errorf("no hint: %v", err)
			}
		})
	}
}

func TestWaitThroughTrouble(t *testing.T) {
	const op = "DescribeUpdate"
	for _, test := range []struct {
		name  string
		fault fakeaws.Fault
		fresh int // refreshes of the credentials
	}{
		{"throttled polls", fakeaws.Fault{Operation: op, Status: 429, Code: "ThrottlingException", Times: 5}, 0},
		{"server errors", fakeaws.Fault{Operation: op, Status: 500, Code: "ServerException", Times: 5}, 0},
		{"expired credentials", fakeaws.Fault{Operation: op, Status: 403, Code: "ExpiredTokenException"}, 1},
		{"the cluster can't be described at first", fakeaws.Fault{Operation: "DescribeCluster", Status: 503, Code: "ServiceUnavailableException", Times: 3}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			e := w.engine(w.gather(t, w.key))
			begun, err := e.Begin(t.Context())
			must(t, err)
			w.SetFaults([]fakeaws.Fault{test.fault})
			_, err = e.Wait(t.Context(), begun.UpdateID)
			must(t, err)
			if w.refreshes != test.fresh {
				t.Errorf("%d refreshes, want %d", w.refreshes, test.fresh)
			}
		})
	}
}

func TestWaitEnds(t *testing.T) {
	t.Run("failed", func(t *testing.T) {
		w := newWorld(t, func(c *fakeaws.Cluster) {
			c.FailAssociation = &fakeaws.UpdateError{Code: "AccessDenied", Message: "kms:CreateGrant is not authorized", ResourceIDs: []string{"key"}}
		})
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		_, err = e.Wait(t.Context(), begun.UpdateID)
		failed, ok := as[*FailedError](err)
		if !ok || !contains(err, "AccessDenied: kms:CreateGrant is not authorized (key)") || !strings.Contains(failed.Hint(), "kms:CreateGrant") {
			t.Fatalf("error %v", err)
		}
		// The next attempt is a new one, with a token of its own.
		if f := w.gather(t, w.key); Token(f.Live, f.Key.ARN, f.Updates) == Token(f.Live, f.Key.ARN, nil) {
			t.Error("the token of the failed attempt would be used again")
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		must(t, w.Update(func(world *fakeaws.World) {
			for _, u := range world.Clusters[w.arn].Updates {
				u.Status, u.Running = "Cancelled", false
			}
		}))
		if _, err := e.Wait(t.Context(), begun.UpdateID); !contains(err, "Cancelled") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("the time is up", func(t *testing.T) {
		w := newWorld(t)
		e := w.engine(w.gather(t, w.key))
		begun, err := e.Begin(t.Context())
		must(t, err)
		e.Timeout = time.Minute
		_, err = e.Wait(t.Context(), begun.UpdateID)
		if p, ok := as[*PendingError](err); !ok || !p.TimedOut || p.UpdateID != begun.UpdateID {
			t.Errorf("error %v", err)
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
		if p, ok := as[*PendingError](err); !ok || p.TimedOut {
			t.Errorf("error %v", err)
		}
		if w.associations() != 1 {
			t.Error("the association was touched")
		}
	})
}

// Unfit keys are refused for their own reason, before EKS is asked anything.
func TestUnfitKeys(t *testing.T) {
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
		{"another account without rights", func(k *fakeaws.Key) { k.Account = "444455556666" }, "444455556666"},
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
	w.refuse(t, "arn:aws-cn:kms:cn-north-1:"+account+":key/1234abcd-12ab-34cd-56ef-1234567890ab", "aws-cn")
	w.refuse(t, "ffffffff-12ab-34cd-56ef-1234567890ab", "doesn't exist")
	w.refuse(t, "alias/nothing", "no key stands behind that alias")
	w.refuse(t, "not a key at all", "names no KMS key")
}

func (w *world) refuse(t *testing.T, key, why string) {
	t.Helper()
	plan, d := Plan(w.gather(t, key))
	err := &RefusedError{Failures(plan)}
	if d != Refuse || !contains(err, why) || err.Hint() == "" {
		t.Errorf("%s: %s, %v; want %q", key, d, err, why)
	}
	for _, r := range w.Requests() {
		if r.Service == "eks" {
			t.Errorf("%s: EKS was asked: %s", key, r.Operation)
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
		t.Fatalf("%s: %v", d, &RefusedError{Failures(plan)})
	}
	if plan.Checks[0].Result != v1alpha1.ResultPass && plan.Checks[0].Result != v1alpha1.ResultWarn {
		t.Errorf("%+v", plan.Checks[0])
	}
}

// A client whose clock is wrong gets nothing begun, and is told of its clock.
func TestClockSkew(t *testing.T) {
	w := newWorld(t)
	f := w.gather(t, w.key)
	e := w.engine(f)
	e.EKS = eks.NewFromConfig(w.config, func(o *eks.Options) {
		o.HTTPSignerV4 = signer{o.HTTPSignerV4, func() time.Time { return w.clock.Now().Add(-time.Hour) }}
	})
	_, err := e.Begin(t.Context())
	if h, ok := err.(interface{ Hint() string }); !ok || !strings.Contains(h.Hint(), "clock") || w.associations() != 0 {
		t.Errorf("error %v, %d associations", err, w.associations())
	}
}
