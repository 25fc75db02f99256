package association

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// toolCheck passes only for a tool that is certain to manage the cluster, does no harm, and is the only one.
func toolCheck(f Facts) v1alpha1.Check {
	const name = "infrastructure tool"
	d := f.Drift
	managed := v1alpha1.ManagedBy{}
	if f.Cluster.ManagedBy != nil {
		managed = *f.Cluster.ManagedBy
	}
	text := fmt.Sprintf("%s: %s", d.Tool, d.Consequence)
	switch {
	case d.Destructive && !f.AcceptDrift:
		return fail(name, cmp.Or(d.Remedy, "change the configuration of the tool")+"; or accept it: --accept-drift",
			"%s", text)
	case d.Destructive:
		return warn(name, d.Remedy, "%s; accepted by --accept-drift", text)
	case d.Tool == v1alpha1.ToolUnknown:
		return warn(name, d.Remedy, "%s", d.Consequence)
	case d.Confidence == v1alpha1.ConfidenceProbable:
		return warn(name, d.Remedy, "probably %s", text)
	case len(managed.Also) > 0:
		return warn(name, d.Remedy, "%s", text)
	}
	return pass(name, "%s", text)
}

// capabilityCheck: a controller that EKS runs may manage the cluster without any trace in it.
func capabilityCheck(f Facts) v1alpha1.Check {
	const name = "controllers run by EKS"
	if f.CapabilitiesErr != nil {
		return unknown(name, "could not determine whether EKS runs ACK or Argo CD for the cluster: %v", f.CapabilitiesErr)
	}
	var found []string
	for _, c := range f.Capabilities {
		switch c.Type {
		case "ACK":
			found = append(found, fmt.Sprintf("ACK (capability %s), which becomes Terminal if a Cluster object of it "+
				"describes this cluster without the key", c.Name))
		case "ARGOCD":
			found = append(found, fmt.Sprintf("Argo CD (capability %s), which may apply the manifest of this cluster "+
				"again, without the key", c.Name))
		default:
			found = append(found, fmt.Sprintf("%s (capability %s)", c.Type, c.Name))
		}
	}
	if len(found) > 0 {
		return warn(name, "if one of them manages this cluster, add the key to its manifest first: "+
			"kubectl eks-encrypt generate iac --for ack", "EKS runs for this cluster: %s", strings.Join(found, "; "))
	}
	return pass(name, "none")
}
