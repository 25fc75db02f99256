package kubeconfig

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Environment is the difference between the user's environment and the one that
// a lab needs.
type Environment struct {
	// Set are the variables to set.
	Set map[string]string `json:"set"`
	// Unset are variables of the user that would take precedence over the lab's.
	Unset []string `json:"unset"`
	// PathPrefix is a folder to put before PATH, if not empty.
	PathPrefix string `json:"pathPrefix"`
}

// NewEnvironment returns the environment for a user of the lab.
func NewEnvironment(dir state.Dir, c *state.Config, u state.User) Environment {
	e := Environment{
		Set: map[string]string{
			"KUBECONFIG":                  dir.Kubeconfig(),
			"AWS_ENDPOINT_URL":            c.Ports.AWSURL(),
			"AWS_ACCESS_KEY_ID":           u.AccessKeyID,
			"AWS_SECRET_ACCESS_KEY":       u.SecretAccessKey,
			"AWS_REGION":                  state.Region,
			"AWS_DEFAULT_REGION":          state.Region, // the AWS CLI v1 reads only this one
			"AWS_CONFIG_FILE":             filepath.Join(dir.AWS(), "config"),
			"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(dir.AWS(), "credentials"),
			"AWS_EC2_METADATA_DISABLED":   "true",
			"AWS_PAGER":                   "",
			"EKS_LAB_DIR":                 string(dir),
			"EKS_LAB_KEY":                 c.CustomerKey,
		},
		Unset: []string{
			"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN",
			"AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE",
			"AWS_ENDPOINT_URL_EKS", "AWS_ENDPOINT_URL_KMS", "AWS_ENDPOINT_URL_STS",
			"AWS_ENDPOINT_URL_SECURITYHUB",
			"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
			"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_CA_BUNDLE",
		},
	}
	if c.TokenCommand == "lab" {
		e.PathPrefix = dir.Bin()
	}
	return e
}

// Shell returns the environment as shell commands for eval.
func (e Environment) Shell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "unset %s\n", strings.Join(e.Unset, " "))
	for _, name := range slices.Sorted(maps.Keys(e.Set)) {
		fmt.Fprintf(&b, "export %s=%s\n", name, quote(e.Set[name]))
	}
	if e.PathPrefix != "" {
		const addToPath = "case \":$PATH:\" in *:%[1]s:*) ;; *) export PATH=%[1]s:\"$PATH\" ;; esac\n"
		fmt.Fprintf(&b, addToPath, quote(e.PathPrefix))
	}
	return b.String()
}

// Apply returns base, in the format of os.Environ, with the environment applied.
// PATH starts with PathPrefix and then the given folders.
func (e Environment) Apply(base []string, folders ...string) []string {
	if e.PathPrefix != "" {
		folders = append([]string{e.PathPrefix}, folders...)
	}
	var out []string
	for _, entry := range base {
		name, value, _ := strings.Cut(entry, "=")
		if _, set := e.Set[name]; set || slices.Contains(e.Unset, name) {
			continue
		}
		if name == "PATH" {
			entry = "PATH=" + strings.Join(append(folders, value), string(os.PathListSeparator))
		}
		out = append(out, entry)
	}
	for name, value := range e.Set {
		out = append(out, name+"="+value)
	}
	return out
}

// quote quotes s as one word for a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// WriteAWSFiles writes the AWS config and credentials files with one profile for
// each user. The default profile is that of the lab's default user.
func WriteAWSFiles(dir state.Dir, c *state.Config) error {
	var config, credentials strings.Builder
	section := func(header, profile string, u state.User) {
		fmt.Fprintf(&config, "[%s]\nregion = %s\noutput = json\nendpoint_url = %s\n\n",
			header, state.Region, c.Ports.AWSURL())
		fmt.Fprintf(&credentials, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n\n",
			profile, u.AccessKeyID, u.SecretAccessKey)
	}
	for _, u := range c.Users {
		if u.Name == c.DefaultUser {
			section("default", "default", u)
		}
		section("profile "+u.Name, u.Name, u)
	}
	if err := state.WriteFile(filepath.Join(dir.AWS(), "config"), []byte(config.String())); err != nil {
		return err
	}
	return state.WriteFile(filepath.Join(dir.AWS(), "credentials"), []byte(credentials.String()))
}
