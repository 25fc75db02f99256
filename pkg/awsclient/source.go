package awsclient

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
)

// Tool is the program that gives kubectl its token. Each finds credentials in its own order.
type Tool string

// The tools. ToolNone has the order of ToolAuthenticator, which is that of the SDK.
const (
	ToolNone          Tool = ""
	ToolAWS           Tool = "aws"
	ToolAuthenticator Tool = "aws-iam-authenticator"
)

type sourceKind int

const (
	fromEnvironment sourceKind = iota
	fromKeys
	fromRole
	fromFlagRole
	fromWebIdentity
	fromSSO
	fromLogin
	fromProcess
	fromContainer
	fromMetadata
)

// source is where credentials come from. A source of kind fromRole or fromFlagRole assumes a role with the credentials
// of base.
type source struct {
	kind    sourceKind
	profile string // empty if the source is not a profile
	role    string // ARN of the role that is assumed
	shared  *config.SharedConfig
	base    *source

	keys      aws.Credentials
	tokenFile string
	session   string // name of the role session
}

// String describes the source in a report.
func (s *source) String() string {
	inProfile := fmt.Sprintf("profile %q", s.profile)
	switch s.kind {
	case fromEnvironment:
		return "environment"
	case fromKeys:
		return inProfile
	case fromRole:
		return fmt.Sprintf("%s (AssumeRole %s)", inProfile, s.role)
	case fromFlagRole:
		return fmt.Sprintf("role %s, assumed with %s", s.role, s.base)
	case fromWebIdentity:
		if s.profile != "" {
			return fmt.Sprintf("%s (web identity, AssumeRole %s)", inProfile, s.role)
		}
		return "web identity (AWS_WEB_IDENTITY_TOKEN_FILE)"
	case fromSSO:
		if s.shared.SSOSessionName != "" {
			return fmt.Sprintf("%s (SSO session %q)", inProfile, s.shared.SSOSessionName)
		}
		return inProfile + " (SSO)"
	case fromLogin:
		return inProfile + " (aws login)"
	case fromProcess:
		return inProfile + " (credential_process)"
	case fromContainer:
		return "container"
	default:
		return "instance metadata"
	}
}

// chain selects the source of credentials. It only decides, from an environment and a profile.
type chain struct {
	tool     Tool
	env      environment
	explicit bool // the profile was named on a command line
	profile  config.SharedConfig
	// credentialsFile is the shared credentials file, which the AWS CLI searches before the configuration file.
	credentialsFile string
}

// selectSource returns the source that the tool would use.
func (c *chain) selectSource() (*source, error) {
	if c.tool == ToolAWS {
		return c.selectAsCLI()
	}
	return c.selectAsSDK()
}

// selectAsSDK has the order of config.LoadDefaultConfig of the SDK.
func (c *chain) selectAsSDK() (*source, error) {
	if !c.explicit {
		keys := c.environmentKeys("AWS_ACCESS_KEY_ID", "AWS_ACCESS_KEY")
		if keys.HasKeys() {
			return &source{kind: fromEnvironment, keys: keys}, nil
		}
		if file := c.env["AWS_WEB_IDENTITY_TOKEN_FILE"]; file != "" {
			return webIdentity("", file, c.env["AWS_ROLE_ARN"], c.env["AWS_ROLE_SESSION_NAME"])
		}
	}
	return c.profileAsSDK(&c.profile)
}

func (c *chain) profileAsSDK(p *config.SharedConfig) (*source, error) {
	var base *source
	var err error
	switch {
	case p.Source != nil:
		base, err = c.profileAsSDK(p.Source)
	case p.Credentials.HasKeys():
		base = &source{kind: fromKeys, profile: p.Profile, keys: p.Credentials}
	case p.CredentialSource != "":
		base, err = c.named(p.CredentialSource)
	case p.WebIdentityTokenFile != "":
		return webIdentity(p.Profile, p.WebIdentityTokenFile, p.RoleARN, p.RoleSessionName)
	default:
		if base = tokenSource(p); base == nil {
			base = c.ambient()
		}
	}
	if err != nil || p.RoleARN == "" {
		return base, err
	}
	return assumed(p, base), nil
}

// selectAsCLI has the order of botocore, on which the AWS CLI is built: unlike the SDK, it assumes the role of a
// profile before it uses the web identity of the environment.
func (c *chain) selectAsCLI() (*source, error) {
	p := &c.profile
	if !c.explicit && c.env["AWS_ACCESS_KEY_ID"] != "" {
		keys := c.environmentKeys("AWS_ACCESS_KEY_ID")
		if !keys.HasKeys() {
			return nil, errors.New("AWS_ACCESS_KEY_ID is set without AWS_SECRET_ACCESS_KEY")
		}
		return &source{kind: fromEnvironment, keys: keys}, nil
	}
	if assumesRole(p) {
		return c.roleAsCLI(p)
	}
	variables := c.env
	if c.explicit {
		variables = nil
	}
	s, err := c.profileAsCLI(p, variables)
	if s == nil && err == nil {
		s = c.ambient()
	}
	return s, err
}

