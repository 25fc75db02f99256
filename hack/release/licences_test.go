package release

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/licensecheck"
)

var update = flag.Bool("update", false, "write THIRD_PARTY.md (make licences)")

const (
	thirdParty = "THIRD_PARTY.md"
	head       = `# Third-party software

The modules that the plugin contains on at least one platform of a release, with their licences. ` +
		"`make licences`" + ` writes this file; don't edit it. The bill of materials of each release, ` +
		"`sbom.cdx.json`" + `, lists the same modules with checksums. The tests and the lab use more modules.

| module | version | licence |
|---|---|---|
| Go standard library | | BSD-3-Clause |
`
)

// allowed are the licences that require no more than attribution, and MPL-2.0, which adds
// conditions only for changes to its own files.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MPL-2.0", "Unicode-DFS-2016"}

// THIRD_PARTY.md lists the modules of today's program, and each licence is allowed.
func TestThirdParty(t *testing.T) {
	rows := map[string]bool{}
	for _, system := range []string{"linux", "darwin", "windows"} {
		for _, m := range modules(t, system) {
			licence, err := licenceOf(m[2])
			if err != nil {
				t.Errorf("%s %s: %v", m[0], m[1], err)
			}
			rows[fmt.Sprintf("| %s | %s | %s |\n", m[0], m[1], licence)] = true
		}
	}
	want := head + strings.Join(slices.Sorted(maps.Keys(rows)), "")
	if *update {
		if err := os.WriteFile(root+thirdParty, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if read(t, thirdParty) != want {
		t.Errorf("%s does not list today's modules; run: make licences", thirdParty)
	}
}

// modules returns path, version and directory of the modules that the program for an
// operating system contains.
func modules(t *testing.T, system string) (found [][]string) {
	t.Helper()
	const fields = "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}"
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-f", fields, "./cmd/kubectl-eks_encrypt")
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("listing the modules for %s: %v", system, err)
	}
	for _, line := range strings.Split(string(out), "\n") {
		if parts := strings.Split(line, "\t"); len(parts) == 3 {
			found = append(found, parts)
		}
	}
	return found
}

// licenceOf returns the licences in a module's directory. It fails if one is unknown or
// not allowed.
func licenceOf(dir string) (string, error) {
	var ids []string
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "licen[sc]e*"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return "", err
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // a directory
			}
			for _, match := range licensecheck.Scan(text).Match {
				if !slices.Contains(allowed, match.ID) {
					return "", fmt.Errorf("licence %s is not allowed", match.ID)
				}
				ids = append(ids, match.ID)
			}
		}
	}
	if len(ids) == 0 {
		return "", fmt.Errorf("no known licence in %s", dir)
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), ", "), nil
}

func TestLicenceOf(t *testing.T) {
	for text, want := range map[string]string{
		"All rights reserved.": "no known licence",
		read(t, "LICENSE"):     "",
		"This program is free software: you can redistribute it and/or modify it under the terms of the " +
			"GNU General Public License as published by the Free Software Foundation, either version 3 of the " +
			"License, or (at your option) any later version.": "not allowed",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "LICENSE"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := licenceOf(dir)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want one with %q", err, want)
		}
	}
}
