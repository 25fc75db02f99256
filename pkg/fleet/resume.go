package fleet

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// deletedMeanwhile ends the note on a cluster that no longer exists.
const deletedMeanwhile = "was deleted during the audit"

// earlier is what an earlier, incomplete audit has answered.
type earlier struct {
	answered map[accountRegion]bool
	clusters map[string]bool        // by ARN; also those that were left out
	complete map[string]bool        // accounts of which nothing is missing
	open     []v1alpha1.Unreachable // regions to query again
}

// callFailed reports whether the facts of a cluster are unknown because a call failed, which may succeed the next time.
func callFailed(r v1alpha1.EncryptionReport) bool {
	return r.Encryption.Verdict == v1alpha1.VerdictUnknown && r.Cluster.Status == "" && !denied(r.Encryption.Reason)
}

// resume adds what the earlier report answers to the result. It returns an error if an account or a region of that
// report is not in the scope.
func (g *gatherer) resume(accounts []string) error {
	g.earlier = earlier{answered: map[accountRegion]bool{}, clusters: map[string]bool{}, complete: map[string]bool{}}
	if g.Earlier == nil {
		return nil
	}
	was := g.Earlier
	if !slices.Contains(g.Scope.Regions, AllRegions) {
		if lost := missing(was.Scope.Regions, g.namedRegions()); len(lost) > 0 {
			return hint.New(fmt.Sprintf("region %s of the earlier report is not in the scope", listed(lost)),
				"repeat --regions as the earlier audit had it")
		}
	}
	again, places := map[string]bool{}, map[accountRegion]bool{} // what to query again
	for _, u := range was.Unreachable {
		for _, cluster := range u.Clusters {
			again[cluster] = true
		}
		if u.Region != "" {
			g.earlier.open = append(g.earlier.open, u)
		}
	}
	for _, item := range was.Items {
		if callFailed(item) {
			again[item.Cluster.ARN], places[placeOf(&item)] = true, true
			g.earlier.open = append(g.earlier.open, v1alpha1.Unreachable{Account: item.Cluster.Account,
				Region: item.Cluster.Region, Reason: item.Encryption.Reason, Clusters: []string{item.Cluster.ARN}})
		}
	}
	for _, a := range was.Scope.Answered {
		for _, region := range a.Regions {
			at := accountRegion{a.Account, region}
			g.addRegion(region)
			if !places[at] {
				g.earlier.answered[at] = true
				g.addAnswered(at)
			}
		}
	}
	for _, account := range was.Scope.Accounts {
		if !slices.Contains(accounts, account) {
			return fmt.Errorf("account %s of the earlier report is not in the scope", account)
		}
		g.earlier.complete[account] = g.nothingMissing(account, places)
	}
	for _, item := range was.Items {
		unknown := item.Encryption.Verdict == v1alpha1.VerdictUnknown && !g.earlier.answered[placeOf(&item)]
		if again[item.Cluster.ARN] || unknown {
			continue
		}
		item.Controls = encryption.Controls(&item) // without the rules of the earlier audit
		item.CreationTimestamp = metav1.NewTime(observedAt(was, &item))
		g.earlier.clusters[item.Cluster.ARN] = true
		g.addItem(item)
	}
	for _, cluster := range was.Scope.FilteredOut {
		g.earlier.clusters[cluster] = true
		g.addFilteredOut(cluster)
	}
	for _, note := range was.Notes {
		if strings.HasSuffix(note, deletedMeanwhile) {
			g.addNote("%s", note)
		}
	}
	return nil
}

// notAsked is why a region is still unreachable although it is not queried again.
const notAsked = "; not queried again, because it is not among the regions of the account now"

// keepUnreachable adds the regions that the earlier report could not query, and that this audit did not ask. A region
// that was disabled in the meantime is one of them: its clusters still exist. An account without any region is always
// asked again.
func (g *gatherer) keepUnreachable() {
	for _, u := range g.earlier.open {
		if slices.Contains(g.answered[u.Account], u.Region) || slices.ContainsFunc(g.out.Unreachable,
			func(o v1alpha1.Unreachable) bool { return covers(o, u.Account, u.Region) }) {
			continue
		}
		u.Waiver = nil // the rules decide again
		u.Reason = strings.TrimSuffix(u.Reason, notAsked) + notAsked
		g.out.Unreachable, g.out.Regions = append(g.out.Unreachable, u), append(g.out.Regions, u.Region)
	}
}

