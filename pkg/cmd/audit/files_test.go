package audit

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
)

// A report belongs to its user. Only the metrics are for others: node-exporter runs as another user.
func TestFileModes(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	dir := t.TempDir()
	want := map[string]os.FileMode{"a.json": 0o600, "a.html": 0o600, "a.prom": 0o644}
	var flags []string
	for name := range want {
		flags = append(flags, filepath.Join(dir, name))
	}
	files, err := openFiles(flags)
	if err != nil {
		t.Fatal(err)
	}
	defer files.discard()
	r := &v1alpha1.AuditReport{TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport)}
	if err := files.write(r, report.Options{}); err != nil {
		t.Fatal(err)
	}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != mode {
			t.Errorf("mode of %s = %s, want %s", name, info.Mode(), mode)
		}
	}
}
