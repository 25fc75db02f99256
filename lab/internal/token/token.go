// Package token creates the same tokens as `aws eks get-token`: an ExecCredential
// whose token is a presigned sts:GetCallerIdentity bound to one cluster.
package token

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	clientauthentication "k8s.io/client-go/pkg/apis/clientauthentication/v1beta1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Lifetimes as in the AWS CLI: the signature is valid for 15 minutes, whatever
// the value of X-Amz-Expires, and clients get a new token one minute earlier.
const (
	expires  = "60"
	lifetime = 14 * time.Minute
)

// Request selects the cluster and, optionally, the role or profile of the caller.
type Request struct {
	Cluster, Region, RoleARN, Profile string
}

// FromEnvironment returns a token signed with the credentials that the AWS SDK finds.
func FromEnvironment(ctx context.Context, r Request) (string, error) {
	options := []func(*config.LoadOptions) error{
		config.WithRegion(r.Region),
		config.WithHTTPClient(requestbody.InMemory{Next: awshttp.NewBuildableClient()}),
	}
	if r.Profile != "" {
		options = append(options, config.WithSharedConfigProfile(r.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return "", err
	}
	if r.RoleARN != "" {
		cfg.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), r.RoleARN,
			func(o *stscreds.AssumeRoleOptions) { o.RoleSessionName = "EKSGetTokenAuth" }))
	}
	return sign(ctx, sts.NewFromConfig(cfg), r.Cluster)
}

// Sign returns a token for the lab's endpoint, signed with the given credentials.
func Sign(ctx context.Context, endpoint string, c state.Credentials, r Request) (string, error) {
	return sign(ctx, sts.New(sts.Options{
		Region: r.Region, BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, ""),
	}), r.Cluster)
}

func sign(ctx context.Context, client *sts.Client, cluster string) (string, error) {
	bind := func(o *sts.PresignOptions) { o.Presigner = clusterSigner{o.Presigner, cluster} }
	signed, err := sts.NewPresignClient(client).PresignGetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}, bind)
	if err != nil {
		return "", fmt.Errorf("sign a token for cluster %s: %w", cluster, err)
	}
	return "k8s-aws-v1." + base64.RawURLEncoding.EncodeToString([]byte(signed.URL)), nil
}

// ExecCredential returns the token in the form that client-go expects from exec plugins.
func ExecCredential(token string, now time.Time) ([]byte, error) {
	until := metav1.NewTime(now.Add(lifetime).UTC().Truncate(time.Second))
	return json.Marshal(clientauthentication.ExecCredential{
		TypeMeta: metav1.TypeMeta{Kind: "ExecCredential", APIVersion: clientauthentication.SchemeGroupVersion.String()},
		Status:   &clientauthentication.ExecCredentialStatus{Token: token, ExpirationTimestamp: &until},
	})
}

// clusterSigner includes the cluster's name in the signature.
type clusterSigner struct {
	sts.HTTPPresignerV4
	cluster string
}

func (s clusterSigner) PresignHTTP(
	ctx context.Context, c aws.Credentials, r *http.Request, payloadHash, service, region string, at time.Time,
	opts ...func(*v4.SignerOptions),
) (string, http.Header, error) {
	r.Header.Set("x-k8s-aws-id", s.cluster)
	query := r.URL.Query()
	query.Set("X-Amz-Expires", expires)
	r.URL.RawQuery = query.Encode()
	return s.HTTPPresignerV4.PresignHTTP(ctx, c, r, payloadHash, service, region, at, opts...)
}
