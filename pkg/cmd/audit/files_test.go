package audit

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
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
	files, err := parseFiles(flags)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("before the audit, the directory has %v, %v, want nothing", left, err)
	}
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

// Two names of one file are found before the audit begins. Afterwards one report would replace the other.
func TestSameFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := errors.Join(os.Mkdir("real", 0o700), os.Symlink("real", "link")); err != nil {
		t.Skip(err)
	}
	for _, test := range []struct {
		a, b string
		same bool
	}{
		{"a.json", "./a.json", true}, {"a.json", filepath.Join(dir, "a.json"), true}, {"a.json", "yaml=real/../a.json", true},
		{"real/a.json", "link/a.json", true}, {"asff=out/", "asff=./out/", true}, {"asff=out/", "json=out", true},
		{"a.json", "a.html", false}, {"a.json", "real/a.json", false}, {"real/a.json", "link/b.json", false},
	} {
		_, err := parseFiles([]string{test.a, test.b})
		if err != nil && !strings.Contains(err.Error(), "given twice") || (err != nil) != test.same {
			t.Errorf("parseFiles(%s, %s) = %v, want the same file: %v", test.a, test.b, err, test.same)
		}
		if _, err := os.Stat("out"); err == nil && os.Remove("out") != nil {
			t.Fatal("the directory is not empty")
		}
	}
}
