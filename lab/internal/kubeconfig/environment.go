package kubeconfig

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Environment is what a person's shell needs: variables to set, in order, and
// variables of the user's own that would get in the way.
type Environment struct {
	Set   [][2]string
	Unset []string
	// PathPrefix goes before PATH, if not empty.
	PathPrefix string
}

// For gives the environment of a person.
func For(dir state.Dir, c *state.Config, p state.Person) Environment {
	e := Environment{
		Set: [][2]string{
			{"KUBECONFIG", dir.Kubeconfig()},
			{"AWS_ENDPOINT_URL", c.Ports.AWSURL()},
			{"AWS_ACCESS_KEY_ID", p.AccessKeyID},
			{"AWS_SECRET_ACCESS_KEY", p.SecretAccessKey},
			{"AWS_REGION", state.Region},
			{"AWS_DEFAULT_REGION", state.Region}, // the AWS CLI v1 knows only this one
			{"AWS_CONFIG_FILE", filepath.Join(dir.AWS(), "config")},
			{"AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir.AWS(), "credentials")},
			{"AWS_EC2_METADATA_DISABLED", "true"},
			{"AWS_PAGER", ""},
			{"EKS_LAB_DIR", string(dir)},
		},
		Unset: []string{
			"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
			"AWS_ENDPOINT_URL_EKS", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE",
		},
	}
	if c.TokenCommand == "lab" {
		e.PathPrefix = dir.Bin()
	}
	return e
}

// Shell is the environment as lines to eval.
func (e Environment) Shell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unset %s\n", strings.Join(e.Unset, " "))
	for _, pair := range e.Set {
		fmt.Fprintf(&b, "export %s=%s\n", pair[0], quote(pair[1]))
	}
	if e.PathPrefix != "" {
		fmt.Fprintf(&b, "case \":$PATH:\" in *:%[1]s:*) ;; *) export PATH=%[1]s:\"$PATH\" ;; esac\n", quote(e.PathPrefix))
	}
	return b.String()
}

// Apply gives base, an environment as of os.Environ, with the changes made.
func (e Environment) Apply(base []string) []string {
	drop := slices.Clone(e.Unset)
	for _, pair := range e.Set {
		drop = append(drop, pair[0])
	}
	var out []string
	for _, entry := range base {
		name, value, _ := strings.Cut(entry, "=")
		if name == "PATH" && e.PathPrefix != "" && !strings.HasPrefix(value, e.PathPrefix) {
			entry = "PATH=" + e.PathPrefix + string(os.PathListSeparator) + value
		}
		if !slices.Contains(drop, name) {
			out = append(out, entry)
		}
	}
	for _, pair := range e.Set {
		out = append(out, pair[0]+"="+pair[1])
	}
	return out
}

// quote makes s one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// WriteAWSFiles writes config and credentials files with a profile for each
// person, the default profile being the lab's default person.
func WriteAWSFiles(dir state.Dir, c *state.Config) error {
	var config, credentials strings.Builder
	section := func(header, profile string, p state.Person) {
		fmt.Fprintf(&config, "[%s]\nregion = %s\noutput = json\nendpoint_url = %s\n\n", header, state.Region, c.Ports.AWSURL())
		fmt.Fprintf(&credentials, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n", profile, p.AccessKeyID, p.SecretAccessKey)
	}
	for _, p := range c.People {
		if p.Name == c.Person {
			section("default", "default", p)
		}
		section("profile "+p.Name, p.Name, p)
	}
	if err := state.WriteFile(filepath.Join(dir.AWS(), "config"), []byte(config.String())); err != nil {
		return err
	}
	return state.WriteFile(filepath.Join(dir.AWS(), "credentials"), []byte(credentials.String()))
}
