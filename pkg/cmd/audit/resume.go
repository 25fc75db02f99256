package audit

import (
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
)

// resumeOptions continue an incomplete audit.
type resumeOptions struct {
	resumeFlag string
	resumed    *v1alpha1.AuditReport // nil without --resume
}

func (r *resumeOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.resumeFlag, "resume", "",
		"Continue the audit of this incomplete report (-o json or yaml), with the same flags; only what is missing in it "+
			"is queried")
}

// readResumed reads the report of --resume, and checks that this audit has the same scope.
func (o *options) readResumed() error {
	if o.resumeFlag == "" {
		return nil
	}
	text, err := readReport(o.resumeFlag, nil)
	if err != nil {
		return cmdutil.UsageErrorf("--resume %s: %w", o.resumeFlag, err)
	}
	r, unknown, err := parseReport(text)
	if err == nil {
		err = fleet.CanResume(r, o.scope, o.filter)
	}
	if err != nil {
		return cmdutil.UsageErrorf("--resume %s: %w", o.resumeFlag, err)
	}
	o.resumed = r
	o.noteUnknown(o.resumeFlag, unknown)
	return nil
}

// checkCaller returns an error if the earlier audit was made from another account, partition or endpoint: an answer may
// depend on it.
func (r *resumeOptions) checkCaller(is v1alpha1.Provenance) error {
	if r.resumed == nil {
		return nil
	}
	was := r.resumed.Caller
	switch {
	case was == nil:
		return cmdutil.UsageErrorf("--resume %s: the report does not name the caller", r.resumeFlag)
	case was.Account != is.Caller.Account || partition(was.ARN) != partition(is.Caller.ARN):
		return cmdutil.UsageErrorf("--resume %s: the report was made by %s, and the caller now is %s", r.resumeFlag,
			was.ARN, is.Caller.ARN)
	case !slices.Equal(r.resumed.EndpointOverrides, is.EndpointOverrides):
		return cmdutil.UsageErrorf("--resume %s: the report was made with other AWS endpoints", r.resumeFlag)
	}
	return nil
}

func partition(s string) string {
	a, _ := arn.Parse(s)
	return a.Partition
}

// startOf returns when the first run of the audit began. No cluster was observed before that.
func (r *resumeOptions) startOf(now time.Time) time.Time {
	if r.resumed == nil || r.resumed.StartedAt == nil || r.resumed.StartedAt.After(now) {
		return now
	}
	return r.resumed.StartedAt.Time
}

// coverage returns what the earlier report states about the existing data of a cluster, if its key is the same.
func (r *resumeOptions) coverage(of *v1alpha1.EncryptionReport) *v1alpha1.CoverageReport {
	if r.resumed == nil {
		return nil
	}
	i := slices.IndexFunc(r.resumed.Coverage, func(c v1alpha1.CoverageReport) bool {
		return c.Cluster.ARN == of.Cluster.ARN && c.KeyARN == of.Encryption.KeyARN
	})
	if i < 0 {
		return nil
	}
	return &r.resumed.Coverage[i]
}

// oldAfter is the age from which the answers of an earlier report deserve a note.
const oldAfter = 24 * time.Hour

// ageNote returns a note if the earlier report is old; "" otherwise.
func (r *resumeOptions) ageNote(now time.Time) string {
	if r.resumed == nil || r.resumed.FinishedAt == nil || now.Sub(r.resumed.FinishedAt.Time) < oldAfter {
		return ""
	}
	return fmt.Sprintf("the earlier report is %d hours old: its clusters are reported as they were then",
		int(now.Sub(r.resumed.FinishedAt.Time).Hours()))
}
