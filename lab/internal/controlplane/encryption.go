package controlplane

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Names of the KMS providers, which prefix each encrypted value in etcd.
const (
	AWSOwned = "aws-owned"
	Customer = "customer"
)

// EncryptionConfig returns the API server's encryption configuration for all
// resources: the associated customer key first if there is one, then the
// AWS-owned key. Identity is last, so that unencrypted objects can be read.
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
	providers = append(providers, provider(AWSOwned),
		apiserverv1.ProviderConfiguration{Identity: &apiserverv1.IdentityConfiguration{}})
	return yaml.Marshal(apiserverv1.EncryptionConfiguration{
		TypeMeta: metav1.TypeMeta{
			APIVersion: apiserverv1.SchemeGroupVersion.String(), Kind: "EncryptionConfiguration",
		},
		Resources: []apiserverv1.ResourceConfiguration{{Resources: []string{"*.*"}, Providers: providers}},
	})
}

// WriteEncryption writes the API server's encryption configuration and returns it.
func (p *Plane) WriteEncryption() ([]byte, error) {
	data, err := EncryptionConfig(p.config)
	if err != nil {
		return nil, err
	}
	return data, state.WriteFile(p.dir.EncryptionConfig(), data)
}

// ReloadEncryption writes the encryption configuration and waits until the API
// server's metrics show that it uses the new one.
func (p *Plane) ReloadEncryption(ctx context.Context) error {
	data, err := p.WriteEncryption()
	if err != nil {
		return err
	}
	const metric = "apiserver_encryption_config_controller_last_config_info{"
	hash := fmt.Sprintf("hash=\"sha256:%x\"", sha256.Sum256(data))
	const what = "the API server to reload its encryption configuration"
	return poll(ctx, what, 250*time.Millisecond, func(ctx context.Context) error {
		metrics, err := get(ctx, p.rest, "/metrics")
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(metrics)) {
			if strings.HasPrefix(line, metric) && strings.Contains(line, hash) {
				return nil
			}
		}
		return errors.New("it still uses the old one")
	})
}
