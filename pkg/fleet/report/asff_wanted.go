package report

import (
	"cmp"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/securityhub"
)

// HubFindings are the findings of a report for an import into Security Hub. Of makes them for one account and region at
// a time, because those of a large fleet need much memory.
type HubFindings struct {
	rows        *reportRows
	clusters    map[hubPlace][]*cluster
	unreachable map[hubPlace][]v1alpha1.Unreachable
}

type hubPlace struct{ account, region string }

// SecurityHub returns the findings of the report.
func SecurityHub(r *v1alpha1.AuditReport) *HubFindings {
	h := &HubFindings{newReportRows(clean(r)), map[hubPlace][]*cluster{}, map[hubPlace][]v1alpha1.Unreachable{}}
	for _, c := range h.rows.Clusters {
		place := hubPlace{c.Account, c.Region}
		h.clusters[place] = append(h.clusters[place], c)
	}
	for _, u := range h.rows.Unreachable {
		place := hubPlace{u.Account, u.Region}
		h.unreachable[place] = append(h.unreachable[place], u)
	}
	return h
}

// Of returns the findings of an account and region, each with its waiver.
func (h *HubFindings) Of(account, region string) []securityhub.Wanted {
	place := hubPlace{account, region}
	return h.rows.wantedOf(h.clusters[place], h.unreachable[place])
}

// Count returns the number of findings of an account and region that are to be imported.
func (h *HubFindings) Count(account, region string) int {
	place := hubPlace{account, region}
	n := len(h.unreachable[place])
	for _, c := range h.clusters[place] {
		for _, r := range c.Rows {
			if s := hubState(r.State); s == securityhub.Current || s == securityhub.Undecided {
				n++
			}
		}
	}
	return n
}

// wantedOf returns the findings of clusters and places, except those without an account and a region, which Security
// Hub requires.
func (v *reportRows) wantedOf(clusters []*cluster, places []v1alpha1.Unreachable) (wanted []securityhub.Wanted) {
	for _, c := range clusters {
		if !asffPlace(c.Account, c.Region) {
			continue
		}
		for _, r := range c.Rows {
			var waiver *v1alpha1.Waived
			if r.State == stateWaived {
				waiver = r.Waiver
			}
			wanted = append(wanted, securityhub.Wanted{Finding: v.asffOf(r), State: hubState(r.State),
				Waiver: hubWaiver(waiver)})
		}
	}
	for _, u := range places {
		if asffPlace(u.Account, u.Region) {
			wanted = append(wanted, securityhub.Wanted{Finding: v.asffUnreachable(u), State: securityhub.Current,
				Waiver: hubWaiver(u.Waiver)})
		}
	}
	return wanted
}

func (v *reportRows) asffUnreachable(u v1alpha1.Unreachable) securityhub.Finding {
	partition := binding.PartitionOf(u.Region)
	f := v.asff("unreachable/"+u.Account+"/"+u.Region, "reachability", partition, u.Account, u.Region)
	f.Title = "EKS clusters could not be queried"
	f.Description = securityhub.Shorten(cmp.Or(u.Reason, noReason), 1024)
	f.Provider.Severity.Label, f.Compliance.Status = "INFORMATIONAL", "NOT_AVAILABLE"
	f.Resources = []securityhub.Resource{{Type: "AwsAccount", ID: "AWS::::Account:" + u.Account,
		Partition: awsPartition(partition), Region: u.Region}}
	addFields(&f, map[string]string{"Outcome": "Unreachable"})
	addWaiver(&f, u.Waiver)
	return f
}

// hubState returns what the audit states about the finding of a control.
func hubState(s rowState) securityhub.State {
	switch s {
	case stateNotApplicable:
		return securityhub.Ended
	case stateNotAnswered:
		return securityhub.Unchecked
	case stateUndecided:
		return securityhub.Undecided
	}
	return securityhub.Current
}

func hubWaiver(w *v1alpha1.Waived) *securityhub.Waiver {
	if w == nil {
		return nil
	}
	out := &securityhub.Waiver{Owner: w.Owner, Reason: w.Reason}
	if w.Expires != nil {
		out.Expires = w.Expires.Time
	}
	return out
}

// addWaiver adds the waiver in force to the product fields.
func addWaiver(f *securityhub.Finding, w *v1alpha1.Waived) {
	if w == nil {
		return
	}
	addFields(f, map[string]string{"WaiverReason": w.Reason, "WaiverOwner": w.Owner, "WaiverExpires": day(w.Expires)})
}
