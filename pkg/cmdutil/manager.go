package cmdutil

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/dynamic"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/association"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/iac"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
)

// ownerTimeout limits the search for the object that manages the cluster. The search
// only adds detail, and the API server may not be reachable.
const ownerTimeout = 5 * time.Second

// ManagedByFlag is --managed-by: the infrastructure tool that manages the cluster.
type ManagedByFlag struct{ Tool string }

// AddTo adds the flag to cmd.
func (m *ManagedByFlag) AddTo(cmd *cobra.Command) {
	names := managers()
	cmd.Flags().StringVar(&m.Tool, "managed-by", "",
		"The tool that manages the cluster, if its tags do not name it: "+strings.Join(names, ", "))
	CompleteFlag(cmd, "managed-by", names...)
}

// Validate refuses an unknown tool.
func (m *ManagedByFlag) Validate() error {
	if _, ok := iac.ParseManagedBy(m.Tool); m.Tool != "" && !ok {
		return UsageErrorf("--managed-by %q is not a known tool: use one of %s", m.Tool, strings.Join(managers(), ", "))
	}
	return nil
}

// detect returns the tool that the flag and the cluster's tags name.
func (m *ManagedByFlag) detect(tags map[string]string) v1alpha1.ManagedBy {
	if named, ok := iac.ParseManagedBy(m.Tool); ok {
		return iac.Detect(tags, named)
	}
	return iac.Detect(tags)
}

func managers() (names []string) {
	for _, tool := range iac.Tools() {
		names = append(names, strings.ToLower(string(tool)))
	}
	return append(names, string(iac.FormTerraformModule), "opentofu", "terragrunt")
}

// OwnerFinder returns a function that finds the objects that manage a cluster, in the
// cluster that kubectl is connected to. It returns nil without a connection.
func OwnerFinder(b *binding.Binding) func(ctx context.Context, clusterARN string) []iac.Owner {
	config, err := b.REST()
	if err != nil {
		return nil
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil
	}
	return func(ctx context.Context, clusterARN string) []iac.Owner {
		ctx, cancel := context.WithTimeout(ctx, ownerTimeout)
		defer cancel()
		return iac.FindOwners(ctx, client, clusterARN)
	}
}

// AssociationSources returns the clients that association.Gather reads its facts from.
func AssociationSources(b *binding.Binding, managedBy ManagedByFlag) association.Sources {
	return association.Sources{
		EKS: eks.New(b.AWS.EKS()), KMS: b.AWS.KMS(b.Region), ManagedBy: managedBy.detect, Owners: OwnerFinder(b),
		Guard: func(ctx context.Context, live eks.Cluster) v1alpha1.GuardResult {
			guard := b.Check(ctx, inspect.Described(live))
			if guard.Result != v1alpha1.GuardMismatch {
				_ = b.Found(live.ARN) // printed commands name the ARN
			}
			return guard
		},
	}
}
