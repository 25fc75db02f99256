package audit

import (
	"slices"
	"testing"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
)

// Every flag either works with --from or is refused: a flag that --from ignores would promise something.
func TestFromKnowsEveryFlag(t *testing.T) {
	works := []string{
		"from", "controls", "require", "standard", "approved-keys", "waivers", "max-waiver-days", "compare", "fail-on",
		"output-file", "sarif-category", "sarif-suppressed", "evidence", "sign-with",
	}
	cmd := NewCmd(&cmdutil.Factory{IOStreams: genericiooptions.NewTestIOStreamsDiscard()})
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if refused := slices.Contains(scopeFlags(), f.Name); refused == slices.Contains(works, f.Name) {
			t.Errorf("--%s: with --from, it is refused: %v; add it to scopeFlags or to the flags that work", f.Name, refused)
		}
	})
}
