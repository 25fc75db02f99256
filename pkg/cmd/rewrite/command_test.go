package rewrite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/rewriter"
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

// TestInNamespace checks that -n writes nothing outside of its namespace.
func TestInNamespace(t *testing.T) {
	roles := rewriter.Resource{GroupVersionResource: schema.GroupVersionResource{Resource: "clusterroles"}}
	all := []rewriter.Resource{rewriter.Secrets(), roles}
	for _, test := range []struct {
		o     sharedOptions
		count int
		fails bool
	}{
		{sharedOptions{allResources: true}, 2, false},
		{sharedOptions{allResources: true, namespace: "pay"}, 1, false},
		{sharedOptions{resources: []string{"secrets", "clusterroles"}}, 2, false},
		{sharedOptions{resources: []string{"secrets", "clusterroles"}, namespace: "pay"}, 0, true},
	} {
		if got, err := test.o.inNamespace(all); len(got) != test.count || (err != nil) != test.fails {
			t.Errorf("%+v: inNamespace = %v, %v; want %d, error %t", test.o, got, err, test.count, test.fails)
		}
	}
}
