package controlplane

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Names of the KMS providers, as they stand in etcd before each value.
const (
	AWSOwned = "aws-owned"
	Customer = "customer"
)

// EncryptionConfig is the API server's: every resource, the customer's key
// first if there is one, then the AWS-owned one. Last comes identity, so that
// plain objects can be read.
func EncryptionConfig(c *state.Config) ([]byte, error) {
	provider := func(name string) apiserverv1.ProviderConfiguration {
		return apiserverv1.ProviderConfiguration{KMS: &apiserverv1.KMSConfiguration{
			APIVersion: "v2", Name: name, Endpoint: "unix://" + c.KMSSocket(name),
			Timeout: &metav1.Duration{Duration: 10 * time.Second},
		}}
	}
	var providers []apiserverv1.ProviderConfiguration
	if c.AssociatedKey != "" {
		providers = append(providers, provider(Customer))
	}
	providers = append(providers, provider(AWSOwned), apiserverv1.ProviderConfiguration{Identity: &apiserverv1.IdentityConfiguration{}})
	return yaml.Marshal(apiserverv1.EncryptionConfiguration{
		TypeMeta:  metav1.TypeMeta{APIVersion: apiserverv1.SchemeGroupVersion.String(), Kind: "EncryptionConfiguration"},
		Resources: []apiserverv1.ResourceConfiguration{{Resources: []string{"*.*"}, Providers: providers}},
	})
}

// WriteEncryption writes the file that the API server starts with.
func (p *Plane) WriteEncryption() error {
	data, err := EncryptionConfig(p.config)
	if err != nil {
		return err
	}
	return state.WriteFile(p.dir.EncryptionConfig(), data)
}

// ReloadEncryption writes the file anew and waits until the API server's
// metrics show that it encrypts by it.
func (p *Plane) ReloadEncryption(ctx context.Context) error {
	data, err := EncryptionConfig(p.config)
	if err != nil {
		return err
	}
	if err := state.WriteFile(p.dir.EncryptionConfig(), data); err != nil {
		return err
	}
	want := []byte(fmt.Sprintf("hash=\"sha256:%x\"", sha256.Sum256(data)))
	return poll(ctx, "the API server to reload its encryption configuration", 250*time.Millisecond, func(ctx context.Context) error {
		metrics, err := get(ctx, p.rest, "/metrics")
		if err != nil {
			return err
		}
		for line := range bytes.Lines(metrics) {
			if bytes.HasPrefix(line, []byte("apiserver_encryption_config_controller_last_config_info{")) && bytes.Contains(line, want) {
				return nil
			}
		}
		return errors.New("still the old one")
	})
}
