package association

import (
	"cmp"
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"
)

// ClusterConfig holds the cluster and the key of an eksctl ClusterConfig. Region may be empty.
type ClusterConfig struct{ Name, Region, KeyARN string }

const clusterConfigVersion = "eksctl.io/v1alpha5"

// ParseClusterConfig reads an eksctl ClusterConfig, YAML or JSON. It ignores fields that it does not need.
func ParseClusterConfig(text []byte) (ClusterConfig, error) {
	var c struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Metadata   struct {
			Name   string `json:"name"`
			Region string `json:"region"`
		} `json:"metadata"`
		SecretsEncryption *struct {
			KeyARN string `json:"keyARN"`
		} `json:"secretsEncryption"`
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		return ClusterConfig{}, fmt.Errorf("parse the ClusterConfig: %w", err)
	}
	switch {
	case c.APIVersion != clusterConfigVersion || c.Kind != "ClusterConfig":
		return ClusterConfig{}, fmt.Errorf("not a ClusterConfig of %s: kind %q, apiVersion %q",
			clusterConfigVersion, c.Kind, c.APIVersion)
	case c.Metadata.Name == "":
		return ClusterConfig{}, errors.New("metadata.name is missing")
	case c.SecretsEncryption == nil || c.SecretsEncryption.KeyARN == "":
		return ClusterConfig{}, errors.New("secretsEncryption.keyARN is missing")
	}
	return ClusterConfig{Name: c.Metadata.Name, Region: c.Metadata.Region, KeyARN: c.SecretsEncryption.KeyARN}, nil
}

// Matches returns an error if the config is about another cluster. An empty region matches every region.
func (c ClusterConfig) Matches(name, region string) error {
	if c.Name != name || c.Region != "" && region != "" && c.Region != region {
		return fmt.Errorf("it configures cluster %s in %s, but the kube context leads to %s in %s",
			c.Name, cmp.Or(c.Region, "an unnamed region"), name, cmp.Or(region, "an unknown region"))
	}
	return nil
}
