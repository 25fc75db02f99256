package controlplane

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiserverv1 "k8s.io/apiserver/pkg/apis/apiserver/v1"
	"sigs.k8s.io/yaml"

	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// Names of the KMS providers, which prefix each encrypted value in etcd. EKS uses
// the first one, according to KEP-6264 of Kubernetes. Its name for a customer key
// is not known.
const (
	AWSOwned = "aws-encryption-provider-v2-aok"
	Customer = "customer"
)

// Short names of the providers, for the lab's output and for the sockets of the KMS
// plugins.
const (
	AWSOwnedLabel = "aws-owned"
	CustomerLabel = Customer
)

// Label returns the short name of a provider.
func Label(provider string) string {
	if provider == AWSOwned {
		return AWSOwnedLabel
	}
	return provider
}

// Level is how far an API server has followed an association.
type Level int

// Levels, in the order in which a server reaches them.
const (
	Old      Level = iota // the server does not know the associated key
	Readable              // it reads with the associated key and writes with the AWS-owned key
	Current               // it writes with the associated key
)

func (l Level) String() string { return [...]string{"old", "readable", "current"}[l] }

// EncryptionConfig returns the encryption configuration of an API server for all
// resources. The first provider writes. Identity is last, so that unencrypted
// objects can be read.
func EncryptionConfig(c *state.Config, key string, level Level) ([]byte, error) {
	var providers []apiserverv1.ProviderConfiguration
	for _, name := range providerNames(key, level) {
		if name == identity {
			providers = append(providers, apiserverv1.ProviderConfiguration{
				Identity: &apiserverv1.IdentityConfiguration{},
			})
			continue
		}
		providers = append(providers, apiserverv1.ProviderConfiguration{KMS: &apiserverv1.KMSConfiguration{
			APIVersion: "v2", Name: name, Endpoint: "unix://" + c.KMSSocket(Label(name)),
			Timeout: &metav1.Duration{Duration: 10 * time.Second},
		}})
	}
	return yaml.Marshal(apiserverv1.EncryptionConfiguration{
		TypeMeta: metav1.TypeMeta{
			APIVersion: apiserverv1.SchemeGroupVersion.String(), Kind: "EncryptionConfiguration",
		},
		Resources: []apiserverv1.ResourceConfiguration{{Resources: []string{"*.*"}, Providers: providers}},
	})
}

const identity = "identity"

// providerNames returns the providers of a server at this level, the one that writes
// first.
func providerNames(key string, level Level) []string {
	switch {
	case key == "" || level == Old:
		return []string{AWSOwned, identity}
	case level == Readable:
		return []string{AWSOwned, Customer, identity}
	default:
		return []string{Customer, AWSOwned, identity}
	}
}

// waitReloaded waits until the server's metrics show that it has loaded this encryption
// configuration. Older servers do not show the hash, but the time of the last load.
func (s *Server) waitReloaded(ctx context.Context, config []byte, since time.Time) error {
	const (
		prefix = "apiserver_encryption_config_controller_"
		info   = prefix + "last_config_info{"
		loaded = prefix + "automatic_reload_last_timestamp_seconds{"
	)
	hash := fmt.Sprintf("hash=\"sha256:%x\"", sha256.Sum256(config))
	what := s.name + " to reload its encryption configuration"
	return poll(ctx, what, 250*time.Millisecond, func(ctx context.Context) error {
		metrics, err := get(ctx, s.rest, "/metrics")
		if err != nil {
			return err
		}
		hasHash, loadedSince := strings.Contains(string(metrics), info), false
		for line := range strings.Lines(string(metrics)) {
			if strings.HasPrefix(line, info) && strings.Contains(line, hash) {
				return nil
			}
			if !strings.HasPrefix(line, loaded) || !strings.Contains(line, `status="success"`) {
				continue
			}
			_, value, _ := strings.Cut(strings.TrimSpace(line), "} ")
			seconds, err := strconv.ParseFloat(value, 64)
			loadedSince = err == nil && seconds >= unixSeconds(since)
		}
		if !hasHash && loadedSince {
			return nil
		}
		return errors.New("it still uses the old one")
	})
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
