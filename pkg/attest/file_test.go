package attest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "e.json")
	must(t, CheckPath(path))
	must(t, WriteFile(path, []byte("first")))
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, error = %v, want 0600", info.Mode(), err)
	}
	link := filepath.Join(dir, "link.json")
	must(t, os.Symlink(filepath.Join(dir, "nowhere"), link))
	for path, want := range map[string]string{
		path: "never overwritten", link: "never overwritten", filepath.Join(dir, "no", "e.json"): "is not a directory",
		filepath.Join(path, "e.json"): "is not a directory",
	} {
		for name, err := range map[string]error{"CheckPath": CheckPath(path), "WriteFile": WriteFile(path, []byte("x"))} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s(%s) = %v, want %q", name, path, err, want)
			}
		}
	}
	if text, err := os.ReadFile(path); string(text) != "first" || err != nil {
		t.Errorf("content = %s, error = %v, want it unchanged", text, err)
	}
	if files, err := os.ReadDir(dir); len(files) != 2 || err != nil {
		t.Errorf("files = %v, error = %v, want no temporary file", files, err)
	}
}
