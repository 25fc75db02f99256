package awsclient

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

const (
	defaultTimeout = 20 * time.Second // of one request
	imdsTimeout    = time.Second      // EC2 answers within milliseconds; elsewhere the address does not respond
)

// Options configures the principal, the region and the endpoints of Clients.
type Options struct {
	// Region of the cluster; empty means the region of the AWS configuration.
	Region string
	// Profile is set by a flag: it wins over access keys in the environment.
	Profile string
	// RoleARN is a role to assume before any other call.
	RoleARN string
	// EndpointURL replaces the endpoint of every service.
	EndpointURL string
	// Env contains environment variables that win over those of the process.
	Env map[string]string
	// RequestTimeout limits one request; zero means 20 seconds.
	RequestTimeout time.Duration
	// Version of this tool, for the user agent.
	Version string
	// MaxAttempts limits the attempts of one call; zero means the limit of the AWS configuration.
	MaxAttempts int
	// TokenProvider prompts for an MFA code; nil if there is no terminal.
	TokenProvider func() (string, error)
}

func (o *Options) getenv(name string) string {
	if v, set := o.Env[name]; set {
		return v
	}
	return os.Getenv(name)
}

// load makes the SDK's configuration. The SDK reads only the environment of the process, so load translates o.Env
// into options, with the precedence of the variables: access keys, then web identity, then profile.
func (o *Options) load(ctx context.Context) (aws.Config, error) {
	timeout := o.RequestTimeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(timeout)),
		config.WithEC2RoleCredentialOptions(func(r *ec2rolecreds.Options) { r.Client = imdsClient() }),
		config.WithAPIOptions([]func(*middleware.Stack) error{
			awsmiddleware.AddUserAgentKeyValue(userAgent, cmp.Or(o.Version, "devel")), logRequests,
		}),
	}
	if o.TokenProvider != nil {
		opts = append(opts, config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) {
			a.TokenProvider = o.TokenProvider
		}))
	}
	if o.MaxAttempts > 0 {
		opts = append(opts, config.WithRetryMaxAttempts(o.MaxAttempts))
	}
	if region := cmp.Or(o.Region, o.Env["AWS_REGION"], o.Env["AWS_DEFAULT_REGION"]); region != "" {
		opts = append(opts, config.WithRegion(region))
	}
	if file := o.Env["AWS_CONFIG_FILE"]; file != "" {
		opts = append(opts, config.WithSharedConfigFiles([]string{file}))
	}
	if file := o.Env["AWS_SHARED_CREDENTIALS_FILE"]; file != "" {
		opts = append(opts, config.WithSharedCredentialsFiles([]string{file}))
	}
	if file := o.Env["AWS_CA_BUNDLE"]; file != "" {
		pem, err := os.ReadFile(file)
		if err != nil {
			return aws.Config{}, fmt.Errorf("read AWS_CA_BUNDLE: %w", err)
		}
		opts = append(opts, config.WithCustomCABundle(bytes.NewReader(pem)))
	}
	if o.EndpointURL != "" {
		opts = append(opts, config.WithBaseEndpoint(o.EndpointURL))
	}
	profile := cmp.Or(o.Profile, o.Env["AWS_PROFILE"], o.Env["AWS_DEFAULT_PROFILE"])
	if profile != "" {
		opts = append(opts, config.WithSharedConfigProfile(profile))
	}
	keys := o.getenv("AWS_ACCESS_KEY_ID") != "" && o.getenv("AWS_SECRET_ACCESS_KEY") != ""
	if o.Profile == "" && keys && (profile != "" || o.Env["AWS_ACCESS_KEY_ID"] != "") {
		opts = append(opts, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(
			o.getenv("AWS_ACCESS_KEY_ID"), o.getenv("AWS_SECRET_ACCESS_KEY"), o.getenv("AWS_SESSION_TOKEN"))))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, o.explainConfig(err)
	}
	cfg.HTTPClient = bodyInMemory{cfg.HTTPClient}
	tokenFile, role := o.getenv("AWS_WEB_IDENTITY_TOKEN_FILE"), o.getenv("AWS_ROLE_ARN")
	fromEnv := profile != "" || o.Env["AWS_WEB_IDENTITY_TOKEN_FILE"] != ""
	if o.Profile == "" && !keys && fromEnv && tokenFile != "" && role != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewWebIdentityRoleProvider(
			o.sts(cfg), role, stscreds.IdentityTokenFile(tokenFile)))
	}
	if o.RoleARN != "" {
		cfg.Credentials = o.assume(cfg, o.RoleARN)
	}
	return cfg, nil
}

func (o *Options) assume(cfg aws.Config, roleARN string) aws.CredentialsProvider {
	session := func(a *stscreds.AssumeRoleOptions) {
		a.RoleSessionName, a.TokenProvider = userAgent, o.TokenProvider
	}
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(o.sts(cfg), roleARN, session))
}

func (o *Options) sts(cfg aws.Config) *sts.Client {
	return sts.NewFromConfig(cfg, func(s *sts.Options) { o.overrideEndpoint("STS", &s.BaseEndpoint) })
}

// imdsClient queries the instance metadata of EC2 once; the SDK's default retries for half a minute.
func imdsClient() *imds.Client {
	return imds.New(imds.Options{
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(imdsTimeout),
		Retryer:    aws.NopRetryer{},
	})
}

// userAgent is the name of this tool in CloudTrail.
const userAgent = "kubectl-eks_encrypt"
