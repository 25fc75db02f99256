package binding

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Described is what DescribeCluster says the cluster is.
type Described struct{ ARN, Endpoint string }

// Guard compares the cluster that kubectl talks to with the one EKS describes:
// same ARN, same endpoint. The reason is empty with a Match by the endpoint.
func Guard(t Target, d Described) (v1alpha1.Guard, string) {
	if t.ARN != "" && d.ARN != "" && t.ARN != d.ARN {
		return v1alpha1.GuardMismatch, fmt.Sprintf("the kube context names %s, EKS describes %s", t.ARN, d.ARN)
	}
	if t.Server == "" {
		return v1alpha1.GuardUnverified, "no kube context was involved: the cluster was named by flag"
	}
	if d.Endpoint == "" {
		return v1alpha1.GuardUnverified, "EKS names no endpoint of the cluster"
	}
	host, port := hostPort(t.Server)
	wantHost, wantPort := hostPort(d.Endpoint)
	switch {
	case host == wantHost && port == wantPort:
		return v1alpha1.GuardMatch, ""
	case host == wantHost && !local(host):
		return v1alpha1.GuardMismatch, fmt.Sprintf("kubectl talks to port %s of %s, the cluster's endpoint is %s", port, host, d.Endpoint)
	case strings.EqualFold(t.TLSServerName, wantHost) && wantHost != "":
		return v1alpha1.GuardMatch, fmt.Sprintf("kubectl talks to %s and demands the certificate of %s", t.Server, wantHost)
	}
	if other, isEKS := ParseEndpoint(t.Server); isEKS {
		return v1alpha1.GuardMismatch, fmt.Sprintf("kubectl talks to %s, another EKS cluster: the endpoint of this one is %s", other.Host, wantHost)
	}
	if local(host) {
		return v1alpha1.GuardUnverified, fmt.Sprintf("kubectl talks to %s, a tunnel or private address: whether %s is at its end can't be told%s", t.Server, hostOf(d.Endpoint), proveBy(wantHost))
	}
	return v1alpha1.GuardUnverified, fmt.Sprintf("kubectl talks to %s, the cluster's endpoint is %s: a proxy or another cluster", host, wantHost)
}

// proveBy is how a tunnel can be told to lead to the cluster: by the certificate.
func proveBy(host string) string {
	if local(host) {
		return ""
	}
	return fmt.Sprintf(" (tls-server-name: %s in the kubeconfig would prove it)", host)
}

// hostOf is the host of an endpoint, with the port where it is no default.
func hostOf(endpoint string) string {
	host, port := hostPort(endpoint)
	if port != "443" {
		host += ":" + port
	}
	return host
}
