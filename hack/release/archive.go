package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"
)

// file is one member of an archive.
type file struct {
	name    string
	mode    int64
	content []byte
}

// stamp is the time of every member, so that it says nothing of the build.
var stamp = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// pack writes a flat tar.gz of regular files: krew refuses links.
func pack(path string, files []file) error {
	var b bytes.Buffer
	zw, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.content)),
			ModTime: stamp, Format: tar.FormatUSTAR,
		}
		if err := tw.WriteHeader(header); err != nil {
			return fmt.Errorf("packing %s: %w", path, err)
		}
		if _, err := tw.Write(f.content); err != nil {
			return fmt.Errorf("packing %s: %w", path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return fmt.Errorf("packing %s: %w", path, err)
	}
	if err := zw.Close(); err != nil {
		return fmt.Errorf("packing %s: %w", path, err)
	}
	return os.WriteFile(path, b.Bytes(), 0o644) //nolint:gosec // G306: published to everybody
}

// writeChecksums lists the archives as sha256sum does.
func writeChecksums(dir string) error {
	archives, err := filepath.Glob(filepath.Join(dir, "*.tar.gz"))
	if err != nil {
		return err
	}
	sort.Strings(archives)
	var b strings.Builder
	for _, path := range archives {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		fmt.Fprintf(&b, "%s  %s\n", hex.EncodeToString(sum[:]), filepath.Base(path))
	}
	return os.WriteFile(filepath.Join(dir, checksums), []byte(b.String()), 0o644) //nolint:gosec // G306: published to everybody
}

// readChecksums maps the names of archives to their sums.
func readChecksums(dir string) (map[string]string, error) {
	raw, err := os.ReadFile(filepath.Join(dir, checksums))
	if err != nil {
		return nil, fmt.Errorf("%w: run make dist first", err)
	}
	sums := map[string]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(raw)), "\n") {
		sum, name, found := strings.Cut(line, "  ")
		if !found {
			return nil, fmt.Errorf("%s: line %q is not a checksum", checksums, line)
		}
		sums[name] = sum
	}
	return sums, nil
}
