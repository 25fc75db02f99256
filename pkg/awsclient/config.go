package awsclient

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

const (
	defaultTimeout = 20 * time.Second // of one request
	imdsTimeout    = time.Second      // on EC2 it answers within milliseconds
)

// Options say as whom and where to ask.
type Options struct {
	// Region of the cluster; empty leaves it to the AWS configuration.
	Region string
	// Profile was named on a command line: it wins over keys in the environment.
	Profile string
	// RoleARN is assumed before any other call.
	RoleARN string
	// EndpointURL overrules every endpoint.
	EndpointURL string
	// Env has the meaning of environment variables and overrides the process's own.
	Env map[string]string
	// RequestTimeout bounds one request; zero means 20 seconds.
	RequestTimeout time.Duration
	// Version of this tool, for the user agent.
	Version string
	// MaxAttempts of one call, retries included; zero leaves it to the AWS configuration.
	MaxAttempts int
	// TokenProvider asks for an MFA code; nil where nobody can be asked.
	TokenProvider func() (string, error)
}

func (o *Options) getenv(name string) string {
	if v, set := o.Env[name]; set {
		return v
	}
	return os.Getenv(name)
}

// load makes the SDK's configuration. The SDK reads the environment of the process
// itself; what the kubeconfig adds to it is translated here, with the precedence
// it would have as environment variables: keys, then web identity, then profile.
func (o *Options) load(ctx context.Context) (aws.Config, error) {
	timeout := o.RequestTimeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(timeout)),
		config.WithEC2RoleCredentialOptions(func(r *ec2rolecreds.Options) { r.Client = quickIMDS() }),
		config.WithAPIOptions(everyCall(o.Version)),
	}
	if o.TokenProvider != nil {
		opts = append(opts, config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) { a.TokenProvider = o.TokenProvider }))
	}
	if o.MaxAttempts > 0 {
		opts = append(opts, config.WithRetryMaxAttempts(o.MaxAttempts))
	}
	if region := first(o.Region, o.Env["AWS_REGION"], o.Env["AWS_DEFAULT_REGION"]); region != "" {
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
			return aws.Config{}, fmt.Errorf("reading AWS_CA_BUNDLE: %w", err)
		}
		opts = append(opts, config.WithCustomCABundle(bytes.NewReader(pem)))
	}
	if o.EndpointURL != "" {
		opts = append(opts, config.WithBaseEndpoint(o.EndpointURL))
	}
	profile := first(o.Profile, o.Env["AWS_PROFILE"], o.Env["AWS_DEFAULT_PROFILE"])
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
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(o.sts(cfg), roleARN, func(a *stscreds.AssumeRoleOptions) {
		a.RoleSessionName = agent
		a.TokenProvider = o.TokenProvider
	}))
}

func (o *Options) sts(cfg aws.Config) *sts.Client {
	return sts.NewFromConfig(cfg, func(s *sts.Options) { o.override("STS", &s.BaseEndpoint) })
}

// quickIMDS asks the metadata service of EC2 once, and not for half a minute.
func quickIMDS() *imds.Client {
	return imds.New(imds.Options{
		HTTPClient: awshttp.NewBuildableClient().WithTimeout(imdsTimeout),
		Retryer:    aws.NopRetryer{},
	})
}

// agent is how CloudTrail sees this tool.
const agent = "kubectl-eks_encrypt"

// everyCall is what each call gets: who asks, and a line in the log.
func everyCall(version string) []func(*middlewareStack) error {
	return []func(*middlewareStack) error{middleware.AddUserAgentKeyValue(agent, first(version, "devel")), logRequests}
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
