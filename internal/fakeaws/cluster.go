package fakeaws

import (
	"cmp"
	"encoding/json"
	"fmt"
	"time"
)

// Cluster is one EKS cluster. Name, Region and Account must be set.
type Cluster struct {
	Name    string `json:"name"`
	Region  string `json:"region"`
	Account string `json:"account"`
	// Version defaults to 1.35, PlatformVersion to eks.9, Status to ACTIVE.
	Version         string            `json:"version,omitempty"`
	PlatformVersion string            `json:"platformVersion,omitempty"`
	Status          string            `json:"status,omitempty"`
	CreatedAt       time.Time         `json:"createdAt,omitzero"`
	Tags            map[string]string `json:"tags,omitempty"`
	// Endpoint defaults to a generated host in the form of EKS. CA is base64.
	Endpoint string `json:"endpoint,omitempty"`
	CA       string `json:"ca,omitempty"`
	RoleARN  string `json:"roleArn,omitempty"`
	// KeyARN is the customer key. Without one, DescribeCluster returns no encryptionConfig.
	KeyARN string        `json:"keyArn,omitempty"`
	Health []HealthIssue `json:"health,omitempty"`
	// ConnectorProvider marks a cluster registered through EKS Connector.
	ConnectorProvider string `json:"connectorProvider,omitempty"`
	// OutpostARN marks a local cluster on Outposts.
	OutpostARN string `json:"outpostArn,omitempty"`
	// AutoMode sets computeConfig.enabled.
	AutoMode bool      `json:"autoMode,omitempty"`
	Updates  []*Update `json:"updates,omitempty"`
	// Capabilities are the controllers that EKS runs for the cluster.
	Capabilities []Capability `json:"capabilities,omitempty"`
	// FailAssociation, if set, is the error of the next associations.
	FailAssociation *UpdateError `json:"failAssociation,omitempty"`
	// RoleUsesKey lists the KMS actions that EKS calls on the key as the cluster's role when it associates it. If one is
	// denied, EKS answers that the role could not be assumed (containers-roadmap issue 1533).
	RoleUsesKey []string `json:"roleUsesKey,omitempty"`
	// Extra replaces or adds members of the described cluster, verbatim, for example null,
	// [] or unknown enum values.
	Extra map[string]json.RawMessage `json:"extra,omitempty"`
	// Raw, if set, is the whole body of the DescribeCluster reply.
	Raw json.RawMessage `json:"raw,omitempty"`
}

// HealthIssue is one entry of cluster.health.issues. The codes are those of EKS
// (KmsKeyDisabled, KmsKeyNotFound, KmsKeyMarkedForDeletion, KmsGrantRevoked, …).
type HealthIssue struct {
	Code        string   `json:"code"`
	Message     string   `json:"message"`
	ResourceIDs []string `json:"resourceIds"`
}

// Capability is a controller that EKS runs for a cluster. Status defaults to ACTIVE.
type Capability struct {
	Name   string `json:"name"`
	Type   string `json:"type"` // ACK, ARGOCD or KRO
	Status string `json:"status,omitempty"`
}

// Update is one EKS update of a cluster.
type Update struct {
	ID string `json:"id"`
	// Type is AssociateEncryptionConfig, VersionUpdate, …
	Type string `json:"type"`
	// Status is InProgress, Successful, Failed or Cancelled.
	Status    string        `json:"status"`
	CreatedAt time.Time     `json:"createdAt"`
	KeyARN    string        `json:"keyArn,omitempty"`
	Params    []UpdateParam `json:"params,omitempty"`
	Errors    []UpdateError `json:"errors,omitempty"`
	// Token is the caller's idempotency token.
	Token string `json:"token,omitempty"`
	// Running marks an association that the Server completes; other updates do not change.
	// Applied is set when OnAssociate has returned.
	Running bool `json:"running,omitempty"`
	Applied bool `json:"applied,omitempty"`
}

// UpdateParam is one parameter of an update.
type UpdateParam struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

// UpdateError is one error of an update.
type UpdateError struct {
	Code        string   `json:"errorCode"`
	Message     string   `json:"errorMessage"`
	ResourceIDs []string `json:"resourceIds,omitempty"`
}

// ARN returns the cluster's ARN.
func (c *Cluster) ARN() string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", Partition(c.Region), c.Region, c.Account, c.Name)
}

// Issuer returns the cluster's OIDC issuer.
func (c *Cluster) Issuer() string {
	return "https://oidc.eks." + c.Region + ".amazonaws.com/id/" + clusterHex(c.ARN())
}

// AddCluster adds c with its defaults, or replaces the cluster of the same ARN.
func (w *State) AddCluster(c Cluster) *Cluster {
	c.Version = cmp.Or(c.Version, "1.35")
	c.PlatformVersion = cmp.Or(c.PlatformVersion, "eks.9")
	c.Status = cmp.Or(c.Status, "ACTIVE")
	if c.CreatedAt.IsZero() {
		c.CreatedAt = time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	}
	suffix := "amazonaws.com"
	if Partition(c.Region) == "aws-cn" {
		suffix = "amazonaws.com.cn"
	}
	c.Endpoint = cmp.Or(c.Endpoint, fmt.Sprintf("https://%s.gr7.%s.eks.%s", clusterHex(c.ARN()), c.Region, suffix))
	c.CA = cmp.Or(c.CA, "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==")
	role := fmt.Sprintf("arn:%s:iam::%s:role/%s-cluster-role", Partition(c.Region), c.Account, c.Name)
	c.RoleARN = cmp.Or(c.RoleARN, role)
	w.Clusters[c.ARN()] = &c
	return &c
}

// AddCluster adds c like State.AddCluster and returns its ARN.
func (s *Server) AddCluster(c Cluster) (string, error) {
	return c.ARN(), s.Update(func(w *State) { w.AddCluster(c) })
}
