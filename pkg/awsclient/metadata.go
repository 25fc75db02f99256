package awsclient

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/ec2rolecreds"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
)

const (
	metadataTimeout  = time.Second     // EC2 answers within milliseconds; elsewhere the address does not respond
	containerTimeout = 5 * time.Second // the agent of EKS Pod Identity calls AWS itself
)

// container returns the provider of the credentials of ECS and of EKS Pod Identity.
func (p *principal) container() (aws.CredentialsProvider, error) {
	endpoint := p.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
	if path := p.env["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"]; path != "" {
		endpoint = "http://169.254.170.2" + path
	}
	if endpoint == "" {
		return nil, errors.New("credential_source is EcsContainer, but no variable AWS_CONTAINER_CREDENTIALS_… is set")
	}
	if !mayReceiveToken(endpoint) {
		return nil, fmt.Errorf("AWS_CONTAINER_CREDENTIALS_FULL_URI %s is neither https nor on this computer",
			redact(endpoint))
	}
	return endpointcreds.New(endpoint, func(o *endpointcreds.Options) {
		o.HTTPClient = localClient(containerTimeout)
		o.AuthorizationToken = p.env["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
		if file := p.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"]; file != "" {
			o.AuthorizationTokenProvider = endpointcreds.TokenProviderFunc(func() (string, error) {
				token, err := os.ReadFile(file)
				return string(token), err
			})
		}
	}), nil
}

// mayReceiveToken reports whether the SDKs of AWS send the container's token to the URL: over https, to this computer,
// and to the agents of ECS and EKS.
func mayReceiveToken(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return false
	}
	agents := []string{"169.254.170.2", "169.254.170.23", "fd00:ec2::23", "localhost"}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "https" || ip != nil && ip.IsLoopback() || slices.Contains(agents, strings.ToLower(u.Hostname()))
}

// instanceMetadata returns the provider of the role of an EC2 instance. It queries once; the SDK's default retries for
// half a minute.
func (p *principal) instanceMetadata(cfg aws.Config) aws.CredentialsProvider {
	client := imds.NewFromConfig(cfg, func(o *imds.Options) {
		o.HTTPClient, o.Retryer = localClient(metadataTimeout), aws.NopRetryer{}
		if o.Endpoint == "" { // or the SDK reads the environment of the process
			o.Endpoint = "http://169.254.169.254"
			if o.EndpointMode == imds.EndpointModeStateIPv6 {
				o.Endpoint = "http://[fd00:ec2::254]"
			}
		}
	})
	return ec2rolecreds.New(func(o *ec2rolecreds.Options) { o.Client = client })
}
