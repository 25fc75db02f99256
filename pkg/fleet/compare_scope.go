package fleet

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// answered reports whether EKS listed the clusters of the cluster's account and region completely.
func answered(r *v1alpha1.AuditReport, cluster *v1alpha1.EncryptionReport) bool {
	return slices.ContainsFunc(r.Scope.Answered, func(a v1alpha1.AccountRegions) bool {
		return a.Account == cluster.Cluster.Account && slices.Contains(a.Regions, cluster.Cluster.Region)
	})
}

// unreachable reports whether the report lists the context, region or account of the
// cluster as unreachable.
func unreachable(r *v1alpha1.AuditReport, cluster *v1alpha1.EncryptionReport) bool {
	c := cluster.Cluster
	return slices.ContainsFunc(r.Unreachable, func(u v1alpha1.Unreachable) bool {
		if u.Context != "" {
			return u.Context == c.Context
		}
		return covers(u, c.Account, c.Region)
	})
}

// covers reports whether the unreachable place is or contains the region of the account.
func covers(u v1alpha1.Unreachable, account, region string) bool {
	return u.Context == "" && u.Missing == "" && u.Account == account && (u.Region == "" || u.Region == region)
}

// outOfSight reports whether a cluster that is no longer visible makes the audit incomplete: its place is not waived.
func outOfSight(r *v1alpha1.AuditReport, id string) bool {
	a, err := arn.Parse(id)
	return err != nil || !slices.ContainsFunc(r.Unreachable, func(u v1alpha1.Unreachable) bool {
		return u.Waiver != nil && covers(u, a.AccountID, a.Region)
	})
}

// lostPlaces returns the accounts and regions that the earlier audit queried, or tried to, and that the current one did
// not try, and the contexts that it could not query. The clusters of other contexts are compared by their ARNs.
func lostPlaces(was, is *v1alpha1.AuditReport) []string {
	tried := func(account, region string) bool {
		place := &v1alpha1.EncryptionReport{Cluster: v1alpha1.Cluster{Account: account, Region: region}}
		return answered(is, place) || unreachable(is, place)
	}
	var lost []string
	for _, a := range was.Scope.Answered {
		if !slices.Contains(is.Scope.Accounts, a.Account) {
			lost = append(lost, a.Account)
			continue
		}
		for _, region := range a.Regions {
			if !tried(a.Account, region) {
				lost = append(lost, a.Account+"/"+region)
			}
		}
	}
	for _, u := range was.Unreachable {
		switch {
		case u.Missing != "" || u.Waiver != nil:
		case u.Context != "":
			if !slices.Contains(is.Scope.Contexts, u.Context) {
				lost = append(lost, "context "+u.Context)
			}
		case !slices.Contains(is.Scope.Accounts, u.Account):
			lost = append(lost, u.Account)
		case u.Region != "" && !tried(u.Account, u.Region):
			lost = append(lost, u.Account+"/"+u.Region)
		}
	}
	if len(was.Scope.Answered) == 0 {
		lost = append(lost, missing(was.Scope.Accounts, is.Scope.Accounts)...)
		lost = append(lost, missing(was.Scope.Regions, is.Scope.Regions)...)
	}
	slices.Sort(lost)
	return slices.Compact(lost)
}

// missing returns the values of was that are not in is.
func missing(was, is []string) []string {
	present := map[string]bool{}
	for _, v := range is {
		present[v] = true
	}
	var lost []string
	for _, v := range was {
		if !present[v] {
			lost = append(lost, v)
		}
	}
	return lost
}

// scopeNotes returns a note for each part of the scope that differs between the audits.
func scopeNotes(was, is v1alpha1.AuditScope) []string {
	var notes []string
	const clusters = ", so some clusters may only appear to be new or lost"
	for _, f := range []struct {
		name    string
		was, is []string
		effect  string
	}{
		{"contexts", was.Contexts, is.Contexts, clusters},
		{"regions", was.Regions, is.Regions, clusters},
		{"accounts", was.Accounts, is.Accounts, clusters},
		{"filters", was.Filters, is.Filters, clusters},
		{"controls", was.Controls, is.Controls, ""},
	} {
		if different(f.was, f.is) {
			notes = append(notes, fmt.Sprintf("the earlier audit used different %s%s", f.name, f.effect))
		}
	}
	return notes
}

// ruleNotes returns a note for each kind of rules that differs. Reports of earlier versions name no rules.
func ruleNotes(was, is *v1alpha1.AuditRules) []string {
	if was == nil || is == nil {
		return nil
	}
	var notes []string
	if different(was.ApprovedKeys, is.ApprovedKeys) {
		notes = append(notes, fmt.Sprintf("the list of approved keys has changed: %d added, %d removed",
			len(missing(is.ApprovedKeys, was.ApprovedKeys)), len(missing(was.ApprovedKeys, is.ApprovedKeys))))
	}
	if different(waiverTexts(was), waiverTexts(is)) {
		notes = append(notes, fmt.Sprintf("the waivers have changed: %d added, %d removed",
			len(missing(waiverTexts(is), waiverTexts(was))), len(missing(waiverTexts(was), waiverTexts(is)))))
	}
	return notes
}

// waiverTexts returns a text for each waiver that contains what it accepts, and until when.
func waiverTexts(r *v1alpha1.AuditRules) []string {
	var texts []string
	for _, w := range r.Waivers {
		end := ""
		if w.Expires != nil {
			end = w.Expires.UTC().Format(day)
		}
		texts = append(texts, strings.Join([]string{w.Cluster, w.Place, w.Control, w.Owner, end}, "\n"))
	}
	return texts
}

// different reports whether two lists differ, whatever their order.
func different(was, is []string) bool {
	return !slices.Equal(slices.Sorted(slices.Values(was)), slices.Sorted(slices.Values(is)))
}
