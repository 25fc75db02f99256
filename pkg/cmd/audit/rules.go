package audit

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// rulesOptions select the controls, the approved keys and the waivers.
type rulesOptions struct {
	controls []string
	require  string
	approved []string
	waivers  string
}

func (r *rulesOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&r.controls, "controls", nil, "Controls that decide, for instance ENC-1,ENC-3")
	f.StringVar(&r.require, "require", "",
		"Controls that decide, by requirement: envelope (any key) or cmk (customer-managed key)")
	f.StringSliceVar(&r.approved, "approved-keys", nil,
		"ARNs of approved keys, or files with one ARN per line; aliases are refused")
	f.StringVar(&r.waivers, "waivers", "", "YAML file of accepted findings, each with an owner and an expiry date")
	cmd.MarkFlagsMutuallyExclusive("controls", "require")
	cmdutil.CompleteFlag(cmd, "controls", fleet.ControlIDs()...)
	cmdutil.CompleteFlag(cmd, "require", encryption.Requirements()...)
}

// readRules reads the files of the flags. data reports whether the data is verified.
func (r *rulesOptions) readRules(data bool) (fleet.Rules, error) {
	rules := fleet.Rules{}
	require, err := encryption.ParseRequirement(r.require)
	if err != nil {
		return rules, cmdutil.UsageErrorf("%w", err)
	}
	if rules.Approved, err = r.readApprovedKeys(); err != nil {
		return rules, cmdutil.UsageErrorf("--approved-keys: %w", err)
	}
	if r.waivers != "" {
		text, err := os.ReadFile(r.waivers)
		if err != nil {
			return rules, cmdutil.UsageErrorf("--waivers: %w", err)
		}
		if rules.Waivers, err = fleet.ParseWaivers(text); err != nil {
			return rules, cmdutil.UsageErrorf("--waivers %s: %w", r.waivers, err)
		}
	}
	rules.Controls = fleet.DefaultControls(require, len(rules.Approved) > 0, data)
	if len(r.controls) > 0 {
		if rules.Controls, err = fleet.ParseControls(r.controls); err != nil {
			return rules, cmdutil.UsageErrorf("--controls: %w", err)
		}
	}
	switch {
	case slices.Contains(rules.Controls, "ENC-6") && len(rules.Approved) == 0:
		return rules, cmdutil.UsageErrorf("--controls ENC-6 needs --approved-keys")
	case slices.Contains(rules.Controls, "ENC-5") && !data:
		return rules, cmdutil.UsageErrorf("--controls ENC-5 needs --verify-data")
	}
	return rules, nil
}

func (r *rulesOptions) readApprovedKeys() ([]string, error) {
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
		return nil, fmt.Errorf("%w (give the ARN of a key, or a file of ARNs)", err)
	}
	defer func() { _ = f.Close() }()
	listed, err := fleet.ReadKeyARNs(f)
	if err == nil && len(listed) == 0 {
		err = errors.New("the file contains no key")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return listed, nil
}

// readEarlier reads the report of --compare; nil without the flag.
func (o *options) readEarlier() (*v1alpha1.AuditReport, error) {
	if o.compare == "" {
		return nil, nil //nolint:nilnil // there is no earlier report
	}
	text, err := os.ReadFile(o.compare)
	if err != nil {
		return nil, cmdutil.UsageErrorf("--compare: %w", err)
	}
	r, err := fleet.ParseReport(text)
	if err != nil {
		return nil, cmdutil.UsageErrorf("--compare %s is not a report of audit -o json or yaml: %w", o.compare, err)
	}
	return r, nil
}
