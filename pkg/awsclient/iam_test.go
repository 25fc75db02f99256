package awsclient

import (
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

// TestRoleARN checks GetRole on the wire: the path of a role, and the missing permission.
func TestRoleARN(t *testing.T) {
	const role = "arn:aws:iam::" + awstest.Account + ":role/ci/eu/deployer"
	server, config := awstest.New(t, fakeaws.Allow("iam:GetRole", role))
	awstest.Must(t, server.AddPrincipal(fakeaws.Principal{ARN: role}))
	awstest.Must(t, server.AddPrincipal(fakeaws.Principal{ARN: "arn:aws:iam::" + awstest.OtherAccount + ":role/other"}))
	clients := (&principal{options: Options{EndpointURL: *config.BaseEndpoint}}).clients(config)
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
