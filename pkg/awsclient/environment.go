package awsclient

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

// environment holds the variables that kubectl's credential plugin sees: those of the shell with the changes of the
// kubeconfig. Nothing in this package reads a variable of the process in another way. The SDK accepts an environment
// as a source of its configuration: the methods Get… are its interfaces.
type environment map[string]string

func newEnvironment(shell []string, set map[string]string, unset []string) environment {
	e := environment{}
	for _, pair := range shell {
		name, value, _ := strings.Cut(pair, "=")
		e[name] = value
	}
	for _, name := range unset {
		delete(e, name)
	}
	maps.Copy(e, set)
	return e
}

// get returns the first value that is not empty.
func (e environment) get(names ...string) string {
	for _, name := range names {
		if e[name] != "" {
			return e[name]
		}
	}
	return ""
}

// pairs returns the environment of a process to start.
func (e environment) pairs() []string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(e)) {
		pairs = append(pairs, name+"="+e[name])
	}
	return pairs
}

func (e environment) home() string {
	name := "HOME"
	if runtime.GOOS == "windows" {
		name = "USERPROFILE"
	}
	if e[name] != "" {
		return e[name]
	}
	if u, err := user.Current(); err == nil {
		return u.HomeDir
	}
	return ""
}

// expand replaces variables and a leading ~, as the AWS CLI does with the names of its files.
func (e environment) expand(path string) string {
	path = os.Expand(path, func(name string) string {
		if value, set := e[name]; set {
			return value
		}
		return "$" + name
	})
	if rest, found := strings.CutPrefix(path, "~"); found && (rest == "" || os.IsPathSeparator(rest[0])) {
		return filepath.Join(e.home(), rest)
	}
	return path
}

// flag returns the value of a variable that must be true or false. It reports whether the variable is set.
func (e environment) flag(name string) (value, set bool, err error) {
	switch strings.ToLower(e[name]) {
	case "":
		return false, false, nil
	case "true":
		return true, true, nil
	case "false":
		return false, true, nil
	}
	return false, false, fmt.Errorf("%s=%s is not true or false", name, e[name])
}

// validate refuses a value that must not be ignored, because calls would then go to another endpoint.
func (e environment) validate() error {
	for _, name := range []string{fipsVar, dualStackVar, ignoreURLsVar} {
		if _, _, err := e.flag(name); err != nil {
			return err
		}
	}
	return nil
}

const (
	fipsVar       = "AWS_USE_FIPS_ENDPOINT"
	dualStackVar  = "AWS_USE_DUALSTACK_ENDPOINT"
	ignoreURLsVar = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
)

// GetUseFIPSEndpoint reports whether the SDK uses FIPS endpoints.
func (e environment) GetUseFIPSEndpoint(context.Context) (aws.FIPSEndpointState, bool, error) {
	on, set, err := e.flag(fipsVar)
	if on {
		return aws.FIPSEndpointStateEnabled, set, err
	}
	return aws.FIPSEndpointStateDisabled, set, err
}

// GetUseDualStackEndpoint reports whether the SDK uses dual-stack endpoints.
func (e environment) GetUseDualStackEndpoint(context.Context) (aws.DualStackEndpointState, bool, error) {
	on, set, err := e.flag(dualStackVar)
	if on {
		return aws.DualStackEndpointStateEnabled, set, err
	}
	return aws.DualStackEndpointStateDisabled, set, err
}

// GetEC2IMDSClientEnableState reports whether the SDK may query the instance metadata.
func (e environment) GetEC2IMDSClientEnableState() (imds.ClientEnableState, bool, error) {
	if e.metadataDisabled() {
		return imds.ClientDisabled, true, nil
	}
	return imds.ClientEnabled, true, nil
}

func (e environment) metadataDisabled() bool {
	return strings.EqualFold(e["AWS_EC2_METADATA_DISABLED"], "true")
}

// GetEC2IMDSEndpoint returns the endpoint of the instance metadata.
func (e environment) GetEC2IMDSEndpoint() (string, bool, error) {
	url := e["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
	return url, url != "", nil
}

// GetEC2IMDSEndpointMode returns whether the instance metadata is queried over IPv4 or IPv6.
func (e environment) GetEC2IMDSEndpointMode() (mode imds.EndpointModeState, found bool, err error) {
	name := e["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]
	if name == "" {
		return mode, false, nil
	}
	err = mode.SetFromString(name)
	return mode, err == nil, err
}

// GetEC2IMDSV1FallbackDisabled reports whether version 1 of the instance metadata must not be used.
func (e environment) GetEC2IMDSV1FallbackDisabled() (disabled, found bool) {
	disabled, found, _ = e.flag("AWS_EC2_METADATA_V1_DISABLED")
	return disabled, found
}
