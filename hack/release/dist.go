package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	binary  = "kubectl-eks_encrypt"
	command = "./cmd/kubectl-eks_encrypt"
	// completion lets kubectl complete the plugin once it is on the PATH.
	completion       = "kubectl_complete-eks_encrypt"
	completionScript = "#!/usr/bin/env sh\nexec kubectl eks-encrypt __complete \"$@\"\n"
	checksums        = "checksums.txt"
	// toolchain makes the bytes of a release: another one makes others.
	toolchain = "go1.26.8"

	maxBinary  = 36_000_000 // as make size
	maxArchive = 12_500_000
)

// platform is one that a release is built for.
type platform struct{ OS, Arch string }

// platforms are those that krew users have.
var platforms = []platform{
	{"linux", "amd64"}, {"linux", "arm64"},
	{"darwin", "amd64"}, {"darwin", "arm64"},
	{"windows", "amd64"}, {"windows", "arm64"},
}

func (p platform) binary() string {
	if p.OS == "windows" {
		return binary + ".exe"
	}
	return binary
}

func (p platform) archive(version string) string {
	return fmt.Sprintf("%s_%s_%s_%s.tar.gz", binary, version, p.OS, p.Arch)
}

// semver is what krew takes as a version: v, and semver 2.0.
var semver = regexp.MustCompile(`^v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$`)

// dist builds and packs every platform into the folder, and writes the checksums.
func dist(ctx context.Context, dir, version string) error {
	if !semver.MatchString(version) {
		return fmt.Errorf("version %q: want something like v0.1.0", version)
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if goes, err := exec.CommandContext(ctx, "go", "env", "GOVERSION").Output(); err != nil {
		return fmt.Errorf("go env GOVERSION: %w", err)
	} else if v := strings.TrimSpace(string(goes)); v != toolchain {
		fmt.Fprintf(os.Stderr, "note: this is %s; releases are built with %s, and only it gives their checksums\n", v, toolchain)
	}
	license, err := os.ReadFile("LICENSE")
	if err != nil {
		return err
	}
	for _, p := range platforms {
		fmt.Fprintln(os.Stderr, "building", p.archive(version))
		program, err := p.build(ctx, filepath.Join(dir, "build", p.OS+"_"+p.Arch), version)
		if err != nil {
			return err
		}
		archive := filepath.Join(dir, p.archive(version))
		err = pack(archive, []file{
			{"LICENSE", 0o644, license},
			{p.binary(), 0o755, program},
			{completion, 0o755, []byte(completionScript)},
		})
		if err != nil {
			return err
		}
		if err := light(archive, len(program)); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(filepath.Join(dir, "build")); err != nil {
		return err
	}
	return writeChecksums(dir)
}

// light refuses what is heavier than people should have to download.
func light(archive string, program int) error {
	info, err := os.Stat(archive)
	if err != nil {
		return err
	}
	if program > maxBinary || info.Size() > maxArchive {
		return fmt.Errorf("%s: %d bytes, the program in it %d: the limits are %d and %d", archive, info.Size(), program, maxArchive, maxBinary)
	}
	return nil
}

// build compiles reproducibly: no path, build id, C compiler or repository state
// goes into the bytes.
func (p platform) build(ctx context.Context, dir, version string) ([]byte, error) {
	out := filepath.Join(dir, p.binary())
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X main.version="+version, "-o", out, command)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.OS, "GOARCH="+p.Arch, "GOFLAGS=", "GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("building for %s/%s: %w", p.OS, p.Arch, err)
	}
	return os.ReadFile(out)
}
