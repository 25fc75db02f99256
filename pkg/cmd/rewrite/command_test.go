package rewrite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// TestCommand checks that a printed command neither forgets nor adds objects.
func TestCommand(t *testing.T) {
	for _, test := range []struct {
		options sharedOptions
		want    string
	}{
		{sharedOptions{}, "kubectl eks-encrypt rewrite"},
		{sharedOptions{allResources: true}, "kubectl eks-encrypt rewrite --all-resources"},
		{
			sharedOptions{resources: []string{"secrets", "widgets.example.com"}, namespace: "pay"},
			"kubectl eks-encrypt rewrite --resources secrets --resources widgets.example.com -n pay",
		},
		{sharedOptions{selector: "app in (a, b)"}, "kubectl eks-encrypt rewrite -l 'app in (a, b)'"},
		{
			sharedOptions{noRecord: true, trustEndpoint: true},
			"kubectl eks-encrypt rewrite --no-record --trust-endpoint",
		},
	} {
		if got := test.options.command("rewrite"); got != test.want {
			t.Errorf("command = %q, want %q", got, test.want)
		}
	}
}

// TestInterrupted checks that Ctrl-C hides nothing else that a run has to report.
func TestInterrupted(t *testing.T) {
	disagree := hint.New("the API servers disagree", "wait")
	missing := options{sharedOptions: sharedOptions{evidence: cmdutil.EvidenceFlags{
		File: filepath.Join(t.TempDir(), "e.json"),
	}}}
	written := options{sharedOptions: sharedOptions{evidence: cmdutil.EvidenceFlags{File: t.TempDir()}}}
	const again = "run it again to continue: objects that are done are not written again"
	for _, test := range []struct {
		o          options
		err        error
		text, hint string
	}{
		{options{}, fmt.Errorf("list secrets: %w", context.Canceled), "interrupted", again},
		{missing, context.Canceled, "interrupted", again},
		{
			written, context.Canceled, "interrupted",
			"run it again with another --evidence file to continue: objects that are done are not written again",
		},
		{
			options{}, errors.Join(context.Canceled, disagree), "context canceled\nthe API servers disagree", "wait",
		},
	} {
		if err := test.o.interrupted(test.err); err.Error() != test.text || hint.Of(err) != test.hint {
			t.Errorf("interrupted(%v) = %v (%s), want %s (%s)", test.err, err, hint.Of(err), test.text, test.hint)
		}
	}
}
