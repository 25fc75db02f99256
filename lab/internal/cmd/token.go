package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/token"
)

func newToken(g *globals) *cobra.Command {
	var user string
	cmd := &cobra.Command{
		Use: "token", Short: "Print an ExecCredential for the cluster", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, config, err := g.lab()
			if err != nil {
				return err
			}
			u, err := config.FindUser(user)
			if err != nil {
				return err
			}
			request := token.Request{Cluster: state.ClusterName, Region: state.Region}
			t, err := token.Sign(cmd.Context(), config.Ports.AWSURL(), u.Credentials, request)
			if err != nil {
				return err
			}
			return printToken(g.stdout, t)
		},
	}
	cmd.Flags().StringVar(&user, "person", "", "User of the token (default: the user given to up)")
	return cmd
}

// newAWS returns a stand-in for the AWS CLI, for machines without it. It has only
// the command that kubeconfigs call.
func newAWS(stdout, stderr io.Writer) *cobra.Command {
	var r token.Request
	var ignored string
	root := &cobra.Command{
		Use: "aws", SilenceUsage: true, SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the AWS CLI is not installed; eks-lab, its stand-in, supports only: aws eks get-token")
		},
	}
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentFlags().StringVar(&r.Region, "region", "", "")
	root.PersistentFlags().StringVar(&r.Profile, "profile", "", "")
	root.PersistentFlags().StringVar(&ignored, "output", "json", "")
	eks := &cobra.Command{Use: "eks", RunE: root.RunE}
	get := &cobra.Command{
		Use: "get-token", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if r.Cluster == "" {
				return errors.New("--cluster-name is required")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), 30*time.Second)
			defer cancel()
			t, err := token.FromEnvironment(ctx, r)
			if err != nil {
				return err
			}
			return printToken(stdout, t)
		},
	}
	get.Flags().StringVar(&r.Cluster, "cluster-name", "", "")
	get.Flags().StringVar(&r.RoleARN, "role-arn", "", "")
	get.Flags().StringVar(&r.RoleARN, "role", "", "") // the short form that update-kubeconfig writes
	eks.AddCommand(get)
	root.AddCommand(eks)
	return root
}

func printToken(w io.Writer, t string) error {
	credential, err := token.ExecCredential(t, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s\n", credential)
	return err
}
