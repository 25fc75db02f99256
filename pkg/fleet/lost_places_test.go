package fleet

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

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
