// Command licences lists the modules that are linked into the plugin, on any of
// the platforms of a release, with their licences. It fails on one that it does
// not know, or that asks for more than to be named.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
)

const (
	file = "THIRD_PARTY.md"
	head = `# Third-party software

The modules that are linked into the plugin on one of the platforms of a release, and their licences. Made by ` + "`make licences`" + `; don't edit it. The same list with checksums is the bill of materials of each release, ` + "`sbom.cdx.json`" + `. The tests and the lab use more.

| module | version | licence |
|---|---|---|
`
)

func main() {
	text, err := list(context.Background(), ".")
	if err == nil {
		err = os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // G306: part of the repository
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// module is one that is linked in.
type module struct{ path, version, dir string }

// list renders the document for the repository at root.
func list(ctx context.Context, root string) (string, error) {
	found := map[string]module{}
	for _, platform := range []string{"linux", "darwin", "windows"} {
		if err := linked(ctx, root, platform, found); err != nil {
			return "", err
		}
	}
	var lines []string
	for _, m := range found {
		licence, err := licenceOf(m)
		if err != nil {
			return "", err
		}
		lines = append(lines, fmt.Sprintf("| %s | %s | %s |\n", m.path, m.version, licence))
	}
	sort.Strings(lines)
	return head + "| Go standard library | | BSD-3-Clause |\n" + strings.Join(lines, ""), nil
}

// linked adds the modules that the plugin for an operating system is made of.
func linked(ctx context.Context, root, system string, found map[string]module) error {
	cmd := exec.CommandContext(ctx, "go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Version}}\t{{.Dir}}{{end}}{{end}}", "./cmd/kubectl-eks_encrypt")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS="+system, "GOARCH=amd64", "CGO_ENABLED=0", "GOFLAGS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("listing the modules for %s: %w: %s", system, err, stderr.String())
	}
	for _, line := range strings.Split(string(out), "\n") {
		if parts := strings.Split(line, "\t"); len(parts) == 3 {
			found[parts[0]] = module{parts[0], parts[1], parts[2]}
		}
	}
	return nil
}

// licenceOf reads the licence in the module's folder.
func licenceOf(m module) (string, error) {
	for _, pattern := range []string{"LICEN[SC]E*", "COPYING*", "licen[sc]e*"} {
		files, err := filepath.Glob(filepath.Join(m.dir, pattern))
		if err != nil {
			return "", err
		}
		for _, name := range files {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // a folder
			}
			if licence := classify(string(text)); licence != "" {
				return licence, nil
			}
		}
	}
	return "", fmt.Errorf("%s %s: no licence that is known in %s", m.path, m.version, m.dir)
}

var spaces = regexp.MustCompile(`\s+`)

// classify knows the licences that only ask to be named. A text with two of them
// gets both.
func classify(text string) string {
	text = strings.ToLower(spaces.ReplaceAllString(text, " "))
	has := func(s string) bool { return strings.Contains(text, s) }
	var found []string
	if has("apache license, version 2.0") || has("apache license version 2.0, january 2004") {
		found = append(found, "Apache-2.0")
	}
	if has("permission is hereby granted, free of charge") {
		found = append(found, "MIT")
	}
	if has("redistribution and use in source and binary forms") {
		if has("endorse or promote") {
			found = append(found, "BSD-3-Clause")
		} else {
			found = append(found, "BSD-2-Clause")
		}
	}
	if has("permission to use, copy, modify, and distribute this software for any purpose") ||
		has("permission to use, copy, modify, and/or distribute this software for any purpose") {
		found = append(found, "ISC")
	}
	return strings.Join(found, ", ")
}
