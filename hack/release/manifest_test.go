package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The tests run in this folder; the manifest is at the root of the repository.
const published = "../../" + manifestPath

func TestPublishedManifest(t *testing.T) {
	raw, err := os.ReadFile(published)
	if errors.Is(err, os.ErrNotExist) {
		t.Fatal("plugins/krew.yaml is missing: make dist krew")
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := Validate(raw, ""); err != nil {
		t.Error(err)
	}
}

// krew finds a plugin of a custom index under its own name only.
func TestIndexName(t *testing.T) {
	link, err := os.Readlink("../../plugins/eks-encrypt.yaml")
	if err != nil || link != "krew.yaml" {
		t.Errorf("plugins/eks-encrypt.yaml leads to %q (%v), want a relative link to krew.yaml", link, err)
	}
}

func rendered(t *testing.T) string {
	t.Helper()
	sums := map[string]string{}
	for i, p := range platforms {
		sums[p.archive("v1.2.3")] = strings.Repeat(fmt.Sprint(i+1), 63) + "a"
	}
	raw, err := Render("v1.2.3", sums)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestRenderedManifestIsValid(t *testing.T) {
	if err := Validate([]byte(rendered(t)), "v1.2.3"); err != nil {
		t.Error(err)
	}
}

func TestValidate(t *testing.T) {
	sumOf := func(i int) string { return strings.Repeat(fmt.Sprint(i), 63) + "a" }
	tests := map[string]struct{ old, new, want string }{
		"upper-case sha":    {sumOf(1), strings.ToUpper(sumOf(1)), "lower-case"},
		"zeros":             {sumOf(1), strings.Repeat("0", 64), "all zeros"},
		"short sha":         {sumOf(1), "12ab", "64 lower-case"},
		"same sha twice":    {sumOf(2), sumOf(1), "has the sha256 of linux/amd64"},
		"missing platform":  {"os: windows\n        arch: arm64", "os: windows\n        arch: amd64", "windows/arm64 is missing"},
		"unknown platform":  {"os: windows\n        arch: arm64", "os: linux\n        arch: s390x", "nothing is built for it"},
		"51 characters":     {"Manage KMS encryption of EKS Secrets", strings.Repeat("x", 51), "51 characters"},
		"full stop":         {"of EKS Secrets", "of EKS Secrets.", "full stop"},
		"unknown field":     {"  homepage:", "  license: x\n  homepage:", "unknown field"},
		"other version":     {"version: v1.2.3", "version: v1.2.4", "differs from the tag"},
		"no v":              {"version: v1.2.3", "version: 1.2.3", "want v and a semantic version"},
		"other os in uri":   {"v1.2.3_linux_amd64", "v1.2.3_darwin_amd64", "linux/amd64: uri"},
		"other version uri": {"download/v1.2.3/kubectl-eks_encrypt_v1.2.3_linux_arm64", "download/v1.2.2/kubectl-eks_encrypt_v1.2.3_linux_arm64", "linux/arm64: uri"},
		"http":              {"uri: https", "uri: http", "uri"},
		"no .exe":           {".exe", "", "want kubectl-eks_encrypt.exe"},
		"other name":        {"name: eks-encrypt", "name: krew", "is called eks-encrypt"},
		"other kind":        {"kind: Plugin", "kind: Plugins", "not a krew Plugin"},
		"long line":         {"    Says whether", "    " + strings.Repeat("Says whether ", 9), "longer than 80"},
		"no selector":       {"os: linux\n        arch: arm64", "arch: arm64", "want os and arch"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			text := rendered(t)
			if !strings.Contains(text, tt.old) {
				t.Fatalf("the manifest has no %q", tt.old)
			}
			err := Validate([]byte(strings.Replace(text, tt.old, tt.new, 1)), "v1.2.3")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestPackIsReproducibleAndFlat(t *testing.T) {
	dir := t.TempDir()
	files := []file{{"LICENSE", 0o644, []byte("free")}, {binary, 0o755, []byte("program")}}
	var packed [2][]byte
	for i := range packed {
		path := filepath.Join(dir, fmt.Sprint(i, ".tar.gz"))
		if err := pack(path, files); err != nil {
			t.Fatal(err)
		}
		packed[i], _ = os.ReadFile(path)
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("two packs of the same files differ")
	}
	zr, err := gzip.NewReader(bytes.NewReader(packed[0]))
	if err != nil {
		t.Fatal(err)
	}
	tr := tar.NewReader(zr)
	for i := 0; ; i++ {
		h, err := tr.Next()
		if err == io.EOF {
			if i != len(files) {
				t.Errorf("%d members, want %d", i, len(files))
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || h.Name != files[i].name || h.Mode != files[i].mode || !h.ModTime.Equal(stamp) {
			t.Errorf("member %+v", h)
		}
	}
}

func TestChecksums(t *testing.T) {
	dir := t.TempDir()
	if _, err := readChecksums(dir); err == nil || !strings.Contains(err.Error(), "make dist") {
		t.Errorf("without checksums: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.tar.gz"), []byte("abc"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeChecksums(dir); err != nil {
		t.Fatal(err)
	}
	sums, err := readChecksums(dir)
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; err != nil || sums["a.tar.gz"] != want {
		t.Errorf("got %v, %v, want %s", sums, err, want)
	}
}

// A manifest of other archives than those that were built is refused.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	for _, p := range platforms {
		if err := os.WriteFile(filepath.Join(dir, p.archive("v1.2.3")), []byte(p.OS+p.Arch), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeChecksums(dir); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "krew.yaml")
	if err := writeManifest(dir, "v1.2.3", path); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir, "v1.2.3", path); err != nil {
		t.Error(err)
	}
	if err := verify(dir, "v1.2.4", path); err == nil || !strings.Contains(err.Error(), "differs from the tag") {
		t.Errorf("another version: %v", err)
	}
	if err := os.WriteFile(filepath.Join(dir, platforms[0].archive("v1.2.3")), []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := writeChecksums(dir); err != nil {
		t.Fatal(err)
	}
	if err := verify(dir, "v1.2.3", path); err == nil || !strings.Contains(err.Error(), "not of these archives") {
		t.Errorf("another archive: %v", err)
	}
}

func TestLight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := light(path, maxBinary); err != nil {
		t.Error(err)
	}
	if err := light(path, maxBinary+1); err == nil {
		t.Error("a heavy program passed")
	}
	if err := os.Truncate(path, maxArchive+1); err != nil {
		t.Fatal(err)
	}
	if err := light(path, 1); err == nil {
		t.Error("a heavy archive passed")
	}
}
