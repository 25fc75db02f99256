package audit

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// scopeOptions select the clusters to audit.
type scopeOptions struct {
	allContexts, allClusters bool
	scope                    fleet.Scope
	accounts                 []string // ids, and @FILE
	accountFiles             []v1alpha1.RuleFile
	tags                     []string

	filter fleet.Filter
	keys   fleet.KeyCache
}

func (s *scopeOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.allContexts, "all-contexts", false, "Every cluster of the kubeconfig, each once")
	f.BoolVar(&s.allClusters, "all-clusters", false,
		"Every cluster that EKS lists in --regions and --accounts; needs no kubeconfig")
	f.StringSliceVar(&s.scope.Regions, "regions", nil,
		"Regions for --all-clusters, or all for those that an account has enabled (default: the region of the AWS "+
			"configuration)")
	f.StringSliceVar(&s.scope.ExcludeRegions, "exclude-regions", nil,
		"Regions that --all-clusters leaves out, with * and ?")
	f.StringSliceVar(&s.accounts, "accounts", nil,
		"Accounts for --all-clusters, with --role-name (default: the caller's own); @FILE reads them from a file with "+
			"one account per line, each optionally with role=NAME and external-id=ID")
	f.BoolVar(&s.scope.Organization, "organization", false,
		"All active accounts of the AWS organization for --all-clusters, with --role-name")
	f.StringSliceVar(&s.scope.Units, "ou", nil,
		"Ids of organizational units for --all-clusters, with --role-name: their active accounts, and those of the "+
			"units below")
	f.StringSliceVar(&s.scope.ExcludeAccounts, "exclude-accounts", nil,
		"Accounts that --all-clusters leaves out, with * and ?")
	f.StringVar(&s.scope.RoleName, "role-name", "", "Name of the role to assume in each account")
	f.StringArrayVar(&s.tags, "tag", nil,
		"Only clusters with this tag: KEY=VALUE, with * and ?, or KEY; may be repeated, all must match")
	cmd.MarkFlagsMutuallyExclusive("all-contexts", "all-clusters")
	cmd.MarkFlagsMutuallyExclusive("accounts", "organization", "ou")
	cmdutil.CompleteFlag(cmd, "regions", fleet.AllRegions)
	for _, flag := range []string{"accounts", "ou", "exclude-regions", "exclude-accounts", "role-name", "tag"} {
		cmdutil.CompleteFlag(cmd, flag)
	}
}

// many reports whether more than the cluster of one context is audited.
func (s *scopeOptions) many() bool { return s.allContexts || s.allClusters }

func (s *scopeOptions) validate(changed func(flag string) bool) error {
	if !s.allClusters {
		for _, flag := range []string{
			"regions", "exclude-regions", "accounts", "organization", "ou", "exclude-accounts", "role-name",
		} {
			if changed(flag) {
				return cmdutil.UsageErrorf("--%s needs --all-clusters", flag)
			}
		}
	}
	if s.many() {
		for _, flag := range cmdutil.ConnectionFlags() {
			if changed(flag) {
				return cmdutil.UsageErrorf("--all-contexts and --all-clusters exclude --%s", flag)
			}
		}
	}
	if s.allContexts && changed("region") {
		return cmdutil.UsageErrorf("--all-contexts and --region exclude each other")
	}
	return nil
}

// readAccounts reads the files of --accounts and validates the scope. externalID is for the roles without one of their
// own.
func (s *scopeOptions) readAccounts(externalID string) error {
	if !s.allClusters {
		return nil
	}
	s.scope.Accounts, s.scope.Roles = nil, map[string]fleet.Role{}
	for _, word := range s.accounts {
		path, isFile := strings.CutPrefix(word, "@")
		if !isFile {
			s.scope.Accounts = append(s.scope.Accounts, word)
			continue
		}
		if err := s.readAccountsFile(path); err != nil {
			return cmdutil.UsageErrorf("--accounts @%s: %w", path, err)
		}
	}
	s.scope.ExternalID = externalID
	if err := s.scope.Validate(); err != nil {
		return cmdutil.UsageErrorf("%w", err)
	}
	return nil
}

