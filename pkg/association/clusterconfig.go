package association

import (
	"errors"
	"fmt"

	"sigs.k8s.io/yaml"
)

// ClusterConfig is what an eksctl ClusterConfig says of encryption.
type ClusterConfig struct{ Name, Region, KeyARN string }

const clusterConfigVersion = "eksctl.io/v1alpha5"

// ParseClusterConfig reads an eksctl ClusterConfig (YAML or JSON). Fields that
// don't matter here are ignored.
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
		return ClusterConfig{}, fmt.Errorf("not a ClusterConfig: %w", err)
	}
	switch {
	case c.APIVersion != clusterConfigVersion || c.Kind != "ClusterConfig":
		return ClusterConfig{}, fmt.Errorf("not a ClusterConfig of %s, but kind %q of %q", clusterConfigVersion, c.Kind, c.APIVersion)
	case c.Metadata.Name == "":
		return ClusterConfig{}, errors.New("metadata.name is missing: which cluster it is about is unknown")
	case c.SecretsEncryption == nil || c.SecretsEncryption.KeyARN == "":
		return ClusterConfig{}, errors.New("secretsEncryption.keyARN is missing")
	}
	return ClusterConfig{Name: c.Metadata.Name, Region: c.Metadata.Region, KeyARN: c.SecretsEncryption.KeyARN}, nil
}

// Concerns says why the config is about another cluster; nil if it is this one.
func (c ClusterConfig) Concerns(name, region string) error {
	if c.Name != name || c.Region != "" && region != "" && c.Region != region {
		return fmt.Errorf("it is about cluster %s in %s, the kube context leads to %s in %s", c.Name, orElse(c.Region, "an unnamed region"), name, orElse(region, "an unknown region"))
	}
	return nil
}
