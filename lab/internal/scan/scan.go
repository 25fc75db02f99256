// Package scan reads etcd directly and counts the objects by the key that they
// are encrypted with. Tests compare the plugin's reports with these counts. It
// never reads more of a value than the envelope.
package scan

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"
	kmsv2 "k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2/v2"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/controlplane"
)

// Values of Count.Provider that are not the name of a KMS provider.
const (
	// Plain means that the value is not encrypted.
	Plain = "identity"
	// Unknown means that the value has an encryption prefix other than that of KMS v2.
	Unknown = "unknown"
)

// Count is the number of objects of one resource that are encrypted with one key.
type Count struct {
	// Resource is the plural name, followed by ".group" if the path in etcd contains the group.
	Resource string `json:"resource"`
	// Provider is the short name of the KMS provider (controlplane.Label), or Plain
	// or Unknown.
	Provider string `json:"provider"`
	// KeyID is the ARN of the key, empty if Provider is Plain or Unknown.
	KeyID   string `json:"keyId,omitempty"`
	Objects int    `json:"objects"`
}

// Report is the result of a scan.
type Report struct {
	// Revision is the etcd revision at which all objects were counted.
	Revision int64   `json:"revision"`
	Objects  int     `json:"objects"`
	Counts   []Count `json:"counts"`
}

const (
	prefix = "/registry/"
	// A page of this many secrets of the maximum size is below gRPC's size limit.
	pageSize = 100
)

// Run counts all API objects in etcd at one revision.
func Run(ctx context.Context, etcd clientv3.KV) (report Report, err error) {
	counts := map[Count]int{}
	report.Revision, err = Each(ctx, etcd, func(key, provider, keyID string) {
		counts[Count{Resource: Resource(key), Provider: provider, KeyID: keyID}]++
		report.Objects++
	})
	if err != nil {
		return report, err
	}
	for c, n := range counts {
		c.Objects = n
		report.Counts = append(report.Counts, c)
	}
	slices.SortFunc(report.Counts, func(a, b Count) int {
		return cmp.Or(
			strings.Compare(a.Resource, b.Resource), strings.Compare(a.Provider, b.Provider),
			strings.Compare(a.KeyID, b.KeyID),
		)
	})
	return report, nil
}

// Each calls visit with every API object in etcd at one revision, which it returns.
func Each(ctx context.Context, etcd clientv3.KV, visit func(key, provider, keyID string)) (revision int64, err error) {
	from, end := prefix, clientv3.GetPrefixRangeEnd(prefix)
	for {
		page, err := etcd.Get(ctx, from,
			clientv3.WithRange(end), clientv3.WithLimit(pageSize), clientv3.WithRev(revision))
		if err != nil {
			return revision, fmt.Errorf("read etcd from %s: %w", from, err)
		}
		if revision == 0 {
			revision = page.Header.Revision
		}
		for _, kv := range page.Kvs {
			provider, keyID := Envelope(kv.Value)
			visit(string(kv.Key), provider, keyID)
		}
		if !page.More {
			return revision, nil
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// ByProvider returns the number of objects of a resource for each provider.
func (r Report) ByProvider(resource string) map[string]int {
	sums := map[string]int{}
	for _, c := range r.Counts {
		if c.Resource == resource {
			sums[c.Provider] += c.Objects
		}
	}
	return sums
}

// Total returns the number of objects of all resources that a provider encrypted.
func (r Report) Total(provider string) (n int) {
	for _, c := range r.Counts {
		if c.Provider == provider {
			n += c.Objects
		}
	}
	return n
}

// Envelope returns the provider and the key of a stored value. A KMS v2 value is
// "k8s:enc:kms:v2:NAME:" followed by an EncryptedObject
// (k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2).
func Envelope(value []byte) (provider, keyID string) {
	rest, encrypted := bytes.CutPrefix(value, []byte("k8s:enc:"))
	if !encrypted {
		return Plain, ""
	}
	rest, isKMS := bytes.CutPrefix(rest, []byte("kms:v2:"))
	name, body, ok := bytes.Cut(rest, []byte(":"))
	var object kmsv2.EncryptedObject
	if !isKMS || !ok || proto.Unmarshal(body, &object) != nil {
		return Unknown, ""
	}
	return controlplane.Label(string(name)), object.KeyID
}

// Resource returns the plural name of the resource that an etcd key belongs to.
// The path of a built-in resource starts with its plural name (a few use an older
// name), the path of other resources with their group.
func Resource(key string) string {
	parts := strings.Split(strings.TrimPrefix(key, prefix), "/")
	switch first := parts[0]; {
	case first == "services" && len(parts) > 1 && parts[1] == "specs":
		return "services"
	case first == "services" && len(parts) > 1:
		return parts[1] // endpoints
	case first == "minions":
		return "nodes"
	case first == "controllers":
		return "replicationcontrollers"
	case first == "ingress":
		return "ingresses"
	case strings.Contains(first, ".") && len(parts) > 1:
		return parts[1] + "." + first
	default:
		return first
	}
}

// Only returns the report for one resource.
func (r Report) Only(resource string) Report {
	only := Report{Revision: r.Revision, Counts: []Count{}}
	for _, c := range r.Counts {
		if c.Resource == resource {
			only.Counts = append(only.Counts, c)
			only.Objects += c.Objects
		}
	}
	return only
}
