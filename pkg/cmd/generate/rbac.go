package generate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/documents"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
)

func newRBACCmd(f *cmdutil.Factory) *cobra.Command {
	var o documents.RBACOptions
	var user, group, account string
	cmd := newDocumentCmd("rbac", "Print the Kubernetes roles that verify and rewrite need",
		`Prints ClusterRole, Role and bindings for verify and rewrite: list and patch on the
resources, the Leases and metrics of the API servers, and access to the record in
ConfigMap kube-system/eks-encrypt. Only --metrics has get. Note that patch lets its
holder change Secrets, but not read them.

Sends no request, except for --all-resources: it lists the resources that the cluster
behind the kube context stores, without their subresources. If the cluster cannot be
reached, the role is for every resource, and its first line is a warning.`,
		`  # For a group of the cluster's access entries
  kubectl eks-encrypt generate rbac --group encryption-operators | kubectl apply -f -

  # Read-only
  kubectl eks-encrypt generate rbac --read-only --for-user auditor`,
		func(cmd *cobra.Command, _ []string) error {
			subjects := 0
			for kind, name := range map[string]string{"User": user, "Group": group, "ServiceAccount": account} {
				if name != "" {
					o.Kind, o.Subject = kind, name
					subjects++
				}
			}
			if subjects != 1 {
				return cmdutil.UsageErrorf("specify exactly one of --for-user, --group or --service-account")
			}
			if _, err := documents.RBAC(o); err != nil {
				return cmdutil.UsageErrorf("%w", err)
			}
			if o.AllResources {
				o.Discovered = discover(cmd.Context(), f)
			}
			text, err := documents.RBAC(o)
			if err != nil {
				return err
			}
			return f.PrintDocument(text)
		})
	cmd.Args = cmdutil.NoArgs
	flags := cmd.Flags()
	flags.StringVar(&o.Name, "name", "eks-encrypt", "Name of the roles and bindings")
	flags.StringVar(&user, "for-user", "", "User that gets the permissions")
	flags.StringVar(&group, "group", "", "Group that gets the permissions")
	flags.StringVar(&account, "service-account", "", "Service account that gets the permissions, NAMESPACE/NAME")
	flags.BoolVar(&o.ReadOnly, "read-only", false, "For verify without --sample and --probe: only list")
	flags.BoolVar(&o.Metrics, "metrics", false, "For verify --by-metrics: get and list, and no write")
	flags.BoolVar(&o.AllResources, "all-resources", false,
		"For --all-resources: list the resources that the cluster stores")
	return cmd
}

// discoveryTimeout limits the time for the resources of a cluster that does not answer.
const discoveryTimeout = 15 * time.Second

// discover returns the resources that the cluster stores, or none if it cannot be reached.
func discover(ctx context.Context, f *cmdutil.Factory) (found []schema.GroupResource) {
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	b, _ := f.Bind("") // only the connection matters, not which EKS cluster it leads to
	var discovered rewriter.Discovery
	config, err := b.REST()
	if err == nil {
		discovered, err = rewriter.Discover(ctx, config, nil)
	}
	if err != nil {
		f.Warn(fmt.Errorf("the role is for every resource, because those of the cluster are unknown: %w", err))
	}
	for _, text := range discovered.Notes {
		note(f, "%s", text)
	}
	for _, r := range discovered.Resources {
		if !strings.Contains(r.Resource, "/") { // a subresource
			found = append(found, r.GroupResource())
		}
	}
	return found
}
