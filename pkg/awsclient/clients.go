package awsclient

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/account"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/organizations"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Clients holds the AWS clients of one principal.
type Clients struct {
	options Options
	config  aws.Config
	eks     *eks.Client

	mu  sync.Mutex
	kms map[string]*kms.Client // by region
}

// New loads the configuration and retrieves the credentials, so that missing credentials fail before the first
// call. It returns an *Error of kind KindNoCredentials, KindExpiredCredentials, KindNoRegion or KindConfig, or
// another error if a file cannot be read.
func New(ctx context.Context, o Options) (*Clients, error) {
	cfg, err := o.load(ctx)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, &Error{
			Kind:    KindNoRegion,
			message: "no AWS region: neither the kube context nor the AWS configuration names one",
			hint:    "pass --region, or set AWS_REGION",
		}
	}
	if cfg.Credentials == nil {
		return nil, o.explainCredentials(errors.New("no credential provider"))
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return nil, o.explainCredentials(err)
	}
	return o.clients(cfg), nil
}

func (o *Options) clients(cfg aws.Config) *Clients {
	return &Clients{
		options: *o, config: cfg, kms: map[string]*kms.Client{},
		eks: eks.NewFromConfig(cfg, func(e *eks.Options) { o.overrideEndpoint("EKS", &e.BaseEndpoint) }),
	}
}

// Assume returns the clients of a role, in the region or, if it is empty, in the region of c. The role is assumed
// at the first call, and again when its credentials expire.
func (c *Clients) Assume(roleARN, region string) *Clients {
	o, cfg := c.options, c.config.Copy()
	o.RoleARN, o.Region = roleARN, region
	cfg.Credentials = o.assume(c.config, roleARN)
	cfg.Region = cmp.Or(region, cfg.Region)
	return o.clients(cfg)
}

// In returns the clients of the same principal in another region.
func (c *Clients) In(region string) *Clients {
	o, cfg := c.options, c.config.Copy()
	o.Region, cfg.Region = region, region
	return o.clients(cfg)
}

// Config returns a copy of the SDK's configuration.
func (c *Clients) Config() aws.Config { return c.config.Copy() }

// Region returns the region of the EKS client.
func (c *Clients) Region() string { return c.config.Region }

// EKS returns the EKS client of the cluster's region.
func (c *Clients) EKS() *eks.Client { return c.eks }

// KMS returns the KMS client of the key's region, which may differ from the cluster's. An empty region means the
// cluster's.
func (c *Clients) KMS(region string) *kms.Client {
	c.mu.Lock()
	defer c.mu.Unlock()
	region = cmp.Or(region, c.config.Region)
	if c.kms[region] == nil {
		c.kms[region] = kms.NewFromConfig(c.config, func(k *kms.Options) {
			k.Region = region
			c.options.overrideEndpoint("KMS", &k.BaseEndpoint)
		})
	}
	return c.kms[region]
}

// STS returns the STS client of the cluster's region.
func (c *Clients) STS() *sts.Client { return c.options.sts(c.config) }

// Organizations returns the client of AWS Organizations. It calls the only endpoint of the region's partition.
func (c *Clients) Organizations() *organizations.Client {
	return organizations.NewFromConfig(c.config, func(o *organizations.Options) {
		c.options.overrideEndpoint("ORGANIZATIONS", &o.BaseEndpoint)
	})
}

// Account returns the client of AWS Account Management. It calls the only endpoint of the region's partition.
func (c *Clients) Account() *account.Client {
	return account.NewFromConfig(c.config, func(a *account.Options) {
		c.options.overrideEndpoint("ACCOUNT", &a.BaseEndpoint)
	})
}

// overrideEndpoint sets the endpoint of a service to --endpoint-url, or else to the one in the kubeconfig's
// environment. The SDK reads only the environment of the process.
func (o *Options) overrideEndpoint(service string, endpoint **string) {
	if o.EndpointURL != "" {
		*endpoint = aws.String(o.EndpointURL)
		return
	}
	if strings.EqualFold(o.getenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"), "true") {
		return
	}
	if url := cmp.Or(o.Env["AWS_ENDPOINT_URL_"+service], o.Env["AWS_ENDPOINT_URL"]); url != "" {
		*endpoint = aws.String(url)
	}
}

// Endpoint is an endpoint that replaces the one of AWS.
type Endpoint struct {
	Service string // EKS or KMS
	URL     string
	Source  string // the flag, variable or profile that sets it
}

// Endpoints lists the endpoints of EKS and KMS that replace those of AWS, so that a report can name them.
func (c *Clients) Endpoints() []Endpoint {
	var found []Endpoint
	for _, s := range []struct {
		service string
		url     *string
	}{
		{"EKS", c.eks.Options().BaseEndpoint},
		{"KMS", c.KMS("").Options().BaseEndpoint},
	} {
		if url := aws.ToString(s.url); url != "" {
			found = append(found, Endpoint{s.service, url, c.options.endpointSource(s.service, url)})
		}
	}
	return found
}

func (o *Options) endpointSource(service, url string) string {
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

// Caller returns the account and the ARN of these clients' principal. It needs no permission.
func (c *Clients) Caller(ctx context.Context) (account, callerARN string, err error) {
	out, err := c.STS().GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", "", Explain(err, Operation{Name: "GetCallerIdentity", Action: "sts:GetCallerIdentity"})
	}
	return aws.ToString(out.Account), aws.ToString(out.Arn), nil
}

// Refresh drops the cached credentials, so that the next call retrieves new ones.
func (c *Clients) Refresh() {
	if cache, ok := c.config.Credentials.(*aws.CredentialsCache); ok {
		cache.Invalidate()
	}
}
