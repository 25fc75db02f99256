package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cmdutil"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// stopOptions limit the time of the audit.
type stopOptions struct{ timeout time.Duration }

func (s *stopOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&s.timeout, "timeout", 0,
		"Stop after this time, report what was queried until then, and exit with code 124; 0 is unlimited")
}

// timeoutError is the cause of a context that the timeout ended.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string {
	text := e.after.String()
	for _, zero := range [][2]string{{"m0s", "m"}, {"h0m", "h"}} {
		if short, found := strings.CutSuffix(text, zero[0]); found {
			text = short + zero[1]
		}
	}
	return "the audit timed out after " + text
}

// limit returns a context that ends after the timeout. It has no deadline, so that a call that it ends does not look
// like one that AWS did not answer in time.
func (s *stopOptions) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	if s.timeout <= 0 {
		return ctx, func() { cancel(nil) }
	}
	timer := time.AfterFunc(s.timeout, func() { cancel(&timeoutError{s.timeout}) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// stopped returns err with the exit code for a context that has ended early.
func stopped(ctx context.Context, err error) error {
	if timeout := new(timeoutError); errors.As(context.Cause(ctx), &timeout) {
		return cmdutil.WithCode(cmdutil.ExitTimeout, err)
	}
	return cmdutil.WithCode(cmdutil.ExitInterrupted, err)
}

// stoppedEarly returns the error of an audit that ended before it began to query clusters.
func stoppedEarly(ctx context.Context, err error) error {
	timeout := new(timeoutError)
	if !errors.As(context.Cause(ctx), &timeout) || !errors.Is(err, context.Canceled) {
		return err
	}
	return cmdutil.WithCode(cmdutil.ExitTimeout, fmt.Errorf("%w, before any cluster was queried", timeout))
}

// partialError is the error of an audit whose report is incomplete because it was stopped.
func (o *options) partialError(ctx context.Context, r *v1alpha1.AuditReport) error {
	text := fleet.StopReason(ctx)
	var parts []string
	for _, part := range []struct {
		n    int
		noun string
	}{{r.Summary.Findings, "finding"}, {len(encryption.NotWaived(r.Unreachable)), "incomplete region or account"}} {
		if part.n > 0 {
			parts = append(parts, output.Count(part.n, part.noun))
		}
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	next := "the report has what was queried until then"
	if o.allClusters {
		next = "to continue, repeat the command with --resume and the report in JSON or YAML, as --output-file report.json " +
			"writes it"
		if path := o.resumable(); path != "" {
			next = "to continue, repeat the command with --resume " + path
		}
	}
	return stopped(ctx, hint.New(text, next))
}

// location is a region of an account, or a kube context.
type location struct{ context, account, region string }

// locationOf returns where the audit found the cluster.
func (o *options) locationOf(c *v1alpha1.Cluster) location {
	if !o.allClusters && c.Context != "" {
		return location{context: c.Context}
	}
	return location{account: c.Account, region: c.Region}
}

// addNotVerified adds the locations of clusters whose existing data was not verified, because the audit was stopped, to
// the unreachable ones. A location is listed once, also if it is incomplete for another reason.
func addNotVerified(answers *fleet.Answers, clusters []location, why string) {
	n := map[location]int{}
	for _, at := range clusters {
		n[at]++
	}
	for _, at := range clusters {
		if n[at] == 0 {
			continue // it was added
		}
		reason := fmt.Sprintf("existing data of %s not verified: %s", output.Count(n[at], "cluster"), why)
		n[at] = 0
		i := slices.IndexFunc(answers.Unreachable, func(u v1alpha1.Unreachable) bool {
			return location{u.Context, u.Account, u.Region} == at
		})
		if i < 0 {
			answers.Unreachable = append(answers.Unreachable, v1alpha1.Unreachable{
				Context: at.context, Account: at.account, Region: at.region, Cause: v1alpha1.CauseInterrupted, Reason: reason})
			continue
		}
		u := &answers.Unreachable[i]
		u.Reason, u.Cause = u.Reason+"; "+reason, v1alpha1.CauseInterrupted // no waiver covers it any more
	}
	slices.SortStableFunc(answers.Unreachable, func(a, b v1alpha1.Unreachable) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	answers.Stopped = answers.Stopped || len(clusters) > 0
}

// resumable returns the file of the report that --resume accepts, or "".
func (o *options) resumable() string {
	for _, flag := range o.fileFlags {
		if format, path, err := parseFile(flag); err == nil && (format == "json" || format == "yaml") {
			return path
		}
	}
	return ""
}
