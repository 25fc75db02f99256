package audit

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// rulesOptions select the controls, the approved keys and the waivers.
type rulesOptions struct {
	controls      []string
	require       string
	standard      string
	approved      []string
	waivers       string
	maxWaiverDays int
}

func (r *rulesOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&r.controls, "controls", nil, "Controls that decide, for instance ENC-1,ENC-3")
	f.StringVar(&r.require, "require", "",
		"Controls that decide, by requirement: envelope (any key) or cmk (customer-managed key)")
	f.StringSliceVar(&r.approved, "approved-keys", nil,
		"ARNs of approved keys, or files with one ARN per line; aliases are refused")
	f.StringVar(&r.waivers, "waivers", "", "YAML file of accepted findings, each with an owner and an expiry date")
	f.StringVar(&r.standard, "standard", "",
		"Judge and show what one published standard requires, for instance pci-dss-4.0.1")
	f.IntVar(&r.maxWaiverDays, "max-waiver-days", 0,
		"Refuse waivers that last longer than this many days from today; 0 is unlimited")
	cmd.MarkFlagsMutuallyExclusive("controls", "require", "standard")
	cmdutil.CompleteFlag(cmd, "standard", encryption.PublicationNames()...)
	cmdutil.CompleteFlag(cmd, "controls", fleet.ControlIDs()...)
	cmdutil.CompleteFlag(cmd, "require", encryption.Requirements()...)
}

// readRules reads the files of the flags. data reports whether the data is verified. Rules that no flag gives are those
// of the earlier reports, if there are any.
func (r *rulesOptions) readRules(data bool, earlier []*v1alpha1.AuditReport, now time.Time) (fleet.Rules, error) {
	rules := fleet.Rules{MaxWaiverDays: r.maxWaiverDays}
	require, err := encryption.ParseRequirement(r.require)
	if err != nil {
		return rules, cmdutil.UsageErrorf("%w", err)
	}
	if err := r.readApprovedKeys(&rules); err != nil {
		return rules, cmdutil.UsageErrorf("--approved-keys: %w", err)
	}
	if err := r.readWaivers(&rules, now); err != nil {
		return rules, cmdutil.UsageErrorf("--waivers %s: %w", r.waivers, err)
	}
	if len(earlier) > 0 {
		if err := r.inherit(&rules, earlier, now); err != nil {
			return rules, cmdutil.UsageErrorf("--from: %w", err)
		}
	}
	if err := r.chooseControls(&rules, require, data); err != nil {
		return rules, err
	}
	switch {
	case slices.Contains(rules.Controls, "ENC-6") && len(rules.Approved) == 0:
		return rules, cmdutil.UsageErrorf("--controls ENC-6 needs --approved-keys")
	case slices.Contains(rules.Controls, "ENC-5") && !data && len(earlier) > 0:
		return rules, cmdutil.UsageErrorf("--controls ENC-5 needs a report that was made with --verify-data")
	case slices.Contains(rules.Controls, "ENC-5") && !data:
		return rules, cmdutil.UsageErrorf("--controls ENC-5 needs --verify-data")
	}
	return rules, nil
}

// chooseControls sets the controls that decide, unless they are those of earlier reports.
func (r *rulesOptions) chooseControls(rules *fleet.Rules, require encryption.Requirement, data bool) (err error) {
	approved := len(rules.Approved) > 0
	switch {
	case len(r.controls) > 0:
		if rules.Controls, err = fleet.ParseControls(r.controls); err != nil {
			return cmdutil.UsageErrorf("--controls: %w", err)
		}
	case r.standard != "":
		standard, err := encryption.ParsePublication(r.standard)
		if err != nil {
			return cmdutil.UsageErrorf("--standard: %w", err)
		}
		rules.Standard, rules.Controls = standard.Name, fleet.StandardControls(standard.Name, approved, data)
	case len(rules.Controls) == 0 || r.require != "":
		rules.Controls = fleet.DefaultControls(require, approved, data)
	case len(r.approved) > 0: // with the controls of earlier reports
		rules.Controls = fleet.WithApproved(rules.Controls)
	}
	return nil
}

func (r *rulesOptions) readWaivers(rules *fleet.Rules, now time.Time) error {
	if r.waivers == "" {
		return nil
	}
	text, file, err := readRuleFile("waivers", r.waivers)
	if err != nil {
		return err
	}
	rules.Files = append(rules.Files, file)
	if rules.Waivers, err = fleet.ParseWaivers(text); err != nil {
		return err
	}
	return fleet.CheckWaiverTerms(rules.Waivers, r.maxWaiverDays, now)
}

// readRuleFile reads a file, with the digest by which the report identifies it.
func readRuleFile(purpose, path string) ([]byte, v1alpha1.RuleFile, error) {
	text, err := os.ReadFile(path)
	return text, v1alpha1.RuleFile{Purpose: purpose, Path: path, SHA256: fmt.Sprintf("%x", sha256.Sum256(text))}, err
}

func (r *rulesOptions) readApprovedKeys(rules *fleet.Rules) error {
	var arns []string
	for _, word := range r.approved {
		if strings.HasPrefix(word, "arn:") || strings.HasPrefix(word, "alias/") {
			key, err := fleet.ParseKeyARN(word)
			if err != nil {
				return err
			}
			arns = append(arns, key)
			continue
		}
		text, file, err := readRuleFile("approved-keys", word)
		if err != nil {
			return fmt.Errorf("%w (give the ARN of a key, or a file of ARNs)", err)
		}
		listed, err := fleet.ReadKeyARNs(bytes.NewReader(text))
		if err == nil && len(listed) == 0 {
			err = errors.New("the file contains no key")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", word, err)
		}
		arns, rules.Files = append(arns, listed...), append(rules.Files, file)
	}
	slices.Sort(arns)
	rules.Approved = slices.Compact(arns)
	return nil
}
