package awsclient

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// TestRoleARN checks GetRole on the wire: the path of a role, and the missing permission.
func TestRoleARN(t *testing.T) {
	const role = "arn:aws:iam::" + awstest.Account + ":role/ci/eu/deployer"
	server, config := awstest.New(t, fakeaws.Allow("iam:GetRole", role))
	awstest.Must(t, server.AddPrincipal(fakeaws.Principal{ARN: role}))
	awstest.Must(t, server.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + awstest.OtherAccount + ":role/other"}))
	clients := (&Options{Region: awstest.Region}).clients(config)
	if got, err := clients.RoleARN(t.Context(), "deployer"); got != role || err != nil {
		t.Errorf("RoleARN = %q, %v, want %s", got, err, role)
	}
	_, err := clients.RoleARN(t.Context(), "other")
	if KindOf(err) != KindAccessDenied || !strings.Contains(err.Error(), "iam:GetRole on role other") {
		t.Errorf("error without permission = %v", err)
	}
	awstest.Must(t, server.AddPrincipal(awstest.User()))
	if _, err := clients.RoleARN(t.Context(), "other"); err == nil || !strings.Contains(err.Error(), "cannot be found") {
		t.Errorf("error of a missing role = %v", err)
	}
}

// TestIAMEndpoint checks the endpoint of each partition and its override.
func TestIAMEndpoint(t *testing.T) {
	override := "http://127.0.0.1:1"
	for _, test := range []struct{ region, override, endpoint, signing string }{
		{"eu-central-1", "", "https://iam.amazonaws.com/", "us-east-1"},
		{"cn-northwest-1", "", "https://iam.cn-north-1.amazonaws.com.cn/", "cn-north-1"},
		{"us-gov-east-1", "", "https://iam.us-gov.amazonaws.com/", "us-gov-west-1"},
		{"us-isob-east-1", "", "", ""},
		{"eusc-de-east-1", "", "", ""},
		{"eu-central-1", override, override, "us-east-1"},
		{"us-gov-east-1", override, override, "us-gov-west-1"},
		{"us-isob-east-1", override, override, "us-east-1"},
	} {
		c := (&Options{EndpointURL: test.override}).clients(aws.Config{Region: test.region})
		endpoint, region, err := c.iamEndpoint()
		if endpoint != test.endpoint || region != test.signing || (err != nil) != (test.endpoint == "") {
			t.Errorf("%+v: endpoint = %q in %q, %v", test, endpoint, region, err)
		}
	}
}
