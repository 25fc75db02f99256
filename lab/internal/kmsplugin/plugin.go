// Package kmsplugin is a KMS v2 provider for kube-apiserver with a key in AWS KMS:
// it translates each call to kms:Encrypt or kms:Decrypt.
package kmsplugin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"k8s.io/kms/pkg/service"

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
	})
}

// Plugin encrypts with one key.
type Plugin struct {
	KMS    KMS
	KeyARN string
	Log    *slog.Logger
}

var _ service.Service = (*Plugin)(nil)

// Status always returns ok: as on EKS, the API server continues with its cached
// data keys while the key is disabled, and fails at its next start. The key id
// never changes, so a rotation in KMS makes no object stale.
func (p *Plugin) Status(context.Context) (*service.StatusResponse, error) {
	return &service.StatusResponse{Version: "v2", Healthz: "ok", KeyID: p.KeyARN}, nil
}

// Encrypt encrypts a data key seed.
func (p *Plugin) Encrypt(ctx context.Context, uid string, data []byte) (*service.EncryptResponse, error) {
	out, err := p.KMS.Encrypt(ctx, &kms.EncryptInput{KeyId: &p.KeyARN, Plaintext: data})
	if err != nil {
		p.Log.Error("kms:Encrypt failed", "key", p.KeyARN, "uid", uid, "error", err)
		return nil, fmt.Errorf("kms:Encrypt with %s: %w", p.KeyARN, err)
	}
	return &service.EncryptResponse{Ciphertext: out.CiphertextBlob, KeyID: p.KeyARN}, nil
}

// Decrypt decrypts a data key seed with the key that the object names.
func (p *Plugin) Decrypt(ctx context.Context, uid string, req *service.DecryptRequest) ([]byte, error) {
	out, err := p.KMS.Decrypt(ctx, &kms.DecryptInput{KeyId: &req.KeyID, CiphertextBlob: req.Ciphertext})
	if err != nil {
		p.Log.Error("kms:Decrypt failed", "key", req.KeyID, "uid", uid, "error", err)
		return nil, fmt.Errorf("kms:Decrypt with %s: %w", req.KeyID, err)
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
