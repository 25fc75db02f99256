package controlplane

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"k8s.io/client-go/rest"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
)

// waitEtcd waits until etcd is healthy.
func (p *Plane) waitEtcd(ctx context.Context) error {
	config := pki.Folder(p.dir.PKI()).REST(p.config.Ports.EtcdURL(), pki.Etcd)
	return poll(ctx, EtcdName, 50*time.Millisecond, func(ctx context.Context) error {
		_, err := get(ctx, config, "/health")
		return err
	})
}

func get(ctx context.Context, config *rest.Config, path string) ([]byte, error) {
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, config.Host+path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("GET %s: %s", path, resp.Status)
	}
	return body, nil
}
