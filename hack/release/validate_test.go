package release

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"sigs.k8s.io/yaml"
)

const (
	maxShort = 50 // krew search cuts longer descriptions
	maxWidth = 80
	homepage = "https://github.com/eks-encrypt/kubectl-eks_encrypt"
	binary   = "kubectl-eks_encrypt"
)

var (
	// semver is the version format of krew: v and semver 2.0.
	semver = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)
	sum    = regexp.MustCompile(`^[a-f0-9]{64}$`)
)

// platform is one that a release is built for.
type platform struct{ OS, Arch string }

func (p platform) String() string { return p.OS + "/" + p.Arch }

func (p platform) binary() string {
	if p.OS == "windows" {
		return binary + ".exe"
	}
	return binary
}

func (p platform) uri(version string) string {
	name := strings.Join([]string{binary, version, p.OS, p.Arch}, "_")
	return homepage + "/releases/download/" + version + "/" + name + ".tar.gz"
}

// manifest is the part of krew's Plugin that this project uses. Strict unmarshalling
// rejects the unknown fields that krew would silently ignore.
type manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string    `json:"version"`
		Homepage         string    `json:"homepage"`
		ShortDescription string    `json:"shortDescription"`
		Description      string    `json:"description"`
		Caveats          string    `json:"caveats"`
		Platforms        []archive `json:"platforms"`
	} `json:"spec"`
}

// archive is the entry of one platform in the manifest.
type archive struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
	Bin    string `json:"bin"`
}

// validate checks a manifest against krew's rules (internal/index/validation of krew)
// and against stricter ones where krew accepts what would hurt users. platforms are those
// that a release is built for. An empty version accepts the manifest's own.
func validate(raw []byte, version string, platforms []platform) error {
	var m manifest
	if err := yaml.UnmarshalStrict(raw, &m); err != nil {
		return fmt.Errorf("parsing the manifest: %w", err)
	}
	if version == "" {
		version = m.Spec.Version
	}
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if m.APIVersion != "krew.googlecontainertools.github.com/v1alpha2" || m.Kind != "Plugin" {
		bad("apiVersion %q, kind %q: not a krew Plugin", m.APIVersion, m.Kind)
	}
	if m.Metadata.Name != "eks-encrypt" {
		bad("name is %q, want eks-encrypt", m.Metadata.Name)
	}
	if !semver.MatchString(m.Spec.Version) {
		bad("version is %q, want v and a semantic version", m.Spec.Version)
	}
	if m.Spec.Version != version {
		bad("version %q differs from the tag %q", m.Spec.Version, version)
	}
	if m.Spec.Homepage != homepage {
		bad("homepage is %q, want %s", m.Spec.Homepage, homepage)
	}
	errs = append(errs, validateTexts(&m)...)
	errs = append(errs, validateArchives(&m, version, platforms)...)
	return errors.Join(errs...)
}

func validateTexts(m *manifest) (errs []error) {
	short := m.Spec.ShortDescription
	n := utf8.RuneCountInString(short)
	if n == 0 || n > maxShort || strings.ContainsAny(short, "\r\n") || strings.HasSuffix(short, ".") {
		errs = append(errs, fmt.Errorf("shortDescription has %d characters, "+
			"want one line of 1 to %d characters without a full stop", n, maxShort))
	}
	for name, text := range map[string]string{"description": m.Spec.Description, "caveats": m.Spec.Caveats} {
		if strings.TrimSpace(text) == "" {
			errs = append(errs, fmt.Errorf("%s is missing", name))
		}
		for _, line := range strings.Split(text, "\n") {
			if utf8.RuneCountInString(line) > maxWidth {
				errs = append(errs, fmt.Errorf("%s: line longer than %d: %q", name, maxWidth, line))
			}
		}
	}
	return errs
}

func validateArchives(m *manifest, version string, platforms []platform) (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	seen := map[platform]bool{}
	sums := map[string]platform{}
	for _, entry := range m.Spec.Platforms {
		labels := entry.Selector.MatchLabels
		p := platform{labels["os"], labels["arch"]}
		if len(labels) != 2 || p.OS == "" || p.Arch == "" {
			bad("selector is %v, want os and arch", labels)
			continue
		}
		if seen[p] {
			bad("%s appears twice", p)
		}
		seen[p] = true
		if want := p.uri(version); entry.URI != want {
			bad("%s: uri is %q, want %s", p, entry.URI, want)
		}
		if entry.Bin != p.binary() {
			bad("%s: bin is %q, want %s", p, entry.Bin, p.binary())
		}
		switch other, double := sums[entry.SHA256]; {
		case !sum.MatchString(entry.SHA256):
			bad("%s: sha256 is %q, want 64 lower-case hexadecimal digits", p, entry.SHA256)
		case strings.Trim(entry.SHA256, "0") == "":
			bad("%s: sha256 is all zeros", p)
		case double:
			bad("%s has the sha256 of %s", p, other)
		}
		sums[entry.SHA256] = p
	}
	for _, p := range platforms {
		if !seen[p] {
			bad("%s is missing", p)
		}
		delete(seen, p)
	}
	for p := range seen {
		bad("no release is built for %s", p)
	}
	return errs
}
