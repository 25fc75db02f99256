package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/encryption"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// Inspected is what a kube context leads to.
type Inspected struct {
	// Binding is never nil. Its AWS clients are nil if none could be made.
	*binding.Binding
	// Result holds the report. Result.Err is the reason for the verdict Unknown, also if the guard is Mismatch.
	inspect.Result
	// NotEKS is set if the context leads to something other than an EKS cluster. The
	// report then has the verdict NotApplicable.
	NotEKS *binding.NotEKSError
}

// InspectOptions change how Inspect queries AWS. The zero value suits one cluster.
type InspectOptions struct {
	// WithoutUpdates skips the association updates, which need a call each.
	WithoutUpdates bool
	// Patient retries throttled calls for longer: many clusters are inspected at once.
	Patient bool
	// Bound is called when the context is bound, before AWS is called; nil does nothing.
	Bound func(*binding.Binding)
	// Keys caches the facts of keys that several clusters share; nil reads each key.
	Keys KeyCache
}

// KeyCache returns the facts of a key. principal identifies the caller: a key that one
// caller may not read may be readable for another. read calls KMS.
type KeyCache interface {
	Facts(ctx context.Context, principal, keyARN string,
		read func(context.Context, string) inspect.KeyFacts) inspect.KeyFacts
}

// Inspect is the one path from a kube context to a report; "" is the current context.
// The error is not nil if the context could not be resolved; the result then has no
// report. A failure of AWS is Result.Err, beside a report that holds what is known.
func (f *Factory) Inspect(ctx context.Context, kubeContext string, o InspectOptions) (Inspected, error) {
	b, err := f.Bind(kubeContext)
	unnamed := new(binding.UnnamedError)
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		report := inspect.NotEKS(notEKS)
		report.Tool = f.tool()
		return Inspected{Binding: b, Result: inspect.Result{Report: report}, NotEKS: notEKS}, nil
	}
	if errors.As(err, &unnamed) {
		return f.unknown(b, err), nil
	}
	if err != nil {
		return Inspected{Binding: b}, err
	}
	if o.Bound != nil {
		o.Bound(b)
	}
	return f.InspectBinding(ctx, b, o), nil
}

// unknown returns the result for a cluster that could not be described.
func (f *Factory) unknown(b *binding.Binding, err error) Inspected {
	report := inspect.Unknown(b.Target, err)
	report.Tool = f.tool()
	return Inspected{Binding: b, Result: inspect.Result{Report: report, Err: err}}
}

// InspectBinding is Inspect for a context that was bound before.
func (f *Factory) InspectBinding(ctx context.Context, b *binding.Binding, o InspectOptions) Inspected {
	if err := f.Connect(ctx, b); err != nil {
		return f.unknown(b, err)
	}
	clients := b.AWS
	if o.Patient {
		clients = clients.RetryThrottled(nil, nil)
	}
	read := inspect.KeyFrom(func(region string) kms.Reader { return clients.KMS(region) })
	key := read
	if o.Keys != nil {
		key = func(ctx context.Context, keyARN string) inspect.KeyFacts {
			return o.Keys.Facts(ctx, clients.Identity(), keyARN, read)
		}
	}
	result := inspect.Cluster(ctx, inspect.Source{
		EKS: eks.New(clients.EKS()), Key: key, WithoutUpdates: o.WithoutUpdates,
		Caller: func(ctx context.Context) (caller v1alpha1.Caller, err error) {
			err = f.pass(ctx, func() (err error) {
				caller, err = Caller(ctx, b)
				return err
			})
			return caller, err
		},
	}, b)
	r := &result.Report
	r.Tool, r.EndpointOverrides = f.tool(), EndpointOverrides(clients)
	r.Notes = append(r.Notes, SourceNotes(b.Target, clients)...)
	if r.Guard.Result != v1alpha1.GuardMismatch && result.Err == nil {
		_ = b.Found(r.Cluster.ARN) // printed commands name the ARN
	}
	if r.Guard.Result == v1alpha1.GuardMismatch {
		reason := strings.TrimPrefix(r.Encryption.Reason, encryption.UnknownPrefix)
		if named := otherAccount(b, r.Caller); named != "" {
			reason += fmt.Sprintf(" (AWS was called as %s)", r.Caller.ARN)
		}
		result.Err = hint.Wrap(errors.New(reason), "%s", MismatchRemedy(b, r.Caller))
	}
	result.Err = Explain(b, r.Caller, clients.ExplainRegion(ctx, result.Err))
	return Inspected{Binding: b, Result: result}
}

// Explain adds to an error what the principal has to do with it: it belongs to another account than the cluster, or
// than the role that kubectl uses, so that the cluster may not exist there or may not be described.
func Explain(b *binding.Binding, caller *v1alpha1.Caller, err error) error {
	kind := awsclient.KindOf(err)
	if kind != awsclient.KindAccessDenied && kind != awsclient.KindNotFound {
		return err
	}
	if named := otherAccount(b, caller); named != "" {
		what := "the cluster"
		if b.AccountClaim() == "" { // a role may belong to another account than the cluster
			what = "the role that kubectl uses"
		}
		err = fmt.Errorf("%w (%s is in account %s, the caller %s is in account %s)", err, what, named, caller.ARN,
			caller.Account)
	}
	if remedy := accountRemedy(b, caller); remedy != "" {
		return hint.Wrap(err, "%s", remedy)
	}
	return err
}

