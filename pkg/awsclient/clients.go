package awsclient

import (
	"cmp"
	"context"
	"fmt"
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
	principal *principal
	config    aws.Config
	eks       *eks.Client

	mu  sync.Mutex
	kms map[string]*kms.Client // by region
}

func (p *principal) clients(cfg aws.Config) *Clients {
	return &Clients{
		principal: p, config: cfg, kms: map[string]*kms.Client{},
		eks: eks.NewFromConfig(cfg, func(e *eks.Options) { p.setEndpoint("EKS", &e.BaseEndpoint) }),
	}
}

// Assume returns the clients of a role, in the region or, if it is empty, in the region of c. The role is assumed
// at the first call, and again when its credentials expire. externalID may be empty.
func (c *Clients) Assume(roleARN, externalID, region string) *Clients {
	p, cfg := *c.principal, c.config.Copy()
	p.options.ExternalID = externalID
	p.source = &source{kind: fromFlagRole, role: roleARN, session: userAgent, base: c.principal.source}
	p.identity += " " + roleARN
	cfg.Credentials = aws.NewCredentialsCache(p.assumeRole(c.config, p.source))
	cfg.Region = cmp.Or(region, cfg.Region)
	return p.clients(cfg)
}

// In returns the clients of the same principal in another region.
func (c *Clients) In(region string) *Clients {
	cfg := c.config.Copy()
	cfg.Region = region
	return c.principal.clients(cfg)
}

// Identity is equal for clients of one Pool that act as the same principal.
func (c *Clients) Identity() string { return c.principal.identity }

// CredentialSource describes where the credentials come from, for instance: profile "prod" (AssumeRole arn:…).
func (c *Clients) CredentialSource() string { return c.principal.source.String() }

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
			c.principal.setEndpoint("KMS", &k.BaseEndpoint)
			if retryer, ok := k.Retryer.(aws.RetryerV2); ok {
				k.Retryer = exceptQuotas{retryer}
			}
		})
	}
	return c.kms[region]
}

// STS returns the STS client of the cluster's region.
func (c *Clients) STS() *sts.Client { return c.principal.sts(c.config) }

// Organizations returns the client of AWS Organizations. It calls the only endpoint of the region's partition.
func (c *Clients) Organizations() *organizations.Client {
	return organizations.NewFromConfig(c.config, func(o *organizations.Options) {
		c.principal.setEndpoint("ORGANIZATIONS", &o.BaseEndpoint)
	})
}

// Account returns the client of AWS Account Management. It calls the only endpoint of the region's partition.
func (c *Clients) Account() *account.Client {
	return account.NewFromConfig(c.config, func(a *account.Options) {
		c.principal.setEndpoint("ACCOUNT", &a.BaseEndpoint)
	})
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
	if cache, ok := c.config.Credentials.(interface{ Invalidate() }); ok {
		cache.Invalidate()
	}
}

// ExplainRegion returns err, or an *Error of kind KindRegionDisabled if AWS refuses the credentials in this region and
// accepts them elsewhere. It makes a call only if err is about the credentials.
func (c *Clients) ExplainRegion(ctx context.Context, err error) error {
	region, other := c.Region(), ""
	switch partition(region) {
	case "aws":
		other = "us-east-1"
	case "cn":
		other = "cn-north-1"
	case "us-gov":
		other = "us-gov-west-1"
	}
	if KindOf(err) != KindBadCredentials || other == "" || other == region {
		return err
	}
	account, _, callErr := c.In(other).Caller(ctx)
	if callErr != nil {
		return err
	}
	return &Error{Kind: KindRegionDisabled, err: err,
		message: fmt.Sprintf("account %s has not enabled the region %s: AWS refuses the credentials there and accepts "+
			"them in %s", account, region, other),
		hint: "pass another --region, or enable it: aws account enable-region --region-name " + region}
}
