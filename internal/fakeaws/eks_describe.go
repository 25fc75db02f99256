package fakeaws

import "time"

var eksOperations = map[string]operation{
	"ListClusters":              {handle: (*Server).listClusters},
	"DescribeCluster":           {handle: (*Server).describeCluster},
	"ListTagsForResource":       {handle: (*Server).listClusterTags},
	"ListUpdates":               {handle: (*Server).listUpdates},
	"DescribeUpdate":            {handle: (*Server).describeUpdate},
	"ListCapabilities":          {handle: (*Server).listCapabilities},
	"AssociateEncryptionConfig": {handle: (*Server).associate, writes: true},
}

// cluster returns the cluster of the call if the caller is allowed the action on it. The
// permission is checked first, so that an unauthorized caller does not learn what exists.
func (s *Server) cluster(c *call, action string, context map[string]string) (*Cluster, *apiError) {
	arn := (&Cluster{Name: c.cluster, Region: c.region, Account: c.account()}).ARN()
	if failure := s.permit(c, "eks:"+action, arn, context); failure != nil {
		return nil, failure
	}
	cluster := s.state.Clusters[arn]
	if cluster == nil {
		return nil, failf(404, "ResourceNotFoundException", "No cluster found for name: %s.", c.cluster)
	}
	s.settle(cluster)
	return cluster, nil
}

func (s *Server) describeCluster(c *call) (any, *apiError) {
	cluster, failure := s.cluster(c, "DescribeCluster", nil)
	if failure != nil {
		return nil, failure
	}
	if cluster.Raw != nil {
		return cluster.Raw, nil
	}
	members := cluster.describe(s.opts.Now(), s.opts.StatusLag)
	for name, value := range cluster.Extra {
		members[name] = value
	}
	return object{"cluster": members}, nil
}

// describe returns the cluster as DescribeCluster does. Without a customer key the member
// encryptionConfig is absent.
func (c *Cluster) describe(now time.Time, statusLag time.Duration) object {
	members := object{
		"name": c.Name, "arn": c.ARN(), "createdAt": epoch(c.CreatedAt), "version": c.Version,
		"platformVersion": c.PlatformVersion, "status": c.status(now, statusLag),
		"endpoint": c.Endpoint, "roleArn": c.RoleARN, "tags": c.tags(),
		"certificateAuthority": object{"data": c.CA},
		"identity":             object{"oidc": object{"issuer": c.Issuer()}},
		"kubernetesNetworkConfig": object{
			"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4",
			"elasticLoadBalancing": object{"enabled": c.AutoMode},
		},
		"resourcesVpcConfig": object{
			"subnetIds":              []string{"subnet-0a1b2c3d4e5f60718", "subnet-0b1c2d3e4f5a60718"},
			"securityGroupIds":       []string{},
			"clusterSecurityGroupId": "sg-0a1b2c3d4e5f60718", "vpcId": "vpc-0a1b2c3d4e5f60718",
			"endpointPublicAccess": true, "endpointPrivateAccess": true, "publicAccessCidrs": []string{"0.0.0.0/0"},
		},
		"logging": object{"clusterLogging": []object{{"types": []string{"api", "audit", "authenticator",
			"controllerManager", "scheduler"}, "enabled": false}}},
		"health":             object{"issues": nonNil(c.Health)},
		"accessConfig":       object{"authenticationMode": "API_AND_CONFIG_MAP"},
		"upgradePolicy":      object{"supportType": "EXTENDED"},
		"deletionProtection": false,
	}
	if c.KeyARN != "" {
		members["encryptionConfig"] = []object{{"resources": []string{"secrets"},
			"provider": object{"keyArn": c.KeyARN}}}
	}
	if c.AutoMode {
		members["computeConfig"] = object{"enabled": true, "nodePools": []string{"general-purpose", "system"}}
		members["storageConfig"] = object{"blockStorage": object{"enabled": true}}
	}
	if c.ConnectorProvider != "" {
		c.describeConnected(members)
	}
	if c.OutpostARN != "" {
		members["id"] = uuidOf(c.ARN())
		members["outpostConfig"] = object{"outpostArns": []string{c.OutpostARN}, "controlPlaneInstanceType": "m5.large"}
	}
	return members
}

// describeConnected removes the members that EKS does not know for a connected cluster, and
// adds the connector.
func (c *Cluster) describeConnected(members object) {
	for _, name := range []string{
		"version", "platformVersion", "endpoint", "roleArn", "certificateAuthority", "identity",
		"kubernetesNetworkConfig",
		"resourcesVpcConfig", "logging", "health", "accessConfig", "upgradePolicy", "deletionProtection",
		"encryptionConfig",
	} {
		delete(members, name)
	}
	members["connectorConfig"] = object{
		"activationId": uuidOf(c.ARN()), "provider": c.ConnectorProvider,
		"roleArn": "arn:" + Partition(c.Region) + ":iam::" + c.Account + ":role/AmazonEKSConnectorAgentRole",
	}
}

// status returns UPDATING during an update, after the lag.
func (c *Cluster) status(now time.Time, lag time.Duration) string {
	if c.Status != "ACTIVE" {
		return c.Status
	}
	for _, u := range c.Updates {
		if u.Running && u.Status == inProgress && now.Sub(u.CreatedAt) >= lag {
			return "UPDATING"
		}
	}
	return c.Status
}

func (c *Cluster) tags() map[string]string {
	if c.Tags == nil {
		return map[string]string{}
	}
	return c.Tags
}

func (s *Server) listClusterTags(c *call) (any, *apiError) {
	cluster := s.state.Clusters[c.path["arn"]]
	if failure := s.permit(c, "eks:ListTagsForResource", c.path["arn"], nil); failure != nil {
		return nil, failure
	}
	if cluster == nil {
		return nil, failf(404, "NotFoundException", "Resource not found")
	}
	return object{"tags": cluster.tags()}, nil
}