// MismatchRemedy returns the next step for a context that does not lead to the cluster that EKS describes.
func MismatchRemedy(b *binding.Binding, caller *v1alpha1.Caller) string {
	if remedy := accountRemedy(b, caller); remedy != "" {
		return remedy
	}
	command := cli(b).Command("eks", "update-kubeconfig", "--name", b.Name)
	return "use the context of the intended cluster; " + command + " writes it again"
}

// cli makes command lines of the AWS CLI for the bound cluster.
func cli(b *binding.Binding) awsclient.CLI {
	if b.AWS == nil {
		return awsclient.CLI{Region: b.Region, Profile: b.Credentials.Profile}
	}
	return b.AWS.CLI(b.Region)
}

// accountRemedy returns how to call AWS as the principal that the kubeconfig means, or "".
func accountRemedy(b *binding.Binding, caller *v1alpha1.Caller) string {
	role := b.Credentials.ExecRoleARN
	switch named := otherAccount(b, caller); {
	case b.Credentials.RoleARN != "":
		return ""
	case role != "":
		return fmt.Sprintf("kubectl signs its token as %s; to call AWS as that role, pass --role-arn %s", role, role)
	case named != "":
		return fmt.Sprintf("use credentials of account %s: pass --profile, or --role-arn with a role of it", named)
	}
	return ""
}

// otherAccount returns the account of the cluster if a flag or the kubeconfig names it, or else that of the role that
// kubectl uses, unless it is the caller's.
func otherAccount(b *binding.Binding, caller *v1alpha1.Caller) string {
	named := b.AccountClaim()
	if role, err := arn.Parse(b.Credentials.ExecRoleARN); err == nil && named == "" {
		named = role.AccountID
	}
	if caller == nil || caller.Account == "" || named == caller.Account {
		return ""
	}
	return named
}

// InspectAny is Inspect for one of many contexts: a context that cannot be resolved
// gets the verdict Unknown, so that it does not hide the others.
func (f *Factory) InspectAny(ctx context.Context, kubeContext string, o InspectOptions) Inspected {
	inspected, err := f.Inspect(ctx, kubeContext, o)
	if err != nil {
		return f.unknown(binding.New(binding.Target{Context: kubeContext, Name: inspected.Name}, nil, err), err)
	}
	return inspected
}

// Location is the account and region of a cluster's keys, with clients for them.
type Location struct {
	kms.Place
	Binding *binding.Binding
	Clients *awsclient.Clients
	Caller  v1alpha1.Caller
}

// Location resolves the account and region in which a cluster's keys are. --region
// alone is enough.
func (f *Factory) Location(ctx context.Context) (Location, error) {
	b, err := f.Bind("")
	if err != nil && f.AWS.Region != "" && f.AWS.ClusterName == "" {
		b, err = f.WithoutContext(), nil
	}
	notEKS, unnamed := new(binding.NotEKSError), new(binding.UnnamedError)
	if errors.As(err, &notEKS) || errors.As(err, &unnamed) {
		return Location{}, hint.Wrap(err, "pass --region to list the keys of a region")
	}
	if err != nil {
		return Location{}, err
	}
	if err := f.Connect(ctx, b); err != nil {
		return Location{}, err
	}
	caller, err := Caller(ctx, b)
	if err != nil {
		return Location{}, err
	}
	return Location{
		Place:   kms.Place{Partition: b.Partition, Region: b.Region, Account: caller.Account},
		Binding: b, Clients: b.AWS, Caller: caller,
	}, nil
}

// SourceNotes returns notes about the source of the answers: endpoint overrides, and a
// credential wrapper whose principal is not known here.
func SourceNotes(t binding.Target, clients *awsclient.Clients) []string {
	var notes, urls []string
	byURL := map[string][]string{}
	for _, e := range EndpointOverrides(clients) {
		key := e.URL + " (" + e.Source + ")"
		if byURL[key] == nil {
			urls = append(urls, key)
		}
		byURL[key] = append(byURL[key], e.Service)
	}
	for _, url := range urls {
		notes = append(notes, fmt.Sprintf("an endpoint override sends the calls of %s to %s",
			strings.Join(byURL[url], " and "), url))
	}
	if w := t.Credentials.Wrapper; w != "" {
		notes = append(notes, fmt.Sprintf("kubectl gets its credentials through %s; this report used the AWS "+
			"configuration of the shell, which may be a different principal", w))
	}
	return notes
}

// ListKeys lists the keys of a region and shows progress on stderr.
func (f *Factory) ListKeys(ctx context.Context, clients *awsclient.Clients,
	o kms.ListOptions) (*v1alpha1.KeyList, error) {
	progress := output.NewProgress(f.ErrOut)
	defer progress.End()
	o.Progress = func(done, total int) { progress.Show(fmt.Sprintf("keys: %d of %d described", done, total)) }
	return kms.List(ctx, clients.KMS(o.Where.Region), o)
}
