package rewriter

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const acceptMetadata = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

// metadataItem is what is kept of the metadata of an object.
type metadataItem struct {
	resourceVersion uint64
	// written is the time of the latest write in the metadata; zero if there is none.
	written time.Time
}

type metadataPage struct {
	items []metadataItem
	next  string // continue token
}

// listMetadata requests one page of metadata. Annotations are among it, and those of a
// Secret may hold its values, so this serves --read-metadata alone.
func (c *client) listMetadata(ctx context.Context, s scope, token string, limit int) (_ *metadataPage, err error) {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	resp, err := c.requestPage(ctx, s, token, limit, acceptMetadata, url.Values{})
	if err != nil {
		return nil, err
	}
	defer func() { finish(resp.Body, err) }()
	var list struct {
		Kind     string
		Metadata metav1.ListMeta
		Items    []struct {
			Metadata struct {
				ResourceVersion   string
				CreationTimestamp metav1.Time
				ManagedFields     []struct{ Time metav1.Time }
			}
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, brokenTable(err)
	}
	if list.Kind != "PartialObjectMetadataList" {
		return nil, fmt.Errorf("%w: got %s", errUnexpectedKind, list.Kind)
	}
	p := &metadataPage{next: list.Metadata.Continue}
	for i := range list.Items {
		m := &list.Items[i].Metadata
		item := metadataItem{written: m.CreationTimestamp.Time}
		if item.resourceVersion, err = parseVersion(m.ResourceVersion); err != nil {
			return nil, err
		}
		for _, f := range m.ManagedFields {
			if f.Time.After(item.written) {
				item.written = f.Time.Time
			}
		}
		p.items = append(p.items, item)
	}
	return p, nil
}
