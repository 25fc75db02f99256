package binding

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// NotEKSError reports that a kube context leads to a place that is known to be something other than EKS.
type NotEKSError struct {
	Context, Server string
	// LooksLike is the product that runs the cluster.
	LooksLike string
	Why       string
}

func (e *NotEKSError) Error() string {
	return fmt.Sprintf("context %q is not an EKS cluster (it looks like %s)", e.Context, e.LooksLike)
}

// Hint suggests flags for EKS clusters behind a proxy.
func (e *NotEKSError) Hint() string {
	return "if it is EKS after all, pass --cluster-name and --region"
}

// UnnamedError reports that neither a kube context nor a flag identifies the cluster. It may be an EKS cluster behind a
// proxy or a tunnel.
type UnnamedError struct {
	Context, Why string
	// InPod is true if the program runs in a pod of the cluster.
	InPod bool
}

func (e *UnnamedError) Error() string {
	subject := fmt.Sprintf("context %q does not name its cluster", e.Context)
	switch {
	case e.InPod:
		return "nothing names the cluster of this pod: " + e.Why
	case e.Context == "":
		subject = "nothing names the cluster that kubectl connects to"
	}
	return subject + ", which may be EKS behind a proxy or a tunnel: " + e.Why
}

// Hint names the flags that identify the cluster.
func (e *UnnamedError) Hint() string {
	return "if it is EKS, pass --cluster-name NAME --region REGION, or --cluster-name ARN"
}

// knownPlace returns the product that runs the cluster, or "" if nothing shows that it is not EKS.
func knownPlace(t *Target, cluster *clientcmdapi.Cluster, user *clientcmdapi.AuthInfo) string {
	host, _ := hostPort(t.Server)
	for _, domain := range [][2]string{
		{".azmk8s.io", "AKS"}, {".gke.goog", "GKE"}, {".oraclecloud.com", "Oracle OKE"},
		{".k8s.ondigitalocean.com", "DigitalOcean"}, {".linodelke.net", "Linode LKE"},
		{".containers.cloud.ibm.com", "IBM Cloud"}, {".scw.cloud", "Scaleway Kapsule"}, {".vultr-k8s.com", "Vultr"},
		{".k8s.ovh.net", "OVHcloud"}, {".k8s.civo.com", "Civo"}, {".openshiftapps.com", "OpenShift"},
	} {
		if strings.HasSuffix(host, domain[0]) {
			return domain[1]
		}
	}
	for _, prefix := range [][2]string{{"gke_", "GKE"}, {"kind-", "kind"}, {"k3d-", "k3d"}} {
		if strings.HasPrefix(t.ClusterEntry, prefix[0]) {
			return prefix[1]
		}
	}
	switch t.ClusterEntry {
	case "minikube", "docker-desktop", "docker-for-desktop", "rancher-desktop", "orbstack", "colima", "microk8s-cluster":
		return t.ClusterEntry
	}
	if cluster != nil {
		for _, extension := range cluster.Extensions {
			if raw, is := extension.(*runtime.Unknown); is && strings.Contains(string(raw.Raw), "minikube.sigs.k8s.io") {
				return "minikube"
			}
		}
	}
	if user != nil && user.Exec != nil {
		call := parseExec(user.Exec)
		if call.tool == toolAuthenticator && call.clusterName != "" && !validName(call.clusterName) {
			return "a cluster that EKS does not run, with aws-iam-authenticator"
		}
		switch program(user.Exec.Command) {
		case "gke-gcloud-auth-plugin", "gcloud":
			return "GKE"
		case "doctl":
			return "DigitalOcean"
		case "oci":
			return "Oracle OKE"
		}
	}
	return ""
}
