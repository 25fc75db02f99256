package cmd

import (
	"fmt"
	"io"
	"runtime"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

func newVersion(f *cmdutil.Factory) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this plugin",
		Long:  `Shows the version of this plugin. Does not use the cluster or the network.`,
		Example: `  # The version
  kubectl eks-encrypt version

  # For a bug report
  kubectl eks-encrypt version -o yaml`,
		Args: cmdutil.NoArgs,
		RunE: cmdutil.Check(func(*cobra.Command, []string) error {
			v := &versionInfo{
				TypeMeta: v1alpha1.TypeMeta("Version"), ObjectMeta: metav1.ObjectMeta{Name: cmdutil.UserAgent},
				Version: f.Version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH,
			}
			return f.Print(v, func(w io.Writer, _ output.Colour, _ bool) error {
				_, err := fmt.Fprintf(w, "kubectl eks-encrypt %s (%s, %s)\n", v.Version, v.Go, v.Platform)
				return err
			})
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

// DeepCopyObject is needed by the printers of kubectl.
func (v *versionInfo) DeepCopyObject() k8sruntime.Object { c := *v; return &c }
