package awsclient

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/logincreds"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/signin"
	"github.com/aws/aws-sdk-go-v2/service/sso"
	"github.com/aws/aws-sdk-go-v2/service/ssooidc"
)

const (
	processTimeout  = 5 * time.Minute // a credential_process may open a browser
	containerWindow = 5 * time.Minute // as in the SDK: renew this long before the end
)

// sourceError is the failure of one source. Sources that build on it pass it on unchanged.
type sourceError struct {
	source *source
	err    error
}

func (e *sourceError) Error() string { return e.err.Error() }
func (e *sourceError) Unwrap() error { return e.err }

// traced names the source in the errors of a provider.
type traced struct {
	*aws.CredentialsCache
	source *source
}

func (t traced) Retrieve(ctx context.Context) (aws.Credentials, error) {
	got, err := t.CredentialsCache.Retrieve(ctx)
	var inner *sourceError
	if err == nil || errors.As(err, &inner) {
		return got, err
	}
	return got, &sourceError{t.source, err}
}

// provider returns the provider of a source. It caches the credentials and renews them when they expire.
func (p *principal) provider(cfg aws.Config, s *source) (aws.CredentialsProvider, error) {
	var made aws.CredentialsProvider
	var err error
	window := time.Duration(0)
	switch s.kind {
	case fromEnvironment, fromKeys:
		made = credentials.StaticCredentialsProvider{Value: s.keys}
	case fromRole, fromFlagRole:
		if cfg.Credentials, err = p.provider(cfg, s.base); err == nil {
			made = p.assumeRole(cfg, s)
		}
	case fromWebIdentity:
		made = stscreds.NewWebIdentityRoleProvider(p.sts(cfg), s.role, stscreds.IdentityTokenFile(s.tokenFile),
			func(w *stscreds.WebIdentityRoleOptions) { w.RoleSessionName = cmp.Or(s.session, userAgent) })
	case fromSSO:
		made, err = p.singleSignOn(cfg, s)
	case fromLogin:
		made, err = p.login(cfg, s)
	case fromProcess:
		made = p.process(s)
	case fromContainer:
		window = containerWindow
		made, err = p.container()
	default:
		made = p.instanceMetadata(cfg)
	}
	if err != nil {
		return nil, err
	}
	cache := aws.NewCredentialsCache(made, func(c *aws.CredentialsCacheOptions) { c.ExpiryWindow = window })
	return traced{cache, s}, nil
}

// errNoTerminal means that a role needs an MFA code and cannot be assumed without a terminal.
var errNoTerminal = errors.New("an MFA code is needed, and there is no terminal to enter it")

// assumeRole returns the provider of a role. cfg has the credentials that assume it.
func (p *principal) assumeRole(cfg aws.Config, s *source) aws.CredentialsProvider {
	client := p.sts(cfg)
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		needsCode := s.shared != nil && s.shared.MFASerial != ""
		if needsCode {
			if session, found := p.cachedSession(s, time.Now()); found {
				return session, nil
			}
			if p.options.Prompt == nil {
				return aws.Credentials{}, errNoTerminal
			}
		}
		return stscreds.NewAssumeRoleProvider(client, s.role, func(a *stscreds.AssumeRoleOptions) {
			a.RoleSessionName = cmp.Or(s.session, userAgent)
			if s.kind == fromFlagRole && p.options.ExternalID != "" {
				a.ExternalID = aws.String(p.options.ExternalID)
			}
			if s.shared == nil {
				return
			}
			if s.shared.RoleDurationSeconds != nil && *s.shared.RoleDurationSeconds >= 15*time.Minute {
				a.Duration = *s.shared.RoleDurationSeconds
			}
			if s.shared.ExternalID != "" {
				a.ExternalID = aws.String(s.shared.ExternalID)
			}
			if needsCode {
				a.SerialNumber = aws.String(s.shared.MFASerial)
				a.TokenProvider = func() (string, error) {
					return p.options.Prompt(ctx, fmt.Sprintf("MFA code for %s (profile %q): ", s.shared.MFASerial, s.profile))
				}
			}
		}).Retrieve(ctx)
	})
}

func (p *principal) singleSignOn(cfg aws.Config, s *source) (aws.CredentialsProvider, error) {
	session := config.SSOSession{
		Name: s.shared.SSOStartURL, SSORegion: s.shared.SSORegion, SSOStartURL: s.shared.SSOStartURL,
	}
	if s.shared.SSOSession != nil {
		session = *s.shared.SSOSession
	}
	for _, setting := range [][2]string{
		{"sso_region", session.SSORegion}, {"sso_start_url", session.SSOStartURL},
		{"sso_account_id", s.shared.SSOAccountID}, {"sso_role_name", s.shared.SSORoleName},
	} {
		if setting[1] == "" {
			return nil, fmt.Errorf("profile %q uses SSO without %s", s.profile, setting[0])
		}
	}
	standard, err := ssocreds.StandardCachedTokenFilepath(session.Name)
	if err != nil {
		return nil, err
	}
	cached := filepath.Join(p.env.home(), ".aws", "sso", "cache", filepath.Base(standard))
	cfg.Region = session.SSORegion
	client := sso.NewFromConfig(cfg, func(o *sso.Options) { p.setEndpoint("SSO", &o.BaseEndpoint) })
	tokens := ssooidc.NewFromConfig(cfg, func(o *ssooidc.Options) { p.setEndpoint("SSO_OIDC", &o.BaseEndpoint) })
	return ssocreds.New(client, s.shared.SSOAccountID, s.shared.SSORoleName, session.SSOStartURL,
		func(o *ssocreds.Options) {
			o.CachedTokenFilepath = cached
			if s.shared.SSOSession != nil {
				o.SSOTokenProvider = ssocreds.NewSSOTokenProvider(tokens, cached)
			}
		}), nil
}

func (p *principal) login(cfg aws.Config, s *source) (aws.CredentialsProvider, error) {
	folder := filepath.Join(p.env.home(), ".aws", "login", "cache")
	if named := p.env["AWS_LOGIN_CACHE_DIRECTORY"]; named != "" {
		folder = p.env.expand(named)
	}
	cached, err := logincreds.StandardCachedTokenFilepath(s.shared.LoginSession, folder)
	if err != nil {
		return nil, err
	}
	client := signin.NewFromConfig(cfg, func(o *signin.Options) { p.setEndpoint("SIGNIN", &o.BaseEndpoint) })
	return logincreds.New(client, cached, func(o *logincreds.Options) { o.RestrictPermissions = true }), nil
}

// process returns the provider of a credential_process. The program sees the variables that kubectl's plugin sees, and
// may ask its user on the terminal.
func (p *principal) process(s *source) aws.CredentialsProvider {
	return processcreds.NewProviderCommand(processcreds.NewCommandBuilderFunc(
		func(ctx context.Context) (*exec.Cmd, error) {
			cmd, err := processcreds.DefaultNewCommandBuilder{Args: []string{s.shared.CredentialProcess}}.NewCommand(ctx)
			if err != nil {
				return nil, err
			}
			cmd.Env, cmd.WaitDelay = p.env.pairs(), time.Second
			return cmd, nil
		}), func(o *processcreds.Options) { o.Timeout = processTimeout })
}
