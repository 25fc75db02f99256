// Package scan is the oracle: it reads etcd itself and tells under which key
// each object stands. It never looks into a value further than the envelope.
package scan

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/protobuf/proto"
	kmsv2 "k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2/v2"
)

// Providers that are no KMS provider's name.
const (
	// Plain values are not encrypted.
	Plain = "identity"
	// Unknown values bear an encryption prefix that is not KMS v2's.
	Unknown = "unknown"
)

// Count is how many objects of one resource stand under one key.
type Count struct {
	// Resource is the plural name, with ".group" where etcd's path shows it.
	Resource string `json:"resource"`
	// Provider is the KMS provider's name in the encryption configuration,
	// "identity" for a plain value.
	Provider string `json:"provider"`
	// KeyID is the key's ARN; empty for a plain value.
	KeyID   string `json:"keyId,omitempty"`
	Objects int    `json:"objects"`
}

// Report is a scan of all of etcd.
type Report struct {
	// Revision is the etcd revision that all counts are of.
	Revision int64   `json:"revision"`
	Objects  int     `json:"objects"`
	Counts   []Count `json:"counts"`
}

const (
	prefix = "/registry/"
	// A page of secrets of the largest size stays below gRPC's limit.
	pageSize = 100
)

// Run counts what stands under prefix in etcd, at one revision.
func Run(ctx context.Context, etcd clientv3.KV) (Report, error) {
	counts := map[Count]int{}
	report := Report{}
	from, end := prefix, clientv3.GetPrefixRangeEnd(prefix)
	for {
		page, err := etcd.Get(ctx, from, clientv3.WithRange(end), clientv3.WithLimit(pageSize), clientv3.WithRev(report.Revision))
		if err != nil {
			return report, fmt.Errorf("read etcd from %s: %w", from, err)
		}
		if report.Revision == 0 {
			report.Revision = page.Header.Revision
		}
		for _, kv := range page.Kvs {
			provider, keyID := Envelope(kv.Value)
			counts[Count{Resource: Resource(string(kv.Key)), Provider: provider, KeyID: keyID}]++
			report.Objects++
		}
		if !page.More {
			break
		}
		from = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
	for c, n := range counts {
		c.Objects = n
		report.Counts = append(report.Counts, c)
	}
	slices.SortFunc(report.Counts, func(a, b Count) int {
		return strings.Compare(a.Resource+"\x00"+a.Provider+"\x00"+a.KeyID, b.Resource+"\x00"+b.Provider+"\x00"+b.KeyID)
	})
	return report, nil
}

// By sums the counts of a resource by key id; plain objects are under "". An
// empty resource means all.
func (r Report) By(resource string) map[string]int {
	sums := map[string]int{}
	for _, c := range r.Counts {
		if resource == "" || c.Resource == resource {
			sums[c.KeyID] += c.Objects
		}
	}
	return sums
}

// Envelope tells provider and key of a stored value. KMS v2 values are
// "k8s:enc:kms:v2:NAME:" and an EncryptedObject
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
	return string(name), object.KeyID
}

// Resource is the plural name that an etcd key belongs to. Built-in kinds lie
// under their plural name, a few under an older one; others under their group.
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

// Only is the report cut down to one resource.
func (r Report) Only(resource string) Report {
	cut := Report{Revision: r.Revision, Counts: []Count{}}
	for _, c := range r.Counts {
		if c.Resource == resource {
			cut.Counts = append(cut.Counts, c)
			cut.Objects += c.Objects
		}
	}
	return cut
}
