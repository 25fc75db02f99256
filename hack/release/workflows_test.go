package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

var (
	uses   = regexp.MustCompile(`(?m)\buses:(.*)$`)
	pinned = regexp.MustCompile(`^ [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	goes   = regexp.MustCompile(`go-version: *'?([0-9.]+)`)
	target = regexp.MustCompile(`\bmake ([a-z -]+)`)
)

// The workflows are YAML, ask for no right that they don't name, pin each action by
// its commit, build with the toolchain of the releases, and call targets that exist.
func TestWorkflows(t *testing.T) {
	files, err := filepath.Glob("../../.github/workflows/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v, %v", files, err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var workflow struct {
			Permissions map[string]string `json:"permissions"`
			Jobs        map[string]any    `json:"jobs"`
		}
		if err := yaml.Unmarshal(raw, &workflow); err != nil || len(workflow.Jobs) == 0 {
			t.Errorf("%s: %d jobs, %v", name, len(workflow.Jobs), err)
		}
		if len(workflow.Permissions) != 1 || workflow.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions %v, want to read the contents alone; jobs ask for more themselves", name, workflow.Permissions)
		}
		text := string(raw)
		for _, m := range uses.FindAllStringSubmatch(text, -1) {
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: %q is not pinned: want owner/action@40-digit-commit # vX.Y.Z", name, strings.TrimSpace(m[1]))
			}
		}
		for _, m := range goes.FindAllStringSubmatch(text, -1) {
			if "go"+m[1] != toolchain {
				t.Errorf("%s builds with go%s, releases with %s", name, m[1], toolchain)
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			for _, one := range strings.Fields(m[1]) {
				if !strings.Contains(string(makefile), "\n"+one+":") {
					t.Errorf("%s: make has no target %s", name, one)
				}
			}
		}
	}
}
