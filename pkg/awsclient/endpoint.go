package awsclient

import (
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// Endpoint is an endpoint that replaces the one of AWS.
type Endpoint struct {
	Service string // EKS, KMS or SECURITYHUB
	URL     string // without a password
	Source  string // the flag, variable or profile that sets it
}

// endpoint returns the URL that replaces the endpoint of a service, such as SSO_OIDC, and what sets it. Both are empty
// if nothing does.
// The SDK's own resolution reads the environment of the process, which is not the one of the kubeconfig.
func (p *principal) endpoint(service string) (baseURL, source string) {
	if p.options.EndpointURL != "" {
		return p.options.EndpointURL, "--endpoint-url"
	}
	ignore, set, _ := p.env.flag(ignoreURLsVar)
	if profile := p.shared.IgnoreConfiguredEndpoints; !set && profile != nil {
		ignore = *profile
	}
	if ignore {
		return "", ""
	}
	for _, name := range []string{"AWS_ENDPOINT_URL_" + service, "AWS_ENDPOINT_URL"} {
		if p.env[name] != "" {
			return p.env[name], name
		}
	}
	if u := p.shared.Services.ServiceValues[strings.ToLower(service)]["endpoint_url"]; u != "" {
		return u, "the AWS profile"
	}
	if p.shared.BaseEndpoint != "" {
		return p.shared.BaseEndpoint, "the AWS profile"
	}
	return "", ""
}

// setEndpoint sets the endpoint of a client's options, or removes the one that the SDK took from the process.
func (p *principal) setEndpoint(service string, endpoint **string) {
	*endpoint = nil
	if u, _ := p.endpoint(service); u != "" {
		*endpoint = aws.String(u)
	}
}

// usesGlobalSTS reports whether STS calls of a region go to sts.amazonaws.com with AWS_STS_REGIONAL_ENDPOINTS=legacy.
func usesGlobalSTS(region string) bool {
	switch region {
	case "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1", "eu-central-1",
		"eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1",
		"us-west-2":
		return true
	}
	return false
}

// sts returns an STS client. A role is assumed before other calls, so that its endpoint is set as theirs is.
func (p *principal) sts(cfg aws.Config) *sts.Client {
	return sts.NewFromConfig(cfg, func(s *sts.Options) {
		p.setEndpoint("STS", &s.BaseEndpoint)
		if s.BaseEndpoint == nil && p.env["AWS_STS_REGIONAL_ENDPOINTS"] == "legacy" && usesGlobalSTS(s.Region) {
			s.Region = "aws-global"
		}
	})
}

// SecurityHubService is the name of Security Hub in the variables and profiles that set endpoints.
const SecurityHubService = "SECURITYHUB"

// Endpoints lists the endpoints of EKS, KMS and further services that replace those of AWS, so that a report can name
// them.
func (c *Clients) Endpoints(services ...string) []Endpoint {
	var found []Endpoint
	for _, service := range append([]string{"EKS", "KMS"}, services...) {
		if u, source := c.principal.endpoint(service); u != "" {
			found = append(found, Endpoint{service, redact(u), source})
		}
	}
	return found
}

// redact removes the password from a URL.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a valid URL)"
	}
	return u.Redacted()
}
