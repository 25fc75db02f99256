package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

const (
	maxShort = 50 // krew search cuts there
	maxWidth = 80
)

var sum = regexp.MustCompile(`^[a-f0-9]{64}$`)

// Validate holds a manifest to krew's rules (internal/index/validation of krew)
// and to stricter ones, where krew is silent and users would suffer. An empty
// version takes the manifest's own.
func Validate(raw []byte, version string) error {
	m, err := parse(raw)
	if err != nil {
		return err
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
		bad("name %q: the plugin is called eks-encrypt", m.Metadata.Name)
	}
	if !semver.MatchString(m.Spec.Version) {
		bad("version %q: want v and a semantic version", m.Spec.Version)
	}
	if m.Spec.Version != version {
		bad("version %q differs from the tag %q", m.Spec.Version, version)
	}
	if m.Spec.Homepage != homepage {
		bad("homepage %q: want %s", m.Spec.Homepage, homepage)
	}
	errs = append(errs, texts(m)...)
	errs = append(errs, archives(m, version)...)
	return errors.Join(errs...)
}

func texts(m *Manifest) (errs []error) {
	short := m.Spec.ShortDescription
	if n := utf8.RuneCountInString(short); n == 0 || n > maxShort || strings.ContainsAny(short, "\r\n") || strings.HasSuffix(short, ".") {
		errs = append(errs, fmt.Errorf("shortDescription: %d characters; want one line of 1 to %d, without a full stop", n, maxShort))
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

func archives(m *Manifest, version string) (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	seen := map[platform]bool{}
	sums := map[string]platform{}
	for _, entry := range m.Spec.Platforms {
		labels := entry.Selector.MatchLabels
		p := platform{labels["os"], labels["arch"]}
		if len(labels) != 2 || p.OS == "" || p.Arch == "" {
			bad("selector %v: want os and arch", labels)
			continue
		}
		if seen[p] {
			bad("%s/%s is there twice", p.OS, p.Arch)
		}
		seen[p] = true
		if want := uri(version, p); entry.URI != want {
			bad("%s/%s: uri %q, want %s", p.OS, p.Arch, entry.URI, want)
		}
		if entry.Bin != p.binary() {
			bad("%s/%s: bin %q, want %s", p.OS, p.Arch, entry.Bin, p.binary())
		}
		switch other, double := sums[entry.SHA256]; {
		case !sum.MatchString(entry.SHA256):
			bad("%s/%s: sha256 %q: want 64 lower-case hexadecimal digits", p.OS, p.Arch, entry.SHA256)
		case strings.Trim(entry.SHA256, "0") == "":
			bad("%s/%s: sha256 is all zeros", p.OS, p.Arch)
		case double:
			bad("%s/%s has the sha256 of %s/%s", p.OS, p.Arch, other.OS, other.Arch)
		}
		sums[entry.SHA256] = p
	}
	for _, p := range platforms {
		if !seen[p] {
			bad("%s/%s is missing", p.OS, p.Arch)
		}
		delete(seen, p)
	}
	for p := range seen {
		bad("%s/%s: nothing is built for it", p.OS, p.Arch)
	}
	return errs
}
