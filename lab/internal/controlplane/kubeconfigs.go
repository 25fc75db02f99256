package controlplane

import (
	"fmt"
	"path/filepath"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/pki"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// componentKubeconfig writes the kubeconfig with which the controller manager
// calls the API server, and returns its path.
func componentKubeconfig(dir state.Dir, c *state.Config) (string, error) {
	certs := pki.Folder(dir.PKI())
	return write(dir, "controller-manager", c.InsideURL(), &clientcmdapi.AuthInfo{
		ClientCertificate: certs.Cert(pki.ControllerManager), ClientKey: certs.Key(pki.ControllerManager),
	})
}

// webhookKubeconfig writes the kubeconfig with which the API server calls the
// token webhook, and returns its path.
func webhookKubeconfig(dir state.Dir, c *state.Config) (string, error) {
	server := fmt.Sprintf("https://%s:%d/token", loopback, c.Ports.Webhook)
	return write(dir, "token-webhook", server, &clientcmdapi.AuthInfo{})
}

func write(dir state.Dir, name, server string, user *clientcmdapi.AuthInfo) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["lab"] = &clientcmdapi.Cluster{
		Server: server, CertificateAuthority: pki.Folder(dir.PKI()).Cert(pki.CA),
	}
	config.AuthInfos["lab"] = user
	config.Contexts["lab"] = &clientcmdapi.Context{Cluster: "lab", AuthInfo: "lab"}
	config.CurrentContext = "lab"
	path := filepath.Join(dir.PKI(), name+".kubeconfig")
	return path, clientcmd.WriteToFile(*config, path)
}