// nothingMissing reports whether the earlier report answers all of the account that is in the scope now. With
// AllRegions, that is what the account had.
func (g *gatherer) nothingMissing(account string, again map[accountRegion]bool) bool {
	for place := range again {
		if place.account == account {
			return false
		}
	}
	return !slices.ContainsFunc(g.Earlier.Unreachable, func(u v1alpha1.Unreachable) bool {
		// The clusters of a place that answered are known, and only their existing data is not.
		return u.Account == account && !g.earlier.answered[accountRegion{u.Account, u.Region}]
	}) && !slices.ContainsFunc(g.namedRegions(), func(region string) bool {
		return !g.earlier.answered[accountRegion{account, region}]
	})
}

func placeOf(r *v1alpha1.EncryptionReport) accountRegion {
	return accountRegion{r.Cluster.Account, r.Cluster.Region}
}

// CanResume returns an error if the audit that made the report cannot be continued by one of this scope and filter.
// Gather checks the accounts, and the regions if the scope names none.
func CanResume(was *v1alpha1.AuditReport, scope Scope, filter Filter) error {
	if len(was.Scope.Contexts) > 0 || len(was.Scope.Accounts) == 0 && !emptyShard(was) {
		return fmt.Errorf("it is not a report of --all-clusters")
	}
	if len(was.Scope.Filters) == 0 && len(was.Scope.FilteredOut) > 0 {
		return fmt.Errorf("it was made from reports with different --cluster-name or --tag")
	}
	for _, f := range []struct {
		flag    string
		was, is []string
	}{
		{"--organization", []string{fmt.Sprint(was.Scope.Organization)}, []string{fmt.Sprint(scope.Organization)}},
		{"--ou", was.Scope.OrganizationalUnits, scope.Units},
		{"--exclude-regions", was.Scope.ExcludedRegions, scope.ExcludeRegions},
		{"--exclude-accounts", was.Scope.ExcludedAccounts, scope.ExcludeAccounts},
		{"--role-name", []string{was.Scope.RoleName}, []string{scope.RoleName}},
		{"--shard", []string{was.Scope.Shard}, []string{scope.Shard.String()}},
		{"--cluster-name or --tag", was.Scope.Filters, filter.Conditions()},
	} {
		if different(f.was, f.is) {
			return fmt.Errorf("it was made with another %s: %s, now %s", f.flag, listed(f.was), listed(f.is))
		}
	}
	switch all := slices.Contains(scope.Regions, AllRegions); {
	case all && !was.Scope.AllRegions: // the accounts that answered have other regions, which may not be listed now
		return fmt.Errorf("it was made with another --regions: %s, now %s", listed(was.Scope.Regions), AllRegions)
	case !all && was.Scope.AllRegions: // an account that could not be queried has regions that are not known
		return fmt.Errorf("it was made with another --regions: %s, now %s", AllRegions, listed(scope.Regions))
	case !all && len(scope.Regions) > 0:
		if lost := missing(was.Scope.Regions, scope.Regions); len(lost) > 0 {
			return fmt.Errorf("it was made with another --regions: it also has %s", listed(lost))
		}
	}
	if len(was.Unreachable) == 0 && !slices.ContainsFunc(was.Items, callFailed) {
		return errComplete
	}
	return nil
}

var errComplete = fmt.Errorf("it is complete: every region and account answered, so there is nothing to resume")

// listed returns the values for a message.
func listed(values []string) string {
	if text := strings.Join(values, ", "); text != "" {
		return text
	}
	return "none"
}

// Recorded returns the ARNs of the clusters that are as the earlier report describes them.
func (g *Gathered) Recorded() map[string]bool { return g.earlier.clusters }

// ListRecorded reports whether the clusters of the account and region were listed for the earlier report.
func (g *Gathered) ListRecorded(account, region string) bool {
	return g.earlier.answered[accountRegion{account, region}]
}
