package binding

import (
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// Described is the cluster as DescribeCluster returns it.
type Described struct{ ARN, Endpoint string }

// Guard compares the cluster of the kubeconfig with the one that EKS describes. The
// string is the reason; it is empty for a match by the endpoint.
func Guard(t Target, d Described) (v1alpha1.Guard, string) {
	if t.ARN != "" && d.ARN != "" && t.ARN != d.ARN {
		return v1alpha1.GuardMismatch, fmt.Sprintf("the kube context names %s, EKS describes %s", t.ARN, d.ARN)
	}
	if t.Server == "" {
		return v1alpha1.GuardUnverified, "no kube context was used: the cluster was named by flag"
	}
	if d.Endpoint == "" {
		return v1alpha1.GuardUnverified, "EKS reports no endpoint for the cluster"
	}
	host, port := hostPort(t.Server)
	wantHost, wantPort := hostPort(d.Endpoint)
	switch {
	case host == wantHost && port == wantPort:
		return v1alpha1.GuardMatch, ""
	case host == wantHost && !local(host):
		return v1alpha1.GuardMismatch,
			fmt.Sprintf("kubectl connects to port %s of %s, but the cluster's endpoint is %s", port, host, d.Endpoint)
	case strings.EqualFold(t.TLSServerName, wantHost) && wantHost != "":
		return v1alpha1.GuardMatch,
			fmt.Sprintf("kubectl connects to %s and requires the certificate of %s", t.Server, wantHost)
	}
	if other, isEKS := ParseEndpoint(t.Server); isEKS {
		return v1alpha1.GuardMismatch, fmt.Sprintf(
			"kubectl connects to %s, another EKS cluster: the endpoint of this one is %s", other.Host, wantHost)
	}
	if !local(host) {
		return v1alpha1.GuardUnverified, fmt.Sprintf(
			"kubectl connects to %s, but the cluster's endpoint is %s: a proxy or another cluster", host, wantHost)
	}
	why := fmt.Sprintf("kubectl connects to %s, a tunnel or private address: it is unknown whether this leads to %s",
		t.Server, hostOf(d.Endpoint))
	if !local(wantHost) {
		why += fmt.Sprintf(" (tls-server-name: %s in the kubeconfig would prove it)", wantHost)
	}
	return v1alpha1.GuardUnverified, why
}

// hostOf returns the host of an endpoint, followed by the port unless it is 443.
func hostOf(endpoint string) string {
	host, port := hostPort(endpoint)
	if port != "443" {
		host += ":" + port
	}
	return host
}
