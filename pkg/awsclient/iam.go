package awsclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go"
	"k8s.io/klog/v2"
)

// iamTimeout limits the only call of IAM. Without its answer, the user is told what to check.
const iamTimeout = 10 * time.Second

// RoleARN returns the ARN of a role of the caller's account, with its path. It signs the request itself: the SDK's
// package for IAM would add 7 MB to this program for a single call.
func (c *Clients) RoleARN(ctx context.Context, name string) (string, error) {
	out, err := c.getRole(ctx, name)
	if err != nil {
		return "", Explain(err, Operation{Name: "GetRole", Action: "iam:GetRole", Resource: "role " + name})
	}
	if out.ARN == "" {
		return "", fmt.Errorf("GetRole of role %s returned no ARN", name)
	}
	return out.ARN, nil
}

// roleReply is the reply of GetRole, or its error.
type roleReply struct {
	ARN     string `xml:"GetRoleResult>Role>Arn"`
	Code    string `xml:"Error>Code"`
	Message string `xml:"Error>Message"`
}

func (c *Clients) getRole(ctx context.Context, name string) (reply roleReply, err error) {
	ctx, cancel := context.WithTimeout(ctx, iamTimeout)
	defer cancel()
	endpoint, region, err := c.iamEndpoint()
	if err != nil {
		return reply, err
	}
	body := url.Values{"Action": {"GetRole"}, "Version": {"2010-05-08"}, "RoleName": {name}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(body))
	if err != nil {
		return reply, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	credentials, err := c.config.Credentials.Retrieve(ctx)
	if err != nil {
		return reply, err
	}
	sum := sha256.Sum256([]byte(body))
	err = v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "iam", region, time.Now())
	if err != nil {
		return reply, err
	}
	var client interface {
		Do(*http.Request) (*http.Response, error)
	} = http.DefaultClient
	if c.config.HTTPClient != nil {
		client = c.config.HTTPClient
	}
	response, err := client.Do(request)
	if err != nil {
		return reply, err
	}
	klog.V(requestLevel).InfoS("AWS IAM GetRole", "host", request.URL.Host, "region", region, "status", response.Status)
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return reply, err
	}
	if err := xml.Unmarshal(raw, &reply); err != nil {
		return reply, fmt.Errorf("the reply (%s) is not that of IAM: %w", response.Status, err)
	}
	if reply.Code != "" || response.StatusCode != http.StatusOK {
		return reply, &smithy.GenericAPIError{Code: reply.Code, Message: reply.Message}
	}
	return reply, nil
}

// iamEndpoint returns the only endpoint of IAM in the region's partition, and the region in which its requests are
// signed.
func (c *Clients) iamEndpoint() (endpoint, region string, err error) {
	replaced := c.config.BaseEndpoint
	c.options.overrideEndpoint("IAM", &replaced)
	for prefix, e := range map[string][2]string{
		"cn-":     {"https://iam.cn-north-1.amazonaws.com.cn/", "cn-north-1"},
		"us-gov-": {"https://iam.us-gov.amazonaws.com/", "us-gov-west-1"},
		"us-iso":  {}, "eu-iso": {}, "eusc-": {},
	} {
		if strings.HasPrefix(c.config.Region, prefix) {
			endpoint, region = e[0], e[1]
			if endpoint == "" && replaced == nil {
				return "", "", fmt.Errorf("the endpoint of IAM in %s is unknown", c.config.Region)
			}
		}
	}
	if region == "" {
		endpoint, region = "https://iam.amazonaws.com/", "us-east-1"
	}
	if url := aws.ToString(replaced); url != "" {
		endpoint = url
	}
	return endpoint, region, nil
}
