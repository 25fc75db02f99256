package awsclient

import (
	"context"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

type middlewareStack = middleware.Stack

// Clients are the AWS clients of one principal.
type Clients struct {
	options Options
	config  aws.Config
	eks     *eks.Client

	mu  sync.Mutex
	kms map[string]*kms.Client
}

// New loads the configuration and fetches the credentials, once and up front, so
// that a missing one is told at once. Errors are a *Error of the kinds
// NoCredentials, ExpiredCredentials or NoRegion, and others for broken files.
func New(ctx context.Context, o Options) (*Clients, error) {
	cfg, err := o.load(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, &Error{Kind: KindNoRegion, message: "no AWS region: neither the kube context nor the AWS configuration names one", hint: "pass --region, or set AWS_REGION"}
	}
	if cfg.Credentials == nil {
		return nil, o.explainCredentials(cfg, errNoProvider)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, o.explainCredentials(cfg, err)
	}
	return o.clients(cfg), nil
}

func (o *Options) clients(cfg aws.Config) *Clients {
	c := &Clients{options: *o, config: cfg, kms: map[string]*kms.Client{}}
	c.eks = c.eksIn(cfg.Region)
	return c
}

// Assume returns the clients of a role, for instance in another account. The role
// is assumed with the first call, or again when the credentials run out.
func (c *Clients) Assume(roleARN, region string) *Clients {
	o, cfg := c.options, c.config.Copy()
	o.RoleARN, o.Region = roleARN, region
	cfg.Credentials = o.assume(c.config, roleARN)
	cfg.Region = first(region, cfg.Region)
	return o.clients(cfg)
}

// In returns the clients of the same principal in another region.
func (c *Clients) In(region string) *Clients {
	o, cfg := c.options, c.config.Copy()
	o.Region, cfg.Region = region, region
	return o.clients(cfg)
}

// Config is the SDK's configuration, for services that have no client here.
func (c *Clients) Config() aws.Config { return c.config.Copy() }

// Region is the region that EKS is asked in.
func (c *Clients) Region() string { return c.config.Region }

// EKS asks EKS in the cluster's region.
func (c *Clients) EKS() *eks.Client { return c.eks }

// KMS asks KMS in the region, which is the key's: it may differ from the cluster's.
func (c *Clients) KMS(region string) *kms.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	region = first(region, c.config.Region)
	if c.kms[region] == nil {
		c.kms[region] = kms.NewFromConfig(c.config, func(k *kms.Options) {
			k.Region = region
			c.options.override("KMS", &k.BaseEndpoint)
		})
	}
	return c.kms[region]
}

// STS asks who the caller is.
func (c *Clients) STS() *sts.Client { return c.options.sts(c.config) }

func (c *Clients) eksIn(region string) *eks.Client {
	return eks.NewFromConfig(c.config, func(e *eks.Options) {
		e.Region = region
		c.options.override("EKS", &e.BaseEndpoint)
	})
}

// override sets the endpoint that the kubeconfig's environment names, if the user
// named none. The SDK knows only the environment of the process.
func (o *Options) override(service string, endpoint **string) {
	if o.EndpointURL != "" {
		*endpoint = aws.String(o.EndpointURL)
		return
	}
	if strings.EqualFold(o.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return
	}
	if url := first(o.Env["AWS_ENDPOINT_URL_"+service], o.Env["AWS_ENDPOINT_URL"]); url != "" {
		*endpoint = aws.String(url)
	}
}

// Endpoint is an override in force.
type Endpoint struct {
	Service string // EKS or KMS
	URL     string
	Source  string // where it was set
}

// Endpoints lists the overrides in force: the answers don't come from AWS's own
// endpoints, and people should know.
func (c *Clients) Endpoints() []Endpoint {
	var found []Endpoint
	for _, s := range []struct {
		service string
		url     *string
	}{
		{"EKS", c.eks.Options().BaseEndpoint},
		{"KMS", c.KMS("").Options().BaseEndpoint},
	} {
		if s.url != nil && *s.url != "" {
			found = append(found, Endpoint{s.service, *s.url, c.options.source(s.service, *s.url)})
		}
	}
	return found
}

func (o *Options) source(service, url string) string {
	if o.EndpointURL == url {
		return "--endpoint-url"
	}
	for _, name := range []string{"AWS_ENDPOINT_URL_" + service, "AWS_ENDPOINT_URL"} {
		if o.getenv(name) == url {
			return name
		}
	}
	return "the AWS profile"
}

// Caller is the principal of these clients, as STS sees it. It needs no permission.
func (c *Clients) Caller(ctx context.Context) (account, callerARN string, err error) {
	out, err := c.STS().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", Explain(err, Operation{Name: "GetCallerIdentity", Action: "sts:GetCallerIdentity"})
	}
	return aws.ToString(out.Account), aws.ToString(out.Arn), nil
}

// Refresh drops credentials that AWS has called expired, so that the next call
// fetches new ones.
func (c *Clients) Refresh() {
	if cache, ok := c.config.Credentials.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
}
