package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// newAssociate returns a command that associates a key through the EKS API, for
// machines without the AWS CLI.
func newAssociate(g *globals) *cobra.Command {
	var key string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use: "associate", Short: "Associate a key through the EKS API, like `aws eks associate-encryption-config`",
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, config, err := g.lab()
			if err != nil {
				return err
			}
			if key == "" {
				key = config.CustomerKey
			}
			admin, err := config.FindUser(state.Admin)
			if err != nil {
				return err
			}
			client := eks.New(eks.Options{
				Region: state.Region, BaseEndpoint: aws.String(config.Ports.AWSURL()),
				Credentials: credentials.NewStaticCredentialsProvider(admin.AccessKeyID, admin.SecretAccessKey, ""),
				HTTPClient:  requestbody.InMemory{Next: awshttp.NewBuildableClient()},
			})
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			return g.associate(ctx, client, key)
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "ARN or alias of the key (default: the lab's alias/lab)")
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "How long to wait for the update")
	return cmd
}

// associate associates the key and waits until the update ends.
func (g *globals) associate(ctx context.Context, client *eks.Client, key string) error {
	out, err := client.AssociateEncryptionConfig(ctx, &eks.AssociateEncryptionConfigInput{
		ClusterName: aws.String(state.ClusterName),
		EncryptionConfig: []types.EncryptionConfig{{
			Provider:  &types.Provider{KeyArn: &key},
			Resources: []string{"secrets"},
		}},
	})
	if err != nil {
		return err
	}
	id, status := aws.ToString(out.Update.Id), types.UpdateStatus("")
	for {
		update, err := client.DescribeUpdate(ctx, &eks.DescribeUpdateInput{
			Name: aws.String(state.ClusterName), UpdateId: &id,
		})
		if err != nil {
			return err
		}
		if update.Update.Status != status {
			status = update.Update.Status
			fmt.Fprintf(g.stdout, "update %s: %s\n", id, status)
		}
		switch status {
		case types.UpdateStatusSuccessful:
			return nil
		case types.UpdateStatusFailed, types.UpdateStatusCancelled:
			return fmt.Errorf("update %s: %s: %s", id, status, reasons(update.Update.Errors))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("update %s is still %s: %w", id, status, ctx.Err())
		case <-time.After(500 * time.Millisecond):
		}
	}
}

func reasons(errs []types.ErrorDetail) (text string) {
	for _, e := range errs {
		text += fmt.Sprintf("%s (%s) ", aws.ToString(e.ErrorMessage), e.ErrorCode)
	}
	return text
}
