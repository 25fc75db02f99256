package output

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8sruntime "k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/printers"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// TestStream checks that JSON and YAML that are written in pieces have the same bytes as kubectl's printers write.
func TestStream(t *testing.T) {
	words := append(hostile.Values(), "word", strings.Repeat("a long text that YAML folds ", 20), "- a: b", "yes", "1")
	for _, word := range words {
		for _, obj := range everywhere(word) {
			if audit, ok := obj.(*v1alpha1.AuditReport); ok {
				audit.Items = append(audit.Items, audit.Items[0], v1alpha1.EncryptionReport{})
				audit.Findings = []v1alpha1.Finding{}
			}
			var want bytes.Buffer
			if err := (&printers.JSONPrinter{}).PrintObj(obj, &want); err != nil {
				t.Fatal(err)
			}
			compare(t, fmt.Sprintf("%T as JSON", obj), printed(t, "json", obj), string(sanitize.JSON(want.Bytes())))

			want.Reset()
			if err := printClean(&want, &printers.YAMLPrinter{}, obj); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(want.String(), "\r\n", "\n")
			compare(t, fmt.Sprintf("%T as YAML", obj), printed(t, "yaml", obj), strings.Map(sanitize.MultiLine, text))
		}
	}
	if err := NewFormat("json").Print(&bytes.Buffer{}, &v1alpha1.AuditReport{}); err == nil {
		t.Error("an object without a kind was printed")
	}
}

func compare(t *testing.T, what, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s: line %d = %q, want %q", what, i, a[i], b[i])
			return
		}
	}
	t.Errorf("%s: %d lines, want %d", what, len(a), len(b))
}

// part is an element of a list that cannot be encoded if it is broken.
type part struct {
	Broken bool `json:"broken"`
}

func (p part) MarshalJSON() ([]byte, error) {
	if p.Broken {
		return nil, errors.New("the part is broken")
	}
	return []byte(`{"whole": "yes"}`), nil
}

type parts struct {
	metav1.TypeMeta `json:",inline"`
	Items           []part `json:"items"`
}

func (p *parts) DeepCopyObject() k8sruntime.Object { return &parts{p.TypeMeta, slices.Clone(p.Items)} }

// TestStreamParts compares a long list with its serial form, and checks that the error of an element and that of the
// writer end the text, which is correct until then.
func TestStreamParts(t *testing.T) {
	obj := &parts{metav1.TypeMeta{Kind: "Parts"}, make([]part, 1000)}
	for format, serial := range map[string]printers.ResourcePrinter{
		"json": &printers.JSONPrinter{}, "yaml": &printers.YAMLPrinter{},
	} {
		obj.Items[500].Broken = false
		var whole, want bytes.Buffer
		if err := errors.Join(NewFormat(format).Print(&whole, obj), serial.PrintObj(obj, &want)); err != nil {
			t.Fatal(err)
		}
		compare(t, format, whole.String(), want.String())
		for _, size := range []int{0, 1, whole.Len() / 2, whole.Len() - 1} {
			w := &fullWriter{size: size}
			if err := NewFormat(format).Print(w, obj); !errors.Is(err, errFull) {
				t.Errorf("%s to a writer of %d bytes: %v", format, size, err)
			}
			if !strings.HasPrefix(whole.String(), w.String()) {
				t.Errorf("%s to a writer of %d bytes wrote %q", format, size, w)
			}
		}
		obj.Items[500].Broken = true
		var begin bytes.Buffer
		if err := NewFormat(format).Print(&begin, obj); err == nil || !strings.Contains(err.Error(), "broken") {
			t.Errorf("%s with a broken part: %v", format, err)
		}
		if text := begin.String(); !strings.HasPrefix(whole.String(), text) || strings.Count(text, "yes") != 500 {
			t.Errorf("%s with a broken part: %d parts before it, want 500", format, strings.Count(text, "yes"))
		}
	}
}

var errFull = errors.New("the writer is full")

// fullWriter keeps up to size bytes.
type fullWriter struct {
	bytes.Buffer
	size int
}

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.Len()+len(p) > w.size {
		n, _ := w.Buffer.Write(p[:w.size-w.Len()])
		return n, errFull
	}
	return w.Buffer.Write(p)
}
