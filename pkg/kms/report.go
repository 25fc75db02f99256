package kms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// DescribeOptions configure Describe.
type DescribeOptions struct {
	// Where is the place of the clusters for which the eligibility is determined.
	Where Place
	// Caller is the ARN of the principal whose rights the policy check is about.
	Caller string
	// Grantee is the principal of the grant's dry run: the cluster's role, or the caller.
	Grantee string
	// UsedBy returns the clusters of the key's region by the ARN of their key.
	UsedBy func(context.Context) (map[string][]string, error)
}

// Describe returns everything that the caller can learn about one key. api belongs to the key's region, which may
// differ from that of the clusters. What the caller may not read is listed in the report as unknown; Describe fails
// only if it cannot find the key.
func Describe(ctx context.Context, api DepthReader, named string, o DescribeOptions) (*v1alpha1.KeyReport, error) {
	ref, err := ParseRef(named)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(ref.Alias, "alias/aws/") { // DescribeKey may create the key of such an alias
		return nil, hint.New(fmt.Sprintf("%s is an alias of AWS: no cluster can use its key", named), listHint)
	}
	d := &depth{api: api, options: o, report: &v1alpha1.KeyReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindKeyReport), Region: o.Where.Region, Account: o.Where.Account,
	}}
	d.key, err = describe(ctx, api, named)
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case denied(err) && ref.Account != "" && ref.Alias == "":
		d.key.ARN, d.key.Account, d.key.DescribeErr = named, ref.Account, err
		d.unknown("metadata", explain(err, "DescribeKey", named))
	case err != nil:
		in := o.Where
		in.Region = cmp.Or(ref.Region, in.Region)
		return nil, resolveError(err, ref, in)
	}
	d.readAll(ctx)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return d.finish(), nil
}

// depth collects the facts about one key.
type depth struct {
	api     DepthReader
	options DescribeOptions
	key     Candidate
	usedBy  []string

	mu     sync.Mutex // guards the report
	report *v1alpha1.KeyReport
}

// reading is one fact and the call that reads it.
type reading struct {
	fact, operation string
	// own is true if KMS allows the call only for keys of the caller's account.
	own  bool
	read func(context.Context) error
}

// readAll reads all facts at the same time.
func (d *depth) readAll(ctx context.Context) {
	key, arn := &d.key, d.key.ARN
	foreign := key.Account != "" && d.options.Where.Account != "" && key.Account != d.options.Where.Account
	described := key.DescribeErr == nil
	rotates := !described || canRotate(key.Key)
	grantable := !described || managerReason(*key) == "" && kindReason(*key) == ""
	var g sync.WaitGroup
	for _, r := range []reading{
		{"aliases", "ListAliases", true, func(ctx context.Context) error { return d.readAliases(ctx) }},
		{"tags", "ListResourceTags", true, func(ctx context.Context) (err error) {
			key.Tags, err = tags(ctx, d.api, arn)
			return err
		}},
		{"rotation", "GetKeyRotationStatus", false, func(ctx context.Context) (err error) {
			if rotates {
				key.Rotation, err = rotation(ctx, d.api, arn)
			}
			return err
		}},
		{"lastUse", "GetKeyLastUsage", true, func(ctx context.Context) (err error) {
			d.report.LastUse, err = lastUse(ctx, d.api, arn)
			return err
		}},
		{"grants", "ListGrants", false, func(ctx context.Context) error { return d.readGrants(ctx) }},
	} {
		if foreign && r.own {
			d.unknown(r.fact, fmt.Errorf("KMS shows this only to account %s, which owns the key", key.Account))
			continue
		}
		g.Go(func() {
			resource := arn
			if r.operation == "ListAliases" {
				resource = "*"
			}
			d.unknown(r.fact, explain(r.read(ctx), r.operation, resource))
		})
	}
	g.Go(func() { d.check(ctx, foreign, grantable) })
	g.Go(func() {
		used, err := d.options.UsedBy(ctx)
		d.usedBy = used[arn]
		d.unknown("usedBy", err)
	})
	g.Wait()
}

// unknown records why a fact is unknown, unless err is nil.
func (d *depth) unknown(fact string, err error) {
	if err == nil {
		return
	}
	u := v1alpha1.UnknownFact{Fact: fact, Reason: err.Error()}
	if failed := new(awsclient.Error); errors.As(err, &failed) && failed.Kind == awsclient.KindAccessDenied {
		u.Action, u.Resource = failed.Operation.Action, cmp.Or(failed.Operation.Resource, "*")
		u.Reason = fmt.Sprintf("needs %s on %s", u.Action, u.Resource)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.report.Unknown = append(d.report.Unknown, u)
}

func (d *depth) readAliases(ctx context.Context) error {
	aliases, err := listAliases(ctx, d.api, d.key.ARN)
	for _, a := range aliases {
		d.key.Aliases = append(d.key.Aliases, aws.ToString(a.AliasName))
	}
	slices.Sort(d.key.Aliases)
	return err
}

func (d *depth) readGrants(ctx context.Context) error {
	found, more, err := grants(ctx, d.api, d.key.ARN)
	if err != nil {
		return err
	}
	d.report.Grants = found
	if more {
		return fmt.Errorf("only the first %d grants were read", len(found))
	}
	return nil
}

// check adds the checks of the key policy and, if the kind of key allows one, of the grant.
func (d *depth) check(ctx context.Context, foreign, grantable bool) {
	var issues PolicyIssues
	reader := &policyRecorder{PolicyReader: d.api}
	unread := fmt.Sprintf("KMS shows this only to account %s, which owns the key", d.key.Account)
	if foreign {
		d.unknown("policy", errors.New(unread))
	} else {
		issues, unread = ReadPolicyIssues(ctx, reader, d.key.ARN,
			Requester{ARN: d.options.Caller, Region: d.options.Where.Region})
		d.unknown("policy", explain(reader.err, "GetKeyPolicy", d.key.ARN))
	}
	checks := []v1alpha1.Check{issues.Check(unread)}
	if grantable {
		checks = append(checks, CheckGrant(ctx, d.api, d.key.ARN, d.options.Grantee, issues))
	}
	d.report.Checks = checks
}

// policyRecorder keeps the error of GetKeyPolicy.
type policyRecorder struct {
	PolicyReader
	err error
}

// GetKeyPolicy implements PolicyReader.
func (p *policyRecorder) GetKeyPolicy(
	ctx context.Context, in *kms.GetKeyPolicyInput, o ...func(*kms.Options),
) (out *kms.GetKeyPolicyOutput, err error) {
	out, p.err = p.PolicyReader.GetKeyPolicy(ctx, in, o...)
	return out, p.err
}

// finish puts the key into the report.
func (d *depth) finish() *v1alpha1.KeyReport {
	r := d.report
	r.Name = d.key.ARN[strings.LastIndexByte(d.key.ARN, '/')+1:]
	r.Key = d.key.Item(d.options.Where)
	r.Key.UsedBy = d.usedBy
	if d.key.DescribeErr != nil {
		r.Key.Reasons, r.Key.Palette = []string{"unknown, because the key could not be described"}, ""
	}
	slices.SortFunc(r.Unknown, func(a, b v1alpha1.UnknownFact) int { return strings.Compare(a.Fact, b.Fact) })
	return r
}
