package controlplane

import (
	"fmt"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

const loopback = "127.0.0.1"

func etcdArgs(dir state.Dir, c *state.Config) []string {
	certs := pki.Folder(dir.PKI())
	client, peer := c.Ports.EtcdURL(), fmt.Sprintf("http://%s:%d", loopback, c.Ports.EtcdPeer)
	args := []string{
		"--name=lab", "--data-dir=" + dir.Etcd(), "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--cert-file=" + certs.Cert(pki.Etcd), "--key-file=" + certs.Key(pki.Etcd),
		"--client-cert-auth", "--trusted-ca-file=" + certs.Cert(pki.CA),
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=lab=" + peer,
		fmt.Sprintf("--quota-backend-bytes=%d", c.EtcdQuota), "--snapshot-count=10000",
	}
	if !c.Fsync {
		// Only a power failure can lose data. A killed lab loses nothing.
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

// apiServerArgs returns the arguments of the API server with this folder.
func apiServerArgs(dir state.Dir, c *state.Config, folder string, port int, webhook string) []string {
	certs, own := pki.Folder(dir.PKI()), pki.Folder(folder)
	cluster := fakeaws.Cluster{Name: state.ClusterName, Region: state.Region, Account: state.Account}
	return []string{
		"--bind-address=" + loopback, "--advertise-address=" + loopback,
		fmt.Sprintf("--secure-port=%d", port),
		// The endpoints of the Service "kubernetes" must not be loopback addresses.
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + own.Cert(pki.APIServer), "--tls-private-key-file=" + own.Key(pki.APIServer),
		"--client-ca-file=" + certs.Cert(pki.CA),
		"--etcd-servers=" + c.Ports.EtcdURL(), "--etcd-cafile=" + certs.Cert(pki.CA),
		"--etcd-certfile=" + certs.Cert(pki.Etcd), "--etcd-keyfile=" + certs.Key(pki.Etcd),
		"--service-cluster-ip-range=10.100.0.0/16",
		// As on EKS: DescribeCluster returns the same issuer.
		"--service-account-issuer=" + cluster.Issuer(),
		"--service-account-key-file=" + certs.Key(pki.ServiceAccounts),
		"--service-account-signing-key-file=" + certs.Key(pki.ServiceAccounts),
		"--authorization-mode=Node,RBAC",
		"--authentication-token-webhook-config-file=" + webhook, "--authentication-token-webhook-version=v1",
		"--encryption-provider-config=" + encryptionFile(folder),
		fmt.Sprintf("--encryption-provider-config-automatic-reload=%t", c.HotReload),
		fmt.Sprintf("--goaway-chance=%g", c.GoawayChance), "--etcd-compaction-interval=" + c.CompactionInterval.String(),
		"--profiling=false", "--v=1",
	}
}

func controllerManagerArgs(dir state.Dir, kubeconfig string) []string {
	certs := pki.Folder(dir.PKI())
	return []string{
		"--kubeconfig=" + kubeconfig, "--root-ca-file=" + certs.Cert(pki.CA),
		"--service-account-private-key-file=" + certs.Key(pki.ServiceAccounts),
	}
}
