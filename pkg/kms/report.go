package kms

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// DescribeOptions configure Describe.
type DescribeOptions struct {
	// Where is the place of the clusters for which the eligibility is determined.
	Where Place
	// Caller is the ARN of the principal whose rights the policy check is about.
	Caller string
	// ClusterRole is the role of a cluster, to which the dry run grants the key, and ClusterKey is the key of the
	// cluster. Both may be empty; without a role the dry run is for the caller.
	ClusterRole, ClusterKey string
	// Events finds events of CloudTrail in the key's region; nil leaves them out.
	Events Events
	Now    time.Time
	// UsedBy returns the clusters of the key's region by the ARN of their key.
	UsedBy func(context.Context) (map[string][]string, error)
}

// Grantee returns the principal of the grant's dry run.
func (o DescribeOptions) Grantee() string { return cmp.Or(o.ClusterRole, o.Caller) }

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
		explained := explain(err, "DescribeKey", named)
		d.unknown.add("metadata", explained)
		d.report.Notes = policyNotes(explained)
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
	api      DepthReader
	options  DescribeOptions
	key      Candidate
	usedBy   []string
	evidence *evidence
	unknown  unknowns
	report   *v1alpha1.KeyReport
}

// readAll reads all facts at the same time, and then makes the dry run of the grant, which depends on the policy.
func (d *depth) readAll(ctx context.Context) {
	key, arn := &d.key, d.key.ARN
	foreign := key.Account != "" && d.options.Where.Account != "" && key.Account != d.options.Where.Account
	described := key.DescribeErr == nil
	rotates := !described || canRotate(key.Key)
	d.evidence = &evidence{api: d.api, options: EvidenceOptions{
		Key: key.Key, Account: d.options.Where.Account, Events: d.options.Events, Now: d.options.Now,
		OfCluster: d.options.ClusterKey == arn,
		Requester: Requester{ARN: d.options.Caller, Region: d.options.Where.Region, ClusterRole: d.options.ClusterRole},
	}}
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
	} {
		if foreign && r.own {
			d.unknown.add(r.fact, onlyOwner(key.Account))
			continue
		}
		g.Go(func() {
			resource := arn
			if r.operation == "ListAliases" {
				resource = "*"
			}
			d.unknown.add(r.fact, explain(r.read(ctx), r.operation, resource))
		})
	}
	g.Go(func() { d.evidence.readAll(ctx) })
	g.Go(func() {
		used, err := d.options.UsedBy(ctx)
		d.usedBy = used[arn]
		d.unknown.add("usedBy", err)
	})
	g.Wait()
	e := d.evidence
	d.report.Checks = append([]v1alpha1.Check{e.issues.Check(e.unread)}, e.checks()...)
	d.report.Checks = append(d.report.Checks, e.health...)
	if !described || managerReason(*key) == "" && kindReason(*key) == "" {
		d.report.Checks = append(d.report.Checks, CheckGrant(ctx, d.api, arn, d.options.Grantee(), e.issues))
	}
}

func (d *depth) readAliases(ctx context.Context) error {
	aliases, err := listAliases(ctx, d.api, d.key.ARN)
	for _, a := range aliases {
		d.key.Aliases = append(d.key.Aliases, aws.ToString(a.AliasName))
	}
	slices.Sort(d.key.Aliases)
	return err
}

// finish puts the key into the report.
func (d *depth) finish() *v1alpha1.KeyReport {
	r := d.report
	r.Name = d.key.ARN[strings.LastIndexByte(d.key.ARN, '/')+1:]
	r.Key = d.key.Item(d.options.Where)
	r.Key.UsedBy = d.usedBy
	if d.key.ValidTo != nil {
		r.Key.ValidTo, r.Key.MaterialDaysLeft = d.key.ValidTo, encryption.DaysLeft(d.key.ValidTo, d.options.Now)
		r.Notes = append(r.Notes, encryption.ExpiryNotes(r.Key.MaterialDaysLeft)...)
	}
	if d.key.DescribeErr != nil {
		r.Key.Reasons, r.Key.Palette = []string{"unknown, because the key could not be described"}, ""
	}
	found := &d.evidence.found
	r.LastUse, r.Rotations, r.Grants = found.LastUse, found.Rotations, found.Grants
	d.unknown.facts = append(d.unknown.facts, d.evidence.unknown.facts...)
	r.Unknown = d.unknown.sorted()
	return r
}
