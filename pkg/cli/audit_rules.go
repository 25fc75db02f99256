package cli

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// auditRules is what the clusters are held against.
type auditRules struct {
	controls []string
	require  string
	approved []string
	waivers  string
}

func (r *auditRules) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&r.controls, "controls", nil, "Controls that decide, for instance ENC-1,ENC-3")
	f.StringVar(&r.require, "require", "", "Controls that decide, by what you want: envelope (any key) or cmk (customer-managed key)")
	f.StringSliceVar(&r.approved, "approved-keys", nil, "ARNs of approved keys, or files with one a line; aliases are refused")
	f.StringVar(&r.waivers, "waivers", "", "YAML file of findings that somebody answers for until a day")
	cmd.MarkFlagsMutuallyExclusive("controls", "require")
	register(cmd, "controls", cobra.FixedCompletions(fleet.ControlIDs(), cobra.ShellCompDirectiveNoFileComp))
	register(cmd, "require", cobra.FixedCompletions(requirements, cobra.ShellCompDirectiveNoFileComp))
}

func (r *auditRules) rules(cmd *cobra.Command, data bool) (fleet.Rules, error) {
	rules := fleet.Rules{}
	require, err := encryption.ParseRequirement(r.require)
	if err != nil {
		return rules, usage(cmd, "%w", err)
	}
	if rules.Approved, err = r.approvedKeys(); err != nil {
		return rules, usage(cmd, "--approved-keys: %w", err)
	}
	if r.waivers != "" {
		text, err := os.ReadFile(r.waivers)
		if err != nil {
			return rules, usage(cmd, "--waivers: %w", err)
		}
		if rules.Waivers, err = fleet.ParseWaivers(text); err != nil {
			return rules, usage(cmd, "--waivers %s: %w", r.waivers, err)
		}
	}
	rules.Controls = fleet.DefaultControls(require, len(rules.Approved) > 0, data)
	if len(r.controls) > 0 {
		if rules.Controls, err = fleet.ParseControls(r.controls); err != nil {
			return rules, usage(cmd, "--controls: %w", err)
		}
	}
	switch {
	case slices.Contains(rules.Controls, "ENC-6") && len(rules.Approved) == 0:
		return rules, usage(cmd, "--controls ENC-6 needs --approved-keys")
	case slices.Contains(rules.Controls, "ENC-5") && !data:
		return rules, usage(cmd, "--controls ENC-5 needs --verify-data")
	}
	return rules, nil
}

func (r *auditRules) approvedKeys() ([]string, error) {
	var arns []string
	for _, word := range r.approved {
		if strings.HasPrefix(word, "arn:") || strings.HasPrefix(word, "alias/") {
			key, err := fleet.ParseKeyARN(word)
			if err != nil {
				return nil, err
			}
			arns = append(arns, key)
			continue
		}
		listed, err := readKeys(word)
		if err != nil {
			return nil, err
		}
		arns = append(arns, listed...)
	}
	slices.Sort(arns)
	return slices.Compact(arns), nil
}

func readKeys(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("%w (keys are given by ARN or by a file of ARNs)", err)
	}
	defer func() { _ = f.Close() }()
	listed, err := fleet.ReadKeyARNs(f)
	if err == nil && len(listed) == 0 {
		err = fmt.Errorf("it names no key")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return listed, nil
}

// earlier reads the report to compare with, before anything is asked.
func (o *auditOptions) earlier(cmd *cobra.Command) (*v1alpha1.AuditReport, error) {
	if o.compare == "" {
		return nil, nil //nolint:nilnil // there is nothing to compare with
	}
	text, err := os.ReadFile(o.compare)
	if err != nil {
		return nil, usage(cmd, "--compare: %w", err)
	}
	r, err := fleet.ParseReport(text)
	if err != nil {
		return nil, usage(cmd, "--compare %s is no report of audit -o json or yaml: %w", o.compare, err)
	}
	return r, nil
}
