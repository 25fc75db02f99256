package release

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The workflows are valid YAML, request no permission that they don't name, pin each
// action to a commit, build with the toolchain of the releases, and call existing targets.
func TestWorkflows(t *testing.T) {
	uses := regexp.MustCompile(`(?m)\buses:(.*)$`)
	pinned := regexp.MustCompile(`^ [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	goVersion := regexp.MustCompile(`go-version: *'?([0-9.]+)`)
	target := regexp.MustCompile(`\bmake ([a-z -]+)`)
	files, err := filepath.Glob(root + ".github/workflows/*.yaml")
	if err != nil || len(files) < 2 {
		t.Fatalf("workflows = %v (%v), want at least 2", files, err)
	}
	makefile, toolchains := read(t, "Makefile"), readConfig(t).Env
	for _, path := range files {
		name := strings.TrimPrefix(filepath.ToSlash(path), root)
		text := read(t, name)
		var workflow struct {
			Permissions map[string]string `json:"permissions"`
			Jobs        map[string]any    `json:"jobs"`
		}
		if err := yaml.Unmarshal([]byte(text), &workflow); err != nil || len(workflow.Jobs) == 0 {
			t.Errorf("%s: %d jobs (%v), want at least 1", name, len(workflow.Jobs), err)
		}
		if len(workflow.Permissions) != 1 || workflow.Permissions["contents"] != "read" {
			t.Errorf("%s: permissions = %v, want only contents: read; a job can request more",
				name, workflow.Permissions)
		}
		for _, m := range uses.FindAllStringSubmatch(text, -1) {
			if !pinned.MatchString(m[1]) {
				t.Errorf("%s: uses %q, want owner/action@40-digit-commit # vX.Y.Z", name, strings.TrimSpace(m[1]))
			}
		}
		for _, m := range goVersion.FindAllStringSubmatch(text, -1) {
			if !slices.Contains(toolchains, "GOTOOLCHAIN=go"+m[1]) {
				t.Errorf("%s builds with go%s, releases with %v", name, m[1], toolchains)
			}
		}
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			for _, one := range strings.Fields(m[1]) {
				if !strings.Contains(makefile, "\n"+one+":") {
					t.Errorf("%s: the Makefile has no target %s", name, one)
				}
			}
		}
	}
}
