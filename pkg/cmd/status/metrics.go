package status

import (
	"io"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// Formats returns the values of -o that only status has.
func Formats() []string { return []string{report.OpenMetrics} }

// print writes obj, which holds the reports items, in the format of -o. text writes the format for people.
func (o *Options) print(obj runtime.Object, items []v1alpha1.EncryptionReport,
	text func(w io.Writer, colour output.Colour, wide bool) error) error {
	if o.factory.Format.String() != report.OpenMetrics {
		return o.factory.Print(obj, text)
	}
	now := time.Now()
	return report.WriteStatus(o.factory.Out, items, fleet.GroupByKey(items, now), now)
}