func assumesRole(p *config.SharedConfig) bool { return p.RoleARN != "" && p.WebIdentityTokenFile == "" }

func (c *chain) roleAsCLI(p *config.SharedConfig) (*source, error) {
	var base *source
	var err error
	switch {
	case p.CredentialSource != "":
		base, err = c.named(p.CredentialSource)
	case p.Source == nil:
		err = fmt.Errorf("profile %q has role_arn, but neither source_profile nor credential_source", p.Profile)
	case assumesRole(p.Source) && !p.Source.Credentials.HasKeys():
		base, err = c.roleAsCLI(p.Source)
	default:
		if base, err = c.profileAsCLI(p.Source, nil); base == nil && err == nil {
			err = fmt.Errorf("the source profile %q has no credentials", p.Source.Profile)
		}
	}
	if err != nil {
		return nil, err
	}
	return assumed(p, base), nil
}

// profileAsCLI returns nil if the profile has no credentials. The variables may replace settings of a web identity.
func (c *chain) profileAsCLI(p *config.SharedConfig, variables environment) (*source, error) {
	setting := func(name, value string) string {
		if v, set := variables[name]; set {
			return v
		}
		return value
	}
	if file := setting("AWS_WEB_IDENTITY_TOKEN_FILE", p.WebIdentityTokenFile); file != "" {
		profile := p.Profile
		if variables["AWS_WEB_IDENTITY_TOKEN_FILE"] != "" {
			profile = ""
		}
		return webIdentity(profile, file, setting("AWS_ROLE_ARN", p.RoleARN),
			setting("AWS_ROLE_SESSION_NAME", p.RoleSessionName))
	}
	token := tokenSource(p)
	keys := &source{kind: fromKeys, profile: p.Profile, keys: p.Credentials}
	inCredentialsFile := strings.HasSuffix(p.Credentials.Source, " "+c.credentialsFile)
	switch {
	case token != nil && token.kind == fromSSO && p.SSORoleName+p.SSOAccountID != "":
		return token, nil
	case p.Credentials.HasKeys() && (inCredentialsFile || token == nil):
		return keys, nil
	case token != nil && token.kind != fromSSO:
		return token, nil
	case p.Credentials.HasKeys():
		return keys, nil
	}
	return nil, nil
}

// environmentKeys returns the access key of the environment. names are those of the variable of its ID.
func (c *chain) environmentKeys(names ...string) aws.Credentials {
	secret, token := []string{"AWS_SECRET_ACCESS_KEY", "AWS_SECRET_KEY"}, []string{"AWS_SESSION_TOKEN"}
	if c.tool == ToolAWS {
		secret, token = secret[:1], []string{"AWS_SECURITY_TOKEN", "AWS_SESSION_TOKEN"}
	}
	return aws.Credentials{
		AccessKeyID: c.env.get(names...), SecretAccessKey: c.env.get(secret...), SessionToken: c.env.get(token...),
		Source: "environment",
	}
}

// named returns the source for a value of credential_source.
func (c *chain) named(name string) (*source, error) {
	switch strings.ToLower(name) {
	case "environment":
		return &source{kind: fromEnvironment, keys: c.environmentKeys("AWS_ACCESS_KEY_ID")}, nil
	case "ecscontainer":
		return &source{kind: fromContainer}, nil
	case "ec2instancemetadata":
		return &source{kind: fromMetadata}, nil
	}
	return nil, fmt.Errorf("credential_source %q is not Environment, EcsContainer or Ec2InstanceMetadata", name)
}

// ambient returns the source that the place gives to a program without configuration.
func (c *chain) ambient() *source {
	if c.env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI") != "" {
		return &source{kind: fromContainer}
	}
	return &source{kind: fromMetadata}
}

// tokenSource returns the source of a profile that is not made of keys, or nil.
func tokenSource(p *config.SharedConfig) *source {
	s := &source{profile: p.Profile, shared: p}
	switch {
	case p.SSOSessionName+p.SSOStartURL+p.SSORoleName+p.SSOAccountID != "":
		s.kind = fromSSO
	case p.LoginSession != "":
		s.kind = fromLogin
	case p.CredentialProcess != "":
		s.kind = fromProcess
	default:
		return nil
	}
	return s
}

func webIdentity(profile, file, role, session string) (*source, error) {
	if role == "" {
		return nil, errors.New("a web identity token is configured without a role: AWS_ROLE_ARN is not set")
	}
	return &source{kind: fromWebIdentity, profile: profile, tokenFile: file, role: role, session: session}, nil
}

func assumed(p *config.SharedConfig, base *source) *source {
	return &source{kind: fromRole, profile: p.Profile, role: p.RoleARN, shared: p, session: p.RoleSessionName, base: base}
}
