package awsclient

import (
	"cmp"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
)

// CloudTrail returns the CloudTrail client of a region, or of the cluster's region if it is empty.
func (c *Clients) CloudTrail(region string) *cloudtrail.Client {
	return cloudtrail.NewFromConfig(c.config, func(o *cloudtrail.Options) {
		o.Region = cmp.Or(region, o.Region)
		c.principal.setEndpoint("CLOUDTRAIL", &o.BaseEndpoint)
	})
}
