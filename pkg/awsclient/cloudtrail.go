package awsclient

import (
	"cmp"
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
)

// LookupEvents returns the operation of CloudTrail in a region, or in the cluster's region if it is empty. It is a
// function and not the client: as an interface, the client would add all its operations to the binary, 2.5 MB.
func (c *Clients) LookupEvents(region string) func(
	context.Context, *cloudtrail.LookupEventsInput, ...func(*cloudtrail.Options),
) (*cloudtrail.LookupEventsOutput, error) {
	return cloudtrail.NewFromConfig(c.config, func(o *cloudtrail.Options) {
		o.Region = cmp.Or(region, o.Region)
		c.principal.setEndpoint("CLOUDTRAIL", &o.BaseEndpoint)
	}).LookupEvents
}
