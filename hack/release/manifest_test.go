// Package release tests what describes a release: the krew manifest, the workflows and
// the list of third-party licences. GoReleaser builds the release (.goreleaser.yaml).
package release

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// The tests run in this directory.
const root = "../../"

func read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// config is the part of .goreleaser.yaml that other files have to match.
type config struct {
	Env    []string `json:"env"`
	Builds []struct {
		Goos   []string `json:"goos"`
		Goarch []string `json:"goarch"`
	} `json:"builds"`
}

func readConfig(t *testing.T) config {
	t.Helper()
	var c config
	if err := yaml.Unmarshal([]byte(read(t, ".goreleaser.yaml")), &c); err != nil || len(c.Builds) != 1 {
		t.Fatalf(".goreleaser.yaml: %d builds, want 1 (%v)", len(c.Builds), err)
	}
	return c
}

func (c config) platforms() (all []platform) {
	for _, system := range c.Builds[0].Goos {
		for _, arch := range c.Builds[0].Goarch {
			all = append(all, platform{system, arch})
		}
	}
	return all
}

// The committed manifest is that of the last release: its form is checked here, its
// checksums by make verify-krew before a release.
func TestPublishedManifest(t *testing.T) {
	platforms := readConfig(t).platforms()
	if len(platforms) != 6 {
		t.Errorf("platforms = %v, want 6", platforms)
	}
	if err := validate([]byte(read(t, "plugins/krew.yaml")), "", platforms); err != nil {
		t.Error(err)
	}
}

// krew finds a plugin of a custom index only in the file with the plugin's name.
func TestIndexName(t *testing.T) {
	link, err := os.Readlink(root + "plugins/eks-encrypt.yaml")
	if err != nil || link != "krew.yaml" {
		t.Errorf("plugins/eks-encrypt.yaml links to %q (%v), want krew.yaml", link, err)
	}
}

func TestValidate(t *testing.T) {
	platforms := readConfig(t).platforms()
	valid := template(platforms)
	if err := validate([]byte(valid), "v1.2.3", platforms); err != nil {
		t.Fatal(err)
	}
	arm := "os: windows\n        arch: arm64"
	tests := map[string]struct{ old, new, want string }{
		"upper-case sha":   {checksum(1), strings.ToUpper(checksum(1)), "lower-case"},
		"zeros":            {checksum(1), strings.Repeat("0", 64), "all zeros"},
		"short sha":        {checksum(1), "12ab", "64 lower-case"},
		"same sha twice":   {checksum(2), checksum(1), "has the sha256 of linux/amd64"},
		"missing platform": {arm, "os: windows\n        arch: amd64", "windows/arm64 is missing"},
		"platform twice":   {arm, "os: windows\n        arch: amd64", "windows/amd64 appears twice"},
		"unknown platform": {arm, "os: linux\n        arch: s390x", "no release is built for linux/s390x"},
		"51 characters":    {"Manage KMS", strings.Repeat("x", 51), "has 51 characters"},
		"full stop":        {"Manage KMS", "Manage KMS.", "full stop"},
		"unknown field":    {"  homepage:", "  license: x\n  homepage:", "unknown field"},
		"other version":    {"version: v1.2.3", "version: v1.2.4", "differs from the tag"},
		"no v":             {"version: v1.2.3", "version: 1.2.3", "want v and a semantic version"},
		"other homepage":   {"homepage: https", "homepage: http", "homepage is"},
		"other os in uri":  {"v1.2.3_linux_amd64", "v1.2.3_darwin_amd64", "linux/amd64: uri"},
		"other version in uri": {
			"download/v1.2.3/kubectl-eks_encrypt_v1.2.3_linux_arm64",
			"download/v1.2.2/kubectl-eks_encrypt_v1.2.3_linux_arm64", "linux/arm64: uri"},
		"http":           {"uri: https", "uri: http", "uri"},
		"no .exe":        {".exe", "", "want kubectl-eks_encrypt.exe"},
		"other name":     {"name: eks-encrypt", "name: krew", "want eks-encrypt"},
		"other kind":     {"kind: Plugin", "kind: Plugins", "not a krew Plugin"},
		"long line":      {"Shows", strings.Repeat("Shows ", 20), "longer than 80"},
		"no description": {"    Shows", "", "description is missing"},
		"no selector":    {"os: linux\n        arch: arm64", "arch: arm64", "want os and arch"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if !strings.Contains(valid, tt.old) {
				t.Fatalf("the manifest has no %q", tt.old)
			}
			err := validate([]byte(strings.Replace(valid, tt.old, tt.new, 1)), "v1.2.3", platforms)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("err = %v, want one with %q", err, tt.want)
			}
		})
	}
}

func checksum(i int) string { return strings.Repeat(fmt.Sprint(i), 63) + "a" }

// template returns a valid manifest of v1.2.3.
func template(platforms []platform) string {
	var b strings.Builder
	fmt.Fprintf(&b, `apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: eks-encrypt
spec:
  version: v1.2.3
  homepage: %s
  shortDescription: Manage KMS
  description: |
    Shows
  caveats: |
    Needs credentials.
  platforms:
`, homepage)
	for i, p := range platforms {
		fmt.Fprintf(&b, "  - selector:\n      matchLabels:\n        os: %s\n        arch: %s\n", p.OS, p.Arch)
		fmt.Fprintf(&b, "    uri: %s\n    sha256: %q\n    bin: %s\n", p.uri("v1.2.3"), checksum(i+1), p.binary())
	}
	return b.String()
}
