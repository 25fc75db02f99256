package awsclient

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// RoleARN returns the ARN of a role of the caller's account, with its path. It calls the only endpoint of IAM in the
// region's partition.
func (c *Clients) RoleARN(ctx context.Context, name string) (string, error) {
	client := iam.NewFromConfig(c.config, func(o *iam.Options) { c.principal.setEndpoint("IAM", &o.BaseEndpoint) })
	out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if err != nil {
		return "", Explain(err, Operation{Name: "GetRole", Action: "iam:GetRole", Resource: "role " + name})
	}
	if out.Role == nil || aws.ToString(out.Role.Arn) == "" {
		return "", fmt.Errorf("GetRole of role %s returned no ARN", name)
	}
	return *out.Role.Arn, nil
}
