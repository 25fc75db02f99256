package kms

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/cloudtrail"
)

// EvidenceReader reads who uses a key, who may use it, and its rotations.
type EvidenceReader interface {
	PolicyReader
	kms.ListGrantsAPIClient
	kms.ListKeyRotationsAPIClient
	GetKeyLastUsage(
		context.Context, *kms.GetKeyLastUsageInput, ...func(*kms.Options),
	) (*kms.GetKeyLastUsageOutput, error)
}

// Events finds events of CloudTrail. *cloudtrail.Client implements it.
type Events interface {
	Event(ctx context.Context, id string) (event cloudtrail.Event, found bool, err error)
	Session(ctx context.Context, name string, since time.Time) (events []cloudtrail.Event, complete bool, err error)
}

// EvidenceOptions configure ReadEvidence.
type EvidenceOptions struct {
	Key v1alpha1.Key
	// Account is the caller's.
	Account string
	// Requester is the caller, and the cluster's role.
	Requester
	Events Events
	// OfCluster is true if the cluster of the role uses the key, so that EKS checks its health.
	OfCluster bool
	Now       time.Time
}

// ReadEvidence returns what KMS and CloudTrail show about the key of a cluster. What the caller may not read is listed
// as unknown.
func ReadEvidence(ctx context.Context, api EvidenceReader, o EvidenceOptions) v1alpha1.KeyEvidence {
	e := &evidence{api: api, options: o}
	e.readAll(ctx)
	e.found.Checks = append(e.checks(), e.health...)
	e.found.Unknown = e.unknown.sorted()
	return e.found
}

// evidence collects the facts about one key.
type evidence struct {
	api     EvidenceReader
	options EvidenceOptions
	found   v1alpha1.KeyEvidence
	unknown unknowns
	// issues are those of the key policy; unread is why they are unknown.
	issues PolicyIssues
	unread string
	health []v1alpha1.Check
}

// readAll reads all facts at the same time.
func (e *evidence) readAll(ctx context.Context) {
	key := e.options.Key
	owner, _ := arn.Parse(key.ARN)
	foreign := owner.AccountID != "" && e.options.Account != "" && owner.AccountID != e.options.Account
	described := key.State != ""
	rotates := !described || hasRotations(key)
	var g sync.WaitGroup
	for _, r := range []reading{
		{"lastUse", "GetKeyLastUsage", true, e.readLastUse},
		{"grants", "ListGrants", false, e.readGrants},
		{"policy", "GetKeyPolicy", true, e.readPolicy},
		{"rotations", "ListKeyRotations", true, func(ctx context.Context) (err error) {
			if rotates {
				e.found.Rotations, err = rotations(ctx, e.api, key.ARN)
			}
			return err
		}},
	} {
		if foreign && r.own {
			e.unknown.add(r.fact, onlyOwner(owner.AccountID))
			continue
		}
		g.Go(func() { e.unknown.add(r.fact, explain(r.read(ctx), r.operation, key.ARN)) })
	}
	if e.options.OfCluster && e.options.ClusterRole != "" && e.options.Events != nil {
		g.Go(func() { e.unknown.add("healthCheck", e.readHealth(ctx)) })
	}
	g.Wait()
	for _, u := range e.unknown.facts {
		if u.Fact == "policy" {
			e.unread = u.Reason
		}
	}
}

// reading is one fact and the call that reads it.
type reading struct {
	fact, operation string
	// own is true if KMS allows the call only for keys of the caller's account.
	own  bool
	read func(context.Context) error
}

func onlyOwner(account string) error {
	return fmt.Errorf("KMS shows this only to account %s, which owns the key", account)
}

// readLastUse reads the last use, and the event behind it.
func (e *evidence) readLastUse(ctx context.Context) (err error) {
	if e.found.LastUse, err = lastUse(ctx, e.api, e.options.Key.ARN); err != nil || e.options.Events == nil {
		return err
	}
	id := e.found.LastUse.CloudTrailEventID
	if id == "" {
		return nil
	}
	event, found, err := e.options.Events.Event(ctx, id)
	switch {
	case err != nil:
		e.unknown.add("event", err)
	case !found:
		e.unknown.add("event", fmt.Errorf("the event history of CloudTrail has no event %s; it shows events some minutes "+
			"late, and for 90 days", id))
	default:
		e.found.LastUse.Event = &v1alpha1.KeyEvent{
			ID: event.ID, Name: event.Name, Time: timeOf(&event.Time), Principal: event.Principal, Service: event.Service,
			Address: event.Address,
		}
	}
	return nil
}

func (e *evidence) readGrants(ctx context.Context) error {
	found, more, err := grants(ctx, e.api, e.options.Key.ARN)
	if err != nil {
		return err
	}
	e.found.Grants = found
	if more {
		return fmt.Errorf("only the first %d grants were read", len(found))
	}
	return nil
}

func (e *evidence) readPolicy(ctx context.Context) error {
	reader := &policyRecorder{PolicyReader: e.api}
	e.issues, e.unread = ReadPolicyIssues(ctx, reader, e.options.Key.ARN, e.options.Requester)
	return reader.err
}

// checks returns what the key policy means for the account and the cluster's role.
func (e *evidence) checks() []v1alpha1.Check {
	checks := []v1alpha1.Check{e.issues.Administration.Check(e.unread)}
	if role := e.options.ClusterRole; role != "" {
		e.issues.Role.Role = role // also if the policy is unknown
		checks = append(checks, e.issues.Role.Check(e.unread))
	}
	return checks
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