func (s *scopeOptions) readAccountsFile(path string) error {
	text, file, err := readRuleFile("accounts", path)
	if err != nil {
		return err
	}
	ids, roles, err := fleet.ReadAccounts(bytes.NewReader(text))
	switch {
	case err != nil:
		return err
	case len(ids) == 0:
		return errors.New("the file contains no account")
	}
	for id, role := range roles {
		if other, seen := s.scope.Roles[id]; seen && other != role {
			return fmt.Errorf("account %s has another role in another file", id)
		}
		s.scope.Roles[id] = role
	}
	s.scope.Accounts = append(s.scope.Accounts, ids...)
	s.accountFiles = append(s.accountFiles, file)
	return nil
}

// newFilter returns the filter of --tag and, for many clusters, of the patterns in
// --cluster-name.
func (s *scopeOptions) newFilter(clusterNames string, many bool) (fleet.Filter, error) {
	var patterns []string
	if many {
		patterns = strings.Split(clusterNames, ",")
	}
	filter, err := fleet.NewFilter(patterns, s.tags)
	if err != nil {
		return filter, cmdutil.UsageErrorf("--cluster-name or --tag: %w", err)
	}
	return filter, nil
}

// firstRegion returns the first region of --regions, or "" if there is none.
func (s *scopeOptions) firstRegion() string {
	if len(s.scope.Regions) == 0 || s.scope.Regions[0] == fleet.AllRegions {
		return ""
	}
	return s.scope.Regions[0]
}

// gatherFromAWS audits the clusters that EKS lists.
func (o *options) gatherFromAWS(ctx context.Context,
	progress *output.Progress) (*fleet.Answers, v1alpha1.AuditScope, error) {
	scope := v1alpha1.AuditScope{
		Filters: o.filter.Conditions(), Organization: o.scope.Organization, OrganizationalUnits: o.scope.Units,
		ExcludedRegions: o.scope.ExcludeRegions, ExcludedAccounts: o.scope.ExcludeAccounts, RoleName: o.scope.RoleName,
		Shard: o.scope.Shard.String(), AllRegions: slices.Contains(o.scope.Regions, fleet.AllRegions),
	}
	b := o.factory.WithoutContext()
	b.Region = cmp.Or(b.Region, o.firstRegion())
	if err := o.factory.Connect(ctx, b); err != nil {
		return nil, scope, err
	}
	clients := b.AWS
	caller, err := cmdutil.Caller(ctx, b)
	if err != nil {
		return nil, scope, err
	}
	o.provenance = o.factory.Provenance(clients, &caller, nil)
	if err := o.checkCaller(o.provenance); err != nil {
		return nil, scope, err
	}
	gathered, err := fleet.Gather(ctx, fleet.Options{
		Clients: clients, Scope: o.scope, Filter: o.filter, MaxConcurrency: o.maxConcurrency, Earlier: o.resumed,
		Progress: func(p fleet.Progress) {
			if p.ClustersDone+p.Unreachable > 0 {
				progress.Show(progressLine(p))
			}
		},
	})
	if err != nil {
		return nil, scope, err
	}
	o.prepareImport(clients, gathered)
	if o.resumed != nil { // the clusters are in the result
		o.resumed.Items, o.resumed.Findings, o.resumed.OtherTools = nil, nil, nil
	}
	scope.Regions, scope.Accounts, scope.AccountNames = gathered.Regions, gathered.Accounts, gathered.AccountNames
	scope.Answered, scope.FilteredOut = gathered.Answered, gathered.FilteredOut
	return &fleet.Answers{
		Items: gathered.Items, Unreachable: gathered.Unreachable, Stopped: gathered.Stopped,
		EmptyShard: o.scope.Shard.Count > 0 && len(gathered.Accounts) == 0,
		Notes:      slices.Concat(cmdutil.SourceNotes(b.Target, clients), gathered.Notes, o.notes),
	}, scope, nil
}

func progressLine(p fleet.Progress) string {
	line := fmt.Sprintf("%d of %d clusters, %d of %d regions", p.ClustersDone, p.Clusters, p.RegionsDone, p.Regions)
	if p.Unreachable > 0 {
		line += fmt.Sprintf("; %d unreachable", p.Unreachable)
	}
	if p.Throttled > 0 {
		line += fmt.Sprintf("; %d throttled calls repeated", p.Throttled)
	}
	return line
}
