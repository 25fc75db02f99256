package output

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

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
