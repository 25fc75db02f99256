package fleet

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestLostPlacesOfAnEmptyShard checks that a shard without an account holds, unless it had one earlier.
func TestLostPlacesOfAnEmptyShard(t *testing.T) {
	shard := func(empty bool, items []v1alpha1.EncryptionReport, dark ...v1alpha1.Unreachable) *v1alpha1.AuditReport {
		r := Assess(Answers{Items: items, Unreachable: dark, EmptyShard: empty, StartedAt: now}, rules(controlEnvelope))
		if !empty {
			r = inScope(r, "111122223333", "eu-central-1")
		}
		r.Scope.Shard = "3/8"
		return r
	}
	cluster := list(report("c", v1alpha1.VerdictAWSOwnedKey, nil))
	gap := v1alpha1.Unreachable{Missing: "shards 0/8 to 2/8"}
	for _, test := range []struct {
		name    string
		was, is *v1alpha1.AuditReport
		want    v1alpha1.AuditOutcome
	}{
		{"always empty", shard(true, nil), shard(true, nil), v1alpha1.OutcomeHolds},
		{"it had an account", shard(false, cluster), shard(true, nil), v1alpha1.OutcomeCannotTell},
		{"it got an account", shard(true, nil), shard(false, cluster), v1alpha1.OutcomeHolds},
		{"its account has no cluster", shard(false, nil), shard(false, nil), v1alpha1.OutcomeCannotTell},
		{"other shards are missing", shard(true, nil), shard(true, nil, gap), v1alpha1.OutcomeCannotTell},
	} {
		test.is.Changes = Compare(test.was, test.is)
		if got := CheckRegressions(test.is); got != test.want {
			t.Errorf("%s: outcome = %s, want %s; changes %+v", test.name, got, test.want, test.is.Changes)
		}
	}
}

// TestLostPlacesOfAnOrganization checks that what leaves an organization, or what is no longer asked for, is not a
// success: its clusters may still run.
func TestLostPlacesOfAnOrganization(t *testing.T) {
	suspend := func(f fleet, status string) func(*fakeaws.State, *Options) {
		return func(w *fakeaws.State, _ *Options) {
			for i := range w.Organization {
				if w.Organization[i].ID == f.Accounts[1] {
					w.Organization[i].Status = status
				}
			}
		}
	}
	for name, test := range map[string]struct {
		change func(f fleet) func(*fakeaws.State, *Options)
		lost   func(f fleet) []string
	}{
		"nothing": {
			func(fleet) func(*fakeaws.State, *Options) { return func(*fakeaws.State, *Options) {} },
			func(fleet) []string { return nil },
		},
		"account suspended": {
			func(f fleet) func(*fakeaws.State, *Options) { return suspend(f, "SUSPENDED") },
			func(f fleet) []string { return f.Accounts[1:2] },
		},
		"account about to be closed": {
			func(f fleet) func(*fakeaws.State, *Options) { return suspend(f, "PENDING_CLOSURE") },
			func(f fleet) []string { return f.Accounts[1:2] },
		},
		"account removed": {
			func(fleet) func(*fakeaws.State, *Options) {
				return func(w *fakeaws.State, _ *Options) { w.Organization = w.Organization[:1] }
			},
			func(f fleet) []string { return f.Accounts[1:2] },
		},
		"account excluded": {
			func(f fleet) func(*fakeaws.State, *Options) {
				return func(_ *fakeaws.State, o *Options) { o.Scope.ExcludeAccounts = f.Accounts[1:2] }
			},
			func(f fleet) []string { return f.Accounts[1:2] },
		},
		"region disabled": {
			func(f fleet) func(*fakeaws.State, *Options) {
				return func(w *fakeaws.State, _ *Options) {
					for i := range w.Regions {
						if w.Regions[i].Name == f.Regions[1] {
							w.Regions[i].OptIn = "DISABLED"
						}
					}
				}
			},
			func(f fleet) []string {
				return []string{f.Accounts[0] + "/" + f.Regions[1], f.Accounts[1] + "/" + f.Regions[1]}
			},
		},
		"region not given": {
			func(f fleet) func(*fakeaws.State, *Options) {
				return func(_ *fakeaws.State, o *Options) { o.Scope.Regions = []string{f.Regions[0], f.Regions[2]} }
			},
			func(f fleet) []string {
				return []string{f.Accounts[0] + "/" + f.Regions[1], f.Accounts[1] + "/" + f.Regions[1]}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := small(t)
			rules := Rules{Controls: []string{controlEnvelope}, Now: fleetNow}
			was, o := f.report(f.gather(t, f.options()), rules), f.options()
			change, lost := test.change(f), test.lost(f)
			awstest.Must(t, f.Update(func(w *fakeaws.State) { change(w, &o) }))
			is := f.report(f.gather(t, o), rules)
			is.Changes = Compare(was, is)
			want := v1alpha1.OutcomeCannotTell
			if len(lost) == 0 {
				want = v1alpha1.OutcomeHolds
			}
			if got := strings.Join(is.Changes.LostPlaces, " "); got != strings.Join(lost, " ") || len(is.Changes.Gone) > 0 {
				t.Errorf("lost places = %q, gone %v; want %q, none", got, is.Changes.Gone, lost)
			}
			if got := CheckRegressions(is); got != want || (len(is.Changes.LostSight) > 0) != (len(lost) > 0) {
				t.Errorf("outcome = %s, lost sight of %v; want %s", got, is.Changes.LostSight, want)
			}
		})
	}
}
