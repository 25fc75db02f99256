package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	manifestPath = "plugins/krew.yaml"
	homepage     = "https://github.com/eks-encrypt/kubectl-eks_encrypt"
)

// The head of the manifest: what doesn't change with a release.
const manifestHead = `apiVersion: krew.googlecontainertools.github.com/v1alpha2
kind: Plugin
metadata:
  name: eks-encrypt
spec:
  version: %s
  homepage: %s
  shortDescription: Manage KMS encryption of EKS Secrets
  description: |
    Says whether the data of an EKS cluster is envelope-encrypted, with whose
    key, and whether that key is healthy. Associates a customer-managed KMS key
    after checking what will break, and proves that the Secrets stored before
    are under it, without reading a single value.
  caveats: |
    * AWS credentials are needed, as kubectl uses them for the cluster, with
      eks:DescribeCluster, eks:ListUpdates, eks:DescribeUpdate, kms:DescribeKey,
      kms:ListAliases and kms:GetKeyRotationStatus.
    * For verification: list and patch on Secrets, but not get.
  platforms:
`

const manifestPlatform = `  - selector:
      matchLabels:
        os: %s
        arch: %s
    uri: %s
    sha256: "%s"
    bin: %s
`

// Manifest is the part of krew's Plugin that this project uses. Unmarshalling it
// strictly refuses what krew would silently ignore.
type Manifest struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name string `json:"name"`
	} `json:"metadata"`
	Spec struct {
		Version          string             `json:"version"`
		Homepage         string             `json:"homepage"`
		ShortDescription string             `json:"shortDescription"`
		Description      string             `json:"description"`
		Caveats          string             `json:"caveats"`
		Platforms        []ManifestPlatform `json:"platforms"`
	} `json:"spec"`
}

// ManifestPlatform is one archive, and whom it is for.
type ManifestPlatform struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	URI    string `json:"uri"`
	SHA256 string `json:"sha256"`
	Bin    string `json:"bin"`
}

func uri(version string, p platform) string {
	return homepage + "/releases/download/" + version + "/" + p.archive(version)
}

// Render writes the manifest of a release from the sums of its archives.
func Render(version string, sums map[string]string) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, manifestHead, version, homepage)
	for _, p := range platforms {
		sum, found := sums[p.archive(version)]
		if !found {
			return nil, fmt.Errorf("no checksum of %s", p.archive(version))
		}
		fmt.Fprintf(&b, manifestPlatform, p.OS, p.Arch, uri(version, p), sum, p.binary())
	}
	return []byte(b.String()), nil
}

func writeManifest(dir, version, path string) error {
	sums, err := readChecksums(dir)
	if err != nil {
		return err
	}
	raw, err := Render(version, sums)
	if err != nil {
		return err
	}
	if err := Validate(raw, version); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644) //nolint:gosec // G306: published to everybody
}

// verify holds the published manifest to the archives that were just built: a tag
// whose manifest has other checksums must not become a release.
func verify(dir, version, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := Validate(raw, version); err != nil {
		return err
	}
	sums, err := readChecksums(dir)
	if err != nil {
		return err
	}
	want, err := Render(version, sums)
	if err != nil {
		return err
	}
	if !bytes.Equal(raw, want) {
		return fmt.Errorf("%s is not of these archives: run make krew RELEASE=%s with %s, commit it, and tag that commit", path, version, toolchain)
	}
	return nil
}

func parse(raw []byte) (*Manifest, error) {
	var m Manifest
	if err := yaml.UnmarshalStrict(raw, &m); err != nil {
		return nil, fmt.Errorf("parsing the manifest: %w", err)
	}
	return &m, nil
}
