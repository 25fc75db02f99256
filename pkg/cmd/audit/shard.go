package audit

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// jobIndex is the variable that an Indexed Job of Kubernetes sets in its pods.
const jobIndex = "JOB_COMPLETION_INDEX"

// shardOptions select a part of the accounts.
type shardOptions struct{ shardFlag string }

func (s *shardOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.shardFlag, "shard", "",
		"Only part I of N of the accounts, as I/N with I from 0 to N-1; N alone takes I from "+jobIndex+" of an Indexed Job")
	cmdutil.CompleteFlag(cmd, "shard")
}

// parseShard adds the shard to the scope.
func (s *shardOptions) parseShard(scope *fleet.Scope) (err error) {
	if s.shardFlag == "" {
		return nil
	}
	if scope.Shard, err = fleet.ParseShard(s.shardFlag, os.Getenv(jobIndex)); err != nil {
		return cmdutil.UsageErrorf("--shard: %w", err)
	}
	if !scope.Organization && len(scope.Units) == 0 && len(scope.Accounts) == 0 {
		return cmdutil.UsageErrorf("--shard needs --accounts, --ou or --organization")
	}
	return nil
}
