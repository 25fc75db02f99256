package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/middleware"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
)

// principal is the caller that Options describe: where its credentials come from, and how its calls travel.
type principal struct {
	options Options
	env     environment
	shared  config.SharedConfig
	source  *source
	// identity is equal for principals that share credentials.
	identity string
}

// principal reads the configuration files. It makes no call.
func (o *Options) principal(ctx context.Context) (*principal, error) {
	p := &principal{options: *o, env: newEnvironment(os.Environ(), o.Env, o.Unset)}
	if err := p.env.validate(); err != nil {
		return nil, explainConfig(err)
	}
	name, err := p.profileName(ctx)
	if err != nil {
		return nil, err
	}
	credentials := p.file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
	files := func(l *config.LoadSharedConfigOptions) {
		l.ConfigFiles = []string{p.file("AWS_CONFIG_FILE", "config")}
		l.CredentialsFiles = []string{credentials}
	}
	p.shared, err = config.LoadSharedConfigProfile(ctx, cmp.Or(name, "default"), files)
	var missing config.SharedConfigProfileNotExistError
	switch {
	case errors.As(err, &missing) && name == "":
		p.shared = config.SharedConfig{Profile: "default"}
	case err != nil:
		return nil, explainConfig(err)
	}
	selection := chain{
		tool: o.Tool, env: p.env, explicit: o.Profile != "", profile: p.shared, credentialsFile: credentials,
	}
	if p.source, err = selection.selectSource(); err != nil {
		return nil, explainConfig(err)
	}
	if o.RoleARN != "" {
		p.source = &source{kind: fromFlagRole, role: o.RoleARN, session: userAgent, base: p.source}
	}
	return p, nil
}

// file returns the name of a configuration file. The AWS CLI expands ~ and variables in it, the SDK does not.
func (p *principal) file(variable, name string) string {
	path := p.env[variable]
	switch {
	case path == "":
		return filepath.Join(p.env.home(), ".aws", name)
	case p.options.Tool == ToolAuthenticator:
		return path
	}
	return p.env.expand(path)
}

// profileName returns the name of the profile, or "" for the default one. Version 1 of the AWS CLI prefers
// AWS_DEFAULT_PROFILE, version 2 and the SDK prefer AWS_PROFILE.
func (p *principal) profileName(ctx context.Context) (string, error) {
	name, byDefault := p.env["AWS_PROFILE"], p.env["AWS_DEFAULT_PROFILE"]
	switch {
	case p.options.Profile != "":
		return p.options.Profile, nil
	case p.options.Tool != ToolAWS || name == "" || byDefault == "" || name == byDefault:
		return cmp.Or(name, byDefault), nil
	}
	switch version := p.cliVersion(ctx); {
	case strings.HasPrefix(version, "aws-cli/1."):
		return byDefault, nil
	case strings.HasPrefix(version, "aws-cli/2."):
		return name, nil
	}
	return "", &Error{
		Kind: KindConfig,
		message: fmt.Sprintf("AWS_PROFILE is %q and AWS_DEFAULT_PROFILE is %q: versions 1 and 2 of the AWS CLI differ "+
			"in which one they use, and 'aws --version' reports neither", name, byDefault),
		hint: "pass --profile, or unset one of the variables",
	}
}

// cliVersion returns the output of aws --version, or "".
func (p *principal) cliVersion(ctx context.Context) string {
	cmd := exec.CommandContext(ctx, "aws", "--version")
	cmd.Env = p.env.pairs()
	out, err := cmd.CombinedOutput() // old versions print to stderr
	if err != nil {
		return ""
	}
	return string(out)
}

// config returns the SDK's configuration. It does not use config.LoadDefaultConfig, which reads the environment of the
// process: the kubeconfig may change or remove variables, and several contexts are served at the same time.
func (p *principal) config() (aws.Config, error) {
	o := &p.options
	bundle := p.env.expand(cmp.Or(p.env["AWS_CA_BUNDLE"], p.shared.CustomCABundle))
	client, err := p.env.httpClient(o.RequestTimeout, bundle)
	if err != nil {
		return aws.Config{}, explainConfig(err)
	}
	cfg := aws.Config{
		Region:        p.region(),
		HTTPClient:    requestbody.InMemory{Next: client},
		ConfigSources: []any{p.env, p.shared},
		AppID:         cmp.Or(p.env["AWS_SDK_UA_APP_ID"], p.shared.AppID),
		APIOptions: []func(*middleware.Stack) error{
			awsmiddleware.AddUserAgentKeyValue(userAgent, cmp.Or(o.Version, "devel")), logRequests,
		},
	}
	if err := p.setRetries(&cfg); err != nil {
		return aws.Config{}, explainConfig(err)
	}
	if cfg.Credentials, err = p.provider(cfg, p.source); err != nil {
		return aws.Config{}, explainConfig(err)
	}
	return cfg, nil
}

func (p *principal) region() string {
	return cmp.Or(p.options.Region, p.env["AWS_REGION"], p.env["AWS_DEFAULT_REGION"], p.shared.Region)
}

func (p *principal) setRetries(cfg *aws.Config) (err error) {
	cfg.RetryMode, cfg.RetryMaxAttempts = p.shared.RetryMode, p.shared.RetryMaxAttempts
	// The mode legacy exists only in the AWS CLI.
	if mode := p.env["AWS_RETRY_MODE"]; mode != "" && !strings.EqualFold(mode, "legacy") {
		if cfg.RetryMode, err = aws.ParseRetryMode(mode); err != nil {
			return fmt.Errorf("AWS_RETRY_MODE: %w", err)
		}
	}
	if attempts := p.env["AWS_MAX_ATTEMPTS"]; attempts != "" {
		if cfg.RetryMaxAttempts, err = strconv.Atoi(attempts); err != nil {
			return fmt.Errorf("AWS_MAX_ATTEMPTS=%s is not a number", attempts)
		}
	}
	cfg.RetryMaxAttempts = cmp.Or(p.options.MaxAttempts, cfg.RetryMaxAttempts)
	return nil
}

// userAgent is the name of this tool in CloudTrail.
const userAgent = "kubectl-eks_encrypt"
