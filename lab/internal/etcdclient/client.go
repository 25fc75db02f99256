// Package etcdclient connects to the lab's etcd directly, without the API server.
package etcdclient

import (
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// New returns a client with the lab's own certificate. The caller must close it.
func New(dir state.Dir, config *state.Config) (*clientv3.Client, error) {
	tls, err := pki.Folder(dir.PKI()).TLS(pki.Etcd)
	if err != nil {
		return nil, err
	}
	return clientv3.New(clientv3.Config{
		Endpoints: []string{config.Ports.EtcdURL()}, TLS: tls, DialTimeout: 5 * time.Second,
		Logger: zap.NewNop(), MaxCallRecvMsgSize: 256 << 20,
	})
}
