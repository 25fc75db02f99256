package binding

import (
	"fmt"
	"strings"
)

// NotEKSError reports that a kube context does not lead to an EKS cluster.
type NotEKSError struct {
	Context, Server string
	// LooksLike is the product that the names suggest; empty if they suggest none.
	LooksLike string
	Why       string
}

func (e *NotEKSError) Error() string {
	like := ""
	if e.LooksLike != "" {
		like = " (it looks like " + e.LooksLike + ")"
	}
	return fmt.Sprintf("context %q is not an EKS cluster%s: %s", e.Context, like, e.Why)
}

// Hint suggests flags for EKS clusters behind a proxy.
func (e *NotEKSError) Hint() string {
	return "if it is EKS behind a proxy, pass --cluster-name and --region"
}

func looksLike(entry, context, server string) string {
	host, _ := hostPort(server)
	for _, sign := range []struct {
		found   bool
		product string
	}{
		{strings.HasSuffix(host, ".azmk8s.io"), "AKS"},
		{strings.HasPrefix(entry, "gke_") || strings.HasSuffix(host, ".gke.goog"), "GKE"},
		{strings.HasSuffix(host, ".oraclecloud.com"), "Oracle OKE"},
		{strings.HasSuffix(host, ".k8s.ondigitalocean.com"), "DigitalOcean"},
		{strings.HasPrefix(entry, "kind-"), "kind"},
		{strings.HasPrefix(entry, "k3d-"), "k3d"},
		{entry == "minikube" || context == "minikube", "minikube"},
		{entry == "docker-desktop", "Docker Desktop"},
	} {
		if sign.found {
			return sign.product
		}
	}
	return ""
}
