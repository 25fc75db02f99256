package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/rest"
)

// loaders is enough to keep every core of a small API server busy, behind a
// round trip of 40 ms, too.
const loaders = 256

const metadataOnly = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// loader sends the plugin's own requests as fast as the server takes them, and
// cares for nothing else: no pacing, no second look. It is the server's limit.
func loader() way {
	return way{name: "saturating loader (the limit)", run: func(ctx context.Context, l *benchLab, server string) (int64, error) {
		config, err := l.as(ctx, "cluster-admin", server)
		if err != nil {
			return 0, err
		}
		client, err := rest.HTTPClientFor(config)
		if err != nil {
			return 0, err
		}
		objects, err := list(ctx, client, config.Host)
		if err != nil {
			return 0, err
		}
		if n := spread(ctx, client, config.Host, objects, loaders); n > 0 {
			return 0, fmt.Errorf("%d of %d writes failed", n, len(objects))
		}
		return 0, nil
	}}
}

type object struct {
	Metadata struct {
		Namespace, Name, UID, ResourceVersion string
	}
}

func list(ctx context.Context, client *http.Client, host string) ([]object, error) {
	var all []object
	for token := ""; ; {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/api/v1/secrets?limit=2000&continue="+token, nil)
		if err != nil {
			return nil, err
		}
		req.Header.Set("Accept", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
		resp, err := client.Do(req)
		if err != nil {
			return nil, err
		}
		var page struct {
			Metadata struct{ Continue string }
			Items    []object
		}
		err = json.NewDecoder(resp.Body).Decode(&page)
		_ = resp.Body.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if token = page.Metadata.Continue; token == "" {
			return all, nil
		}
	}
}

func (o object) touch(ctx context.Context, client *http.Client, host string) error {
	m := o.Metadata
	body := fmt.Sprintf(`{"metadata":{"uid":%q,"resourceVersion":%q}}`, m.UID, m.ResourceVersion)
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, host+"/api/v1/namespaces/"+m.Namespace+"/secrets/"+m.Name+"?fieldValidation=Ignore", bytes.NewReader([]byte(body)))
	if err != nil {
		return err
	}
	req.Header.Set("Accept", metadataOnly)
	req.Header.Set("Content-Type", "application/merge-patch+json")
	for try := 0; ; try++ {
		resp, err := client.Do(req.Clone(ctx))
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusTooManyRequests && try < 20:
			req.Body = io.NopCloser(bytes.NewReader([]byte(body)))
			continue
		case resp.StatusCode != http.StatusOK:
			return fmt.Errorf("%s", resp.Status)
		}
		return nil
	}
}
