package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/awsclient"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/binding"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/eks"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/inspect"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/kms"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// Inspected is what a kube context leads to.
type Inspected struct {
	Target binding.Target
	// Result holds the report. Result.Err is the reason for the verdict Unknown.
	inspect.Result
	// Clients are the AWS clients that were used; nil if none could be made.
	Clients *awsclient.Clients
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
	t, err := f.Target(kubeContext)
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return Inspected{Target: t, Result: inspect.Result{Report: inspect.NotEKS(notEKS)}, NotEKS: notEKS}, nil
	}
	if err != nil {
		return Inspected{Target: t}, err
	}
	return f.InspectTarget(ctx, t, o), nil
}

// InspectTarget is Inspect for a target that was resolved before.
func (f *Factory) InspectTarget(ctx context.Context, t binding.Target, o InspectOptions) Inspected {
	clients, err := f.Connect(ctx, &t)
	if err != nil {
		return Inspected{Target: t, Result: inspect.Result{Report: inspect.Unknown(t, err), Err: err}}
	}
	if o.Patient {
		clients = clients.RetryThrottled(nil)
	}
	read := inspect.KeyFrom(func(region string) kms.Reader { return clients.KMS(region) })
	key := read
	if o.Keys != nil {
		key = func(ctx context.Context, keyARN string) inspect.KeyFacts {
			return o.Keys.Facts(ctx, clients.Identity(), keyARN, read)
		}
	}
	source := inspect.Source{EKS: eks.New(clients.EKS()), Key: key, WithoutUpdates: o.WithoutUpdates}
	result := inspect.Cluster(ctx, source, t)
	result.Report.Notes = append(result.Report.Notes, SourceNotes(t, clients)...)
	if result.Err != nil {
		result.Err = explainAccount(ctx, result.Err, &t, clients)
	}
	return Inspected{Target: t, Result: result, Clients: clients}
}

// InspectAny is Inspect for one of many contexts: a context that cannot be resolved
// gets the verdict Unknown, so that it does not hide the others.
func (f *Factory) InspectAny(ctx context.Context, kubeContext string, o InspectOptions) Inspected {
	inspected, err := f.Inspect(ctx, kubeContext, o)
	if err != nil {
		t := binding.Target{Context: kubeContext, Name: inspected.Target.Name}
		inspected.Result = inspect.Result{Report: inspect.Unknown(t, err), Err: err}
	}
	return inspected
}

// Location is the account and region of a cluster's keys, with clients for them.
type Location struct {
	kms.Place
	Clients *awsclient.Clients
	Caller  string // ARN of the principal that calls AWS
}

// Location resolves the account and region in which a cluster's keys are. --region
// alone is enough.
func (f *Factory) Location(ctx context.Context) (Location, error) {
	t, err := f.Target("")
	if err != nil && f.AWS.Region != "" && f.AWS.ClusterName == "" {
		t, err = f.FlagTarget(), nil
	}
	if notEKS := new(binding.NotEKSError); errors.As(err, &notEKS) {
		return Location{}, hint.Wrap(err, "pass --region to list the keys of a region")
	}
	if err != nil {
		return Location{}, err
	}
	clients, err := f.Connect(ctx, &t)
	if err != nil {
		return Location{}, err
	}
	account, caller, err := clients.Caller(ctx)
	if err != nil {
		return Location{}, err
	}
	place := kms.Place{Partition: t.Partition, Region: t.Region, Account: account}
	return Location{Place: place, Clients: clients, Caller: caller}, nil
}

// SourceNotes returns notes about the source of the answers: endpoint overrides, and a
// credential wrapper whose principal is not known here.
func SourceNotes(t binding.Target, clients *awsclient.Clients) []string {
	var notes, urls []string
	byURL := map[string][]string{}
	for _, e := range clients.Endpoints() {
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
