package eks

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// Capability is a controller that EKS itself runs for a cluster.
type Capability struct {
	Name string
	Type string // in the spelling of EKS: ACK, ARGOCD or KRO
}

// Capabilities lists the controllers that EKS runs for the cluster, except those that are being deleted.
func (c *Client) Capabilities(ctx context.Context, ref Ref) ([]Capability, error) {
	var all []Capability
	p := eks.NewListCapabilitiesPaginator(c.api, &eks.ListCapabilitiesInput{ClusterName: &ref.Name})
	for p.HasMorePages() {
		out, err := p.NextPage(ctx)
		if err != nil {
			return nil, explain(err, "ListCapabilities", ref.String())
		}
		for _, in := range out.Capabilities {
			if in.Status != ekstypes.CapabilityStatusDeleting {
				all = append(all, Capability{aws.ToString(in.CapabilityName), string(in.Type)})
			}
		}
	}
	return all, nil
}
