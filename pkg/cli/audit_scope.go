package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// auditScope is which clusters to ask about.
type auditScope struct {
	allContexts, allClusters bool
	aws                      fleet.Scope
	tags                     []string

	filter  fleet.Filter // once validated
	updates bool         // ask for associations under way: before writing, they matter
	cache   fleet.KeyCache
}

func (s *auditScope) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.allContexts, "all-contexts", false, "Every cluster of the kubeconfig, each once")
	f.BoolVar(&s.allClusters, "all-clusters", false, "Every cluster that EKS lists in --regions and --accounts; needs no kubeconfig")
	f.StringSliceVar(&s.aws.Regions, "regions", nil, "Regions for --all-clusters, or all for those that an account has enabled; the AWS configuration's without it")
	f.StringSliceVar(&s.aws.Accounts, "accounts", nil, "Accounts for --all-clusters, with --role-name; the caller's own without it")
	f.BoolVar(&s.aws.Organization, "organization", false, "All active accounts of the AWS organization for --all-clusters, with --role-name")
	f.StringVar(&s.aws.RoleName, "role-name", "", "Name of the role to assume in each account")
	f.StringArrayVar(&s.tags, "tag", nil, "Only clusters with this tag: KEY=VALUE, with * and ?, or KEY; all must hold if repeated")
	cmd.MarkFlagsMutuallyExclusive("all-contexts", "all-clusters")
	cmd.MarkFlagsMutuallyExclusive("accounts", "organization")
	register(cmd, "regions", cobra.FixedCompletions([]string{fleet.AllRegions}, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"accounts", "role-name", "tag"} {
		register(cmd, flag, cobra.NoFileCompletions)
	}
}

func (s *auditScope) validate(cmd *cobra.Command, g *globals) (err error) {
	changed := cmd.Flags().Changed
	if !s.allClusters {
		for _, flag := range []string{"regions", "accounts", "organization", "role-name"} {
			if changed(flag) {
				return usage(cmd, "--%s needs --all-clusters", flag)
			}
		}
	}
	if s.allContexts || s.allClusters {
		for _, flag := range []string{"context", "cluster", "server"} {
			if changed(flag) {
				return usage(cmd, "--all-contexts and --all-clusters exclude --%s", flag)
			}
		}
	}
	if s.allClusters {
		if err := s.aws.Validate(); err != nil {
			return usage(cmd, "%w", err)
		}
	}
	var names []string
	if s.allContexts || s.allClusters { // patterns; else the name of the one cluster
		names, g.aws.clusterName = strings.Split(g.aws.clusterName, ","), ""
	}
	if s.filter, err = fleet.NewFilter(names, s.tags); err != nil {
		return usage(cmd, "--cluster-name or --tag: %w", err)
	}
	return nil
}

// byAWS asks AWS which clusters there are.
func (s *auditScope) byAWS(ctx context.Context, g *globals, concurrency int, progress *output.Progress) (*fleet.Answers, v1alpha1.AuditScope, error) {
	scope := v1alpha1.AuditScope{Filters: s.filter.Words(), Organization: s.aws.Organization}
	t := binding.Target{Region: g.aws.region, Credentials: binding.Credentials{
		Profile: g.aws.profile, RoleARN: g.aws.roleARN, EndpointURL: g.aws.endpointURL,
	}}
	if t.Region == "" && len(s.aws.Regions) > 0 && s.aws.Regions[0] != fleet.AllRegions {
		t.Region = s.aws.Regions[0]
	}
	clients, err := g.connect(ctx, &t)
	if err != nil {
		return nil, scope, err
	}
	gathered, err := fleet.Gather(ctx, fleet.Options{
		Clients: clients, Scope: s.aws, Filter: s.filter, MaxConcurrency: concurrency,
		Progress: func(p fleet.Progress) {
			if p.ClustersDone+p.Unreachable > 0 { // before, there is nothing to say
				progress.Show(auditLine(p))
			}
		},
	})
	if err != nil {
		return nil, scope, err
	}
	scope.Regions, scope.Accounts = gathered.Regions, gathered.Accounts
	return &fleet.Answers{
		Items: gathered.Items, Unreachable: gathered.Unreachable,
		Notes: append(provenance(binding.Target{}, clients), gathered.Notes...),
	}, scope, nil
}

