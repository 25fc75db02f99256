package output

import (
	"bytes"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

func TestWrap(t *testing.T) {
	for _, test := range []struct {
		text, indent string
		width        int
		want         string
	}{
		{"", "  ", 10, ""},
		{"one two three", "", 0, "one two three"},
		{"one two three", "", 9, "one two\nthree"},
		{"one two three averyveryverylongword four", "  ", 12, "  one two\n  three\n  averyveryverylongword\n  four"},
		{"a arn:aws:kms:eu-west-1:111122223333:key/1 b", "", 12, "a\narn:aws:kms:eu-west-1:111122223333:key/1\nb"},
		{"世界 世界 世界", "", 9, "世界 世界\n世界"},
		{"red \x1b[2J\ntext", "", 7, "red\n\uFFFD[2J\ntext"},
		{"run kubectl eks-encrypt associate K --context c now; then wait", "", 20,
			"run\nkubectl eks-encrypt associate K --context c now;\nthen wait"},
		{"see 'kubectl eks-encrypt keys' for all the keys", "", 16,
			"see\n'kubectl eks-encrypt keys'\nfor all the keys"},
		{"a (aws kms create-alias --a b); or another one", "", 16,
			"a\n(aws kms create-alias --a b);\nor another one"},
		{"kubectl uses the endpoint of another cluster", "", 20, "kubectl uses the\nendpoint of another\ncluster"},
	} {
		if got := Wrap(test.text, test.indent, test.width); got != test.want {
			t.Errorf("Wrap(%q, %d) =\n%s\nwant\n%s", test.text, test.width, got, test.want)
		}
	}
}

// FuzzWrap checks that Wrap drops only spaces and exceeds the width only by a single word.
func FuzzWrap(f *testing.F) {
	f.Add("see 'kubectl eks-encrypt keys', or aws kms create-key --x; then more", 20)
	f.Add("a (kubectl get x) b", 3)
	f.Fuzz(func(t *testing.T, text string, width int) {
		got := Wrap(text, "", width)
		if a, b := strings.Fields(got), strings.Fields(sanitize.Line(text)); strings.Join(a, " ") != strings.Join(b, " ") {
			t.Errorf("Wrap(%q, %d) = %q, want the same words", text, width, got)
		}
		for line := range strings.Lines(got) {
			line = strings.TrimSuffix(line, "\n")
			if width > 0 && ansi.StringWidth(line) > width && len(words(line)) > 1 && !command.MatchString(line) {
				t.Errorf("Wrap(%q, %d) has the line %q", text, width, line)
			}
		}
	})
}

func TestWidth(t *testing.T) {
	if got := Width(sanitize.NewWriter(&bytes.Buffer{})); got != 0 {
		t.Errorf("Width of a buffer = %d, want 0", got)
	}
}
