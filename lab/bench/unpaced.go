package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/client-go/rest"
)

// unpacedRequests is the number of concurrent requests of the unpaced client. It
// keeps every core of a small API server busy, also behind a round trip of 40 ms.
const unpacedRequests = 256

const metadataOnly = "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

// unpaced sends the plugin's requests as fast as the server accepts them, without
// pacing and without a closing pass. Its rate is the server's limit.
func unpaced() method {
	run := func(ctx context.Context, l *benchLab, server string) (int64, error) {
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
		if n := writeAll(ctx, client, config.Host, objects, unpacedRequests); n > 0 {
			return 0, fmt.Errorf("%d of %d writes failed", n, len(objects))
		}
		return 0, nil
	}
	return method{name: "unpaced client (the limit)", limit: true, run: run}
}

type object struct {
	Metadata struct {
		Namespace, Name, UID, ResourceVersion string
	}
}

func list(ctx context.Context, client *http.Client, host string) ([]object, error) {
	var all []object
	for token := ""; ; {
		address := host + "/api/v1/secrets?limit=2000&continue=" + token
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
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

// write sends a patch that changes nothing, and repeats it while the server
// returns 429, at most 20 times.
func (o object) write(ctx context.Context, client *http.Client, host string) error {
	m := o.Metadata
	address := host + "/api/v1/namespaces/" + m.Namespace + "/secrets/" + m.Name + "?fieldValidation=Ignore"
	body := fmt.Sprintf(`{"metadata":{"uid":%q,"resourceVersion":%q}}`, m.UID, m.ResourceVersion)
	for try := 0; ; try++ {
		req, err := http.NewRequestWithContext(ctx, http.MethodPatch, address, strings.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Accept", metadataOnly)
		req.Header.Set("Content-Type", "application/merge-patch+json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		switch {
		case resp.StatusCode == http.StatusTooManyRequests && try < 20:
			continue
		case resp.StatusCode != http.StatusOK:
			return fmt.Errorf("PATCH %s: %s", address, resp.Status)
		}
		return nil
	}
}