func auditLine(p fleet.Progress) string {
	line := fmt.Sprintf("%d of %d clusters, %d of %d regions", p.ClustersDone, p.Clusters, p.PlacesDone, p.Places)
	if p.Unreachable > 0 {
		line += fmt.Sprintf("; %d could not be asked", p.Unreachable)
	}
	if p.Throttled > 0 {
		line += fmt.Sprintf("; %d calls throttled and repeated", p.Throttled)
	}
	return line
}

// byContexts asks about the cluster behind each kube context, or behind the one.
func (s *auditScope) byContexts(ctx context.Context, g *globals, progress *output.Progress) (*fleet.Answers, v1alpha1.AuditScope, error) {
	names := []string{""}
	if s.allContexts {
		names = g.contexts()
	}
	scope := v1alpha1.AuditScope{Filters: s.filter.Words()}
	if t, err := g.target(""); len(names) == 0 || !s.allContexts {
		if notEKS := new(binding.NotEKSError); err != nil && !errors.As(err, &notEKS) {
			return nil, scope, hinted(err, "audit --all-clusters needs no kubeconfig")
		}
		names = []string{t.Context}
	}
	scope.Contexts = names
	var mu sync.Mutex
	var answers fleet.Answers
	done, leftOut := 0, 0
	results := make([]*inspect.Result, len(names))
	var all errgroup.Group
	all.SetLimit(contextsAtOnce)
	for i, name := range names {
		all.Go(func() error {
			result := s.context(ctx, g, name)
			mu.Lock()
			defer mu.Unlock()
			done++
			switch {
			case result.Report.Cluster.Name == "" && result.Err != nil:
				answers.Unreachable = append(answers.Unreachable, v1alpha1.Unreachable{Context: name, Reason: result.Err.Error()})
			case !s.filter.Name(result.Report.Cluster.Name), result.Err == nil && !s.filter.Tags(result.Tags):
				leftOut++
			default:
				results[i] = &result
			}
			if len(names) > 1 {
				progress.Show(fmt.Sprintf("%d of %d contexts", done, len(names)))
			}
			return nil
		})
	}
	_ = all.Wait()
	for _, result := range results {
		if result != nil {
			answers.Items = append(answers.Items, result.Report)
		}
	}
	answers.Items = distinct(answers.Items)
	if leftOut > 0 {
		answers.Notes = append(answers.Notes, fmt.Sprintf("%d contexts were left out by --cluster-name or --tag", leftOut))
	}
	return &answers, scope, ctx.Err()
}

// context asks about the cluster behind one context, as kubectl acts there.
func (s *auditScope) context(ctx context.Context, g *globals, name string) inspect.Result {
	t, err := g.target(name)
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return inspect.Result{Report: inspect.NotEKS(notEKS)}
	}
	if err != nil {
		return inspect.Result{Report: inspect.Unknown(binding.Target{Context: name, Name: t.Name}, err), Err: err}
	}
	clients, err := g.connect(ctx, &t)
	if err != nil {
		return inspect.Result{Report: inspect.Unknown(t, err), Err: err}
	}
	clients = clients.Patient(nil)
	asker := strings.Join([]string{t.Account, t.Credentials.Profile, t.Credentials.RoleARN, t.Credentials.Env["AWS_PROFILE"]}, "|")
	ask := inspect.KeyFrom(func(region string) kms.Reader { return clients.KMS(region) })
	result := inspect.Cluster(ctx, inspect.Source{
		EKS: eks.New(clients.EKS()), WithoutUpdates: !s.updates,
		Key: func(ctx context.Context, keyARN string) inspect.KeyFacts {
			return s.cache.Facts(ctx, asker, keyARN, ask)
		},
	}, t)
	result.Report.Notes = append(result.Report.Notes, provenance(t, clients)...)
	return result
}
