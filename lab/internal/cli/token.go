package cli

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
	var person string
	cmd := &cobra.Command{
		Use: "token", Short: "Print an ExecCredential for the cluster", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, config, err := g.lab()
			if err != nil {
				return err
			}
			if person == "" {
				person = config.Person
			}
			p, err := config.Find(person)
			if err != nil {
				return err
			}
			t, err := token.Of(cmd.Context(), config.Ports.AWSURL(), p.Credentials, token.Request{Cluster: state.ClusterName, Region: state.Region})
			if err != nil {
				return err
			}
			return printToken(g.stdout, t)
		},
	}
	cmd.Flags().StringVar(&person, "person", "", "As whom (default as given to up)")
	return cmd
}

// newAWS stands in for the AWS CLI where it is not installed, for the one
// command that kubeconfigs call.
func newAWS(stdout, stderr io.Writer) *cobra.Command {
	var r token.Request
	var ignored string
	root := &cobra.Command{
		Use: "aws", SilenceUsage: true, SilenceErrors: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("this is eks-lab in place of the AWS CLI, which is not installed; it knows only: aws eks get-token")
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
				return errors.New("--cluster-name is needed")
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
	get.Flags().StringVar(&r.RoleARN, "role", "", "") // as update-kubeconfig abbreviates it
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
