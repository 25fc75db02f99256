// Package securityhub imports the findings of audits into Security Hub CSPM, in the AWS Security Finding Format. Decide
// compares them with those that Security Hub has; Client makes the calls in one account and region.
package securityhub

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/securityhub"
	"github.com/aws/aws-sdk-go-v2/service/securityhub/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/clock"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// MaxBatch is the number of findings that one call accepts or returns.
const MaxBatch = 100

// Place is an account and region. Security Hub accepts findings only from their own.
type Place struct{ Partition, Account, Region string }

func (p Place) productARN() string { return ProductARN(p.Partition, p.Account, p.Region) }

func (p Place) hubARN() string {
	return "arn:" + p.Partition + ":securityhub:" + p.Region + ":" + p.Account + ":hub/default"
}

// Failure is a finding that Security Hub refused.
type Failure struct{ ID, Code, Message string }

func (f Failure) Error() string {
	return fmt.Sprintf("finding %s: %s", f.ID, strings.TrimSuffix(f.Code+": "+f.Message, ": "))
}

// Client calls Security Hub in one place.
type Client struct {
	Place
	calls awsclient.SecurityHub
	// Pause waits before findings that Security Hub does not find yet are updated again.
	Pause func(context.Context, time.Duration) error
}

// New returns a Client that calls the operations.
func New(calls awsclient.SecurityHub, place Place) *Client {
	return &Client{Place: place, calls: calls, Pause: clock.Sleep}
}

// Earlier returns the findings of this program that Security Hub has in the place. An administrator account or an
// aggregation region also returns findings of other places, so they are filtered out.
func (c *Client) Earlier(ctx context.Context) ([]Earlier, error) {
	equals := func(s string) []types.StringFilter {
		return []types.StringFilter{{Comparison: types.StringFilterComparisonEquals, Value: &s}}
	}
	in := &securityhub.GetFindingsInput{
		MaxResults: aws.Int32(MaxBatch),
		Filters: &types.AwsSecurityFindingFilters{
			ProductArn: equals(c.productARN()), AwsAccountId: equals(c.Account), Region: equals(c.Region),
			GeneratorId: []types.StringFilter{{Comparison: types.StringFilterComparisonPrefix, Value: aws.String(generators)}},
		},
	}
	var all []Earlier
	for {
		out, err := c.calls.GetFindings(ctx, in)
		if err != nil {
			return nil, c.explain(err, "GetFindings", c.hubARN())
		}
		for i := range out.Findings {
			if e := newEarlier(&out.Findings[i]); c.owns(&e.Finding) {
				all = append(all, e)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return all, nil
		}
		in.NextToken = out.NextToken
	}
}

const generators = ToolName + "/"

// owns reports whether the finding belongs to this program and place. The client changes no other finding.
func (c *Client) owns(f *Finding) bool {
	return f.ProductArn == c.productARN() && f.AwsAccountID == c.Account && f.Region == c.Region &&
		strings.HasPrefix(f.GeneratorID, generators)
}

// explain names the action and the resource. Security Hub reports an account without it as one that may not call it.
func (c *Client) explain(err error, name, resource string) error {
	explained := awsclient.Explain(err, awsclient.Operation{
		Name: name, Action: "securityhub:" + name, Resource: resource,
	})
	if notEnabled(err) {
		return hint.Wrap(explained, "enable Security Hub CSPM in account %s: aws securityhub enable-security-hub "+
			"--no-enable-default-standards --region %s", c.Account, c.Region)
	}
	return explained
}

// notEnabled reports whether the account has not enabled Security Hub in the region.
func notEnabled(err error) bool { return errors.As(err, new(*types.InvalidAccessException)) }
