package audit

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// inherit adds the rules that no flag gives: those of the earlier reports, if all of them have the same.
func (r *rulesOptions) inherit(rules *fleet.Rules, earlier []*v1alpha1.AuditReport, now time.Time) error {
	recorded, differ, err := fleet.RecordedRules(earlier)
	if err != nil {
		return fmt.Errorf("the rules of the reports: %w", err)
	}
	given := map[string]string{
		fleet.KindControls:     cmp.Or(strings.Join(r.controls, ","), r.require, r.standard),
		fleet.KindApprovedKeys: strings.Join(r.approved, ","),
		fleet.KindWaivers:      r.waivers,
	}
	flags := map[string]string{
		fleet.KindControls:     "--controls, --require or --standard",
		fleet.KindApprovedKeys: "--approved-keys",
		fleet.KindWaivers:      "--waivers",
	}
	for _, kind := range differ {
		if given[kind] == "" {
			return fmt.Errorf("the reports were judged with different %s: choose with %s", kind, flags[kind])
		}
	}
	if given[fleet.KindControls] == "" {
		rules.Controls, rules.Standard = recorded.Controls, recorded.Standard
	}
	if given[fleet.KindApprovedKeys] == "" {
		rules.Approved = recorded.Approved
	}
	rules.MaxWaiverDays = cmp.Or(r.maxWaiverDays, recorded.MaxWaiverDays)
	if given[fleet.KindWaivers] == "" {
		rules.Waivers = recorded.Waivers
		if err := fleet.CheckWaiverTerms(rules.Waivers, r.maxWaiverDays, now); err != nil {
			return err
		}
	} else if err := fleet.CheckWaiverTerms(rules.Waivers, rules.MaxWaiverDays, now); err != nil {
		return fmt.Errorf("--waivers %s, with --max-waiver-days %d of the reports: %w", r.waivers, rules.MaxWaiverDays, err)
	}
	for _, file := range recorded.Files {
		if file.Purpose == "approved-keys" && given[fleet.KindApprovedKeys] != "" ||
			file.Purpose == "waivers" && given[fleet.KindWaivers] != "" {
			continue // another file replaces it
		}
		rules.Files = append(rules.Files, file)
	}
	return nil
}
