// Package kmsplugin is a KMS v2 provider for kube-apiserver with a key in AWS KMS:
// it translates each call to kms:Encrypt or kms:Decrypt.
package kmsplugin

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"k8s.io/kms/pkg/service"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/requestbody"
	"github.com/eks-encrypt/kubectl-eks_encrypt/lab/internal/state"
)

// KMS is the part of the KMS client that the plugin calls.
type KMS interface {
	Encrypt(context.Context, *kms.EncryptInput, ...func(*kms.Options)) (*kms.EncryptOutput, error)
	Decrypt(context.Context, *kms.DecryptInput, ...func(*kms.Options)) (*kms.DecryptOutput, error)
}

// NewKMS returns a KMS client for the lab's endpoint.
func NewKMS(endpoint, region string, c state.Credentials) KMS {
	return kms.New(kms.Options{
		Region: region, BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, ""),
		HTTPClient:  requestbody.InMemory{Next: awshttp.NewBuildableClient()},
	})
}

// Plugin encrypts with one key.
type Plugin struct {
	KMS    KMS
	KeyARN string
	// OpaqueID replaces the key's ARN as the key id for the API server.
	OpaqueID bool
	Log      *slog.Logger
}

var _ service.Service = (*Plugin)(nil)

// Status encrypts and decrypts, and returns "err" instead of "ok" if KMS refuses, like
// AWS's own plugin (github.com/kubernetes-sigs/aws-encryption-provider). Then the API
// server is not ready, but continues with its cached data keys until its next start. The
// key id never changes, so a rotation in KMS makes no object stale.
func (p *Plugin) Status(ctx context.Context) (*service.StatusResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response := &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: p.keyID()}
	encrypted, err := p.Encrypt(ctx, "status", []byte("status"))
	if err == nil {
		_, err = p.Decrypt(ctx, "status", &service.DecryptRequest{Ciphertext: encrypted.Ciphertext})
	}
	if err != nil { // logged by Encrypt or Decrypt
		response.Healthz = "err"
	}
	return response, nil
}

// keyID returns the id of the key for the API server, which stores it in each object
// and shows its hash in its metrics.
func (p *Plugin) keyID() string {
	if p.OpaqueID {
		return fmt.Sprintf("%x", sha256.Sum256([]byte("eks-lab "+p.KeyARN)))
	}
	return p.KeyARN
}

// Encrypt encrypts a data key seed.
func (p *Plugin) Encrypt(ctx context.Context, uid string, data []byte) (*service.EncryptResponse, error) {
	out, err := p.KMS.Encrypt(ctx, &kms.EncryptInput{KeyId: &p.KeyARN, Plaintext: data})
	if err != nil {
		p.Log.Error("kms:Encrypt failed", "key", p.KeyARN, "uid", uid, "error", err)
		return nil, fmt.Errorf("kms:Encrypt with %s: %w", p.KeyARN, err)
	}
	return &service.EncryptResponse{Ciphertext: out.CiphertextBlob, KeyID: p.keyID()}, nil
}

// Decrypt decrypts a data key seed.
func (p *Plugin) Decrypt(ctx context.Context, uid string, req *service.DecryptRequest) ([]byte, error) {
	out, err := p.KMS.Decrypt(ctx, &kms.DecryptInput{KeyId: &p.KeyARN, CiphertextBlob: req.Ciphertext})
	if err != nil {
		p.Log.Error("kms:Decrypt failed", "key", p.KeyARN, "uid", uid, "error", err)
		return nil, fmt.Errorf("kms:Decrypt with %s: %w", p.KeyARN, err)
	}
	return out.Plaintext, nil
}

// timeout of a request to the plugin.
const timeout = 5 * time.Second

// Serve starts to serve on the socket and returns when the API server can connect.
// The caller must call stop.
func (p *Plugin) Serve(ctx context.Context, socket string) (stop func(), err error) {
	if err := os.Remove(socket); err != nil && !errors.Is(err, fs.ErrNotExist) { // left over from a killed lab
		return nil, err
	}
	server := service.NewGRPCService(socket, timeout, p)
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	for {
		if _, err := os.Stat(socket); err == nil {
			return server.Close, nil
		}
		select {
		case err := <-failed:
			return nil, fmt.Errorf("serve KMS plugin on %s: %w", socket, err)
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(5 * time.Millisecond):
		}
	}
}
