package cli

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

func newVersion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Show the version of this plugin",
		GroupID: groupOther,
		Long:    `Shows the version of this plugin. Touches neither the cluster nor the network.`,
		Example: `  # The version
  kubectl eks-encrypt version

  # For a bug report
  kubectl eks-encrypt version -o yaml`,
		Args: noArgs,
		RunE: check(func(*cobra.Command, []string) error {
			if !g.format.ForPeople() {
				return g.format.Print(g.Out, &versionInfo{
					TypeMeta: v1alpha1.TypeMeta("Version"), ObjectMeta: metav1.ObjectMeta{Name: userAgent},
					Version: g.version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(g.Out, "kubectl eks-encrypt %s (%s, %s/%s)\n", g.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		}),
	}
}

type versionInfo struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Version  string `json:"version"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// DeepCopyObject makes it printable by the kubectl printers.
func (v *versionInfo) DeepCopyObject() k8sruntime.Object { c := *v; return &c }
