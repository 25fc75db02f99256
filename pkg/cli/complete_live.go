package cli

import (
	"context"
	"encoding/json"
	"net/url"
	"sort"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kube"
)

// What a completion may ask AWS and the API server is bounded: a shell without a
// proposal is better than one that hangs. The API server gets longer, since the
// command that makes the token must start first.
const (
	awsTime = 3 * time.Second
	apiTime = 10 * time.Second
)

// proposals makes a completion of what list finds. What it can't find out it
// leaves out: a completion has no way to say an error.
func (g *globals) proposals(most time.Duration, list func(ctx context.Context, quiet *globals) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		ctx, cancel := context.WithTimeout(cmd.Context(), most)
		defer cancel()
		quiet := *g
		quiet.In = strings.NewReader("") // nobody is asked for an MFA code
		return withPrefix(list(ctx, &quiet), prefix), cobra.ShellCompDirectiveNoFileComp
	}
}

// withPrefix sorts the values that begin with the prefix, each once.
func withPrefix(values []string, prefix string) []string {
	seen := map[string]bool{"": true}
	kept := []string{}
	for _, v := range values {
		if !seen[v] && strings.HasPrefix(v, prefix) {
			kept = append(kept, v)
		}
		seen[v] = true
	}
	sort.Strings(kept)
	return kept
}

// contextTargets are the EKS clusters that the contexts of the kubeconfig lead to.
func (g *globals) contextTargets() []binding.Target {
	var found []binding.Target
	for _, name := range g.contexts() {
		if t, err := g.target(name); err == nil {
			found = append(found, t)
		}
	}
	return found
}

// clusterNames are those of the kubeconfig, and those of the region if EKS tells.
func clusterNames(ctx context.Context, g *globals) []string {
	g.aws.clusterName = "" // half a name is no name
	var names []string
	for _, t := range g.contextTargets() {
		names = append(names, t.Name)
	}
	if clients, _, err := g.place(ctx); err == nil {
		more, _ := eks.New(clients.EKS()).ClusterNames(ctx) // what came before an error is good
		names = append(names, more...)
	}
	return names
}

// regions are those of the kubeconfig, and those that AWS has.
func regions(_ context.Context, g *globals) []string {
	g.aws.region = ""
	names := binding.Regions()
	for _, t := range g.contextTargets() {
		names = append(names, t.Region)
	}
	return names
}

// keyAliases are the customer's, in the cluster's region.
func keyAliases(ctx context.Context, g *globals) []string {
	clients, where, err := g.place(ctx)
	if err != nil {
		return nil
	}
	names, _ := kms.AliasNames(ctx, clients.KMS(where.Region))
	return names
}

// namespaces are those that the API server lists.
func namespaces(ctx context.Context, g *globals) []string {
	config, err := g.rest()
	if err != nil {
		return nil
	}
	client, err := kube.New(config)
	if err != nil {
		return nil
	}
	raw, err := client.Get(ctx, "/api/v1/namespaces", url.Values{"limit": {"500"}})
	var list struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err != nil || json.Unmarshal(raw, &list) != nil {
		return nil
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Metadata.Name)
	}
	return names
}

// completeKey proposes aliases for the argument KEY, which is there once.
func (g *globals) completeKey() cobra.CompletionFunc {
	complete := g.proposals(awsTime, keyAliases)
	return func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return complete(cmd, args, prefix)
	}
}
