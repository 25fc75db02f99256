package fleet

import (
	"fmt"
	"slices"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// The kinds of rules of a report.
const (
	KindControls     = "controls"
	KindApprovedKeys = "approved keys"
	KindWaivers      = "waivers"
)

// RecordedRules returns the rules that earlier reports were judged by, and the kinds of rules in which they differ.
// Those are not in the rules. Of different terms of waivers, the shortest counts.
func RecordedRules(reports []*v1alpha1.AuditReport) (rules Rules, differ []string, err error) {
	first := reports[0]
	for _, kind := range []struct {
		name string
		of   func(*v1alpha1.AuditReport) []string
		take func() error
	}{
		{KindControls, func(r *v1alpha1.AuditReport) []string { return append(slices.Clone(r.Scope.Controls), standardOf(r)) },
			func() (err error) {
				rules.Standard = standardOf(first)
				rules.Controls, err = ParseControls(first.Scope.Controls)
				return err
			}},
		{KindApprovedKeys, func(r *v1alpha1.AuditReport) []string { return rulesOf(r).ApprovedKeys }, func() error {
			rules.Approved = rulesOf(first).ApprovedKeys
			return nil
		}},
		{KindWaivers, func(r *v1alpha1.AuditReport) []string { return waiverTexts(rulesOf(r)) }, func() (err error) {
			rules.Waivers, err = recordedWaivers(rulesOf(first).Waivers)
			return err
		}},
	} {
		if slices.ContainsFunc(reports, func(r *v1alpha1.AuditReport) bool { return different(kind.of(first), kind.of(r)) }) {
			differ = append(differ, kind.name)
		} else if err := kind.take(); err != nil {
			return rules, nil, fmt.Errorf("%s: %w", kind.name, err)
		}
	}
	for _, r := range reports {
		if days := rulesOf(r).MaxWaiverDays; days > 0 && (rules.MaxWaiverDays == 0 || days < rules.MaxWaiverDays) {
			rules.MaxWaiverDays = days
		}
		for _, file := range rulesOf(r).Files {
			if !slices.Contains(rules.Files, file) {
				rules.Files = append(rules.Files, file)
			}
		}
	}
	return rules, differ, nil
}

// rulesOf returns the rules of a report; reports of earlier versions name none.
func rulesOf(r *v1alpha1.AuditReport) *v1alpha1.AuditRules {
	if r.Rules == nil {
		return &v1alpha1.AuditRules{}
	}
	return r.Rules
}

func standardOf(r *v1alpha1.AuditReport) string {
	if r.Standard == nil {
		return ""
	}
	return r.Standard.Name
}

// recordedWaivers returns the waivers that a report states.
func recordedWaivers(all []v1alpha1.AuditWaiver) ([]Waiver, error) {
	var waivers []Waiver
	for i, a := range all {
		w := Waiver{Cluster: a.Cluster, Place: a.Place, Control: a.Control, Reason: a.Reason, Owner: a.Owner}
		if a.Expires != nil {
			w.Expires = a.Expires.UTC().Format(day)
		}
		if err := w.validate(); err != nil {
			return nil, fmt.Errorf("waiver %d: %w", i+1, err)
		}
		waivers = append(waivers, w)
	}
	return waivers, nil
}
