package kmsplugin

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"k8s.io/kms/pkg/service"
)

const arn = "arn:aws:kms:us-west-2:111122223333:key/11112222-3333-4444-5555-666677778888"

// fakeKMS refuses the operation that refuse names. It "encrypts" by returning the input.
type fakeKMS struct{ refuse string }

func (f *fakeKMS) Encrypt(
	_ context.Context, in *kms.EncryptInput, _ ...func(*kms.Options),
) (*kms.EncryptOutput, error) {
	if f.refuse == "Encrypt" || *in.KeyId != arn {
		return nil, errors.New("refused")
	}
	return &kms.EncryptOutput{CiphertextBlob: in.Plaintext}, nil
}

func (f *fakeKMS) Decrypt(
	_ context.Context, in *kms.DecryptInput, _ ...func(*kms.Options),
) (*kms.DecryptOutput, error) {
	if f.refuse == "Decrypt" || *in.KeyId != arn {
		return nil, errors.New("refused")
	}
	return &kms.DecryptOutput{Plaintext: in.CiphertextBlob}, nil
}

// Status reports an error if KMS refuses either operation; the key id stays the same.
func TestStatus(t *testing.T) {
	for refuse, want := range map[string]string{"": "ok", "Encrypt": "err", "Decrypt": "err"} {
		p := &Plugin{KMS: &fakeKMS{refuse}, KeyARN: arn, Log: slog.New(slog.DiscardHandler)}
		got, err := p.Status(t.Context())
		if err != nil || got.Healthz != want || got.KeyID != arn || got.Version != "v2" {
			t.Errorf("KMS refuses %q: status = %+v, %v; want %s and the ARN", refuse, got, err, want)
		}
	}
}

// With an opaque id the API server does not see the ARN, and KMS does not see the id.
func TestOpaqueID(t *testing.T) {
	p := &Plugin{KMS: &fakeKMS{}, KeyARN: arn, OpaqueID: true, Log: slog.New(slog.DiscardHandler)}
	status, err := p.Status(t.Context())
	if err != nil || status.Healthz != "ok" || status.KeyID == arn || len(status.KeyID) != 64 {
		t.Errorf("status = %+v, %v; want an id of 64 digits", status, err)
	}
	encrypted, err := p.Encrypt(t.Context(), "1", []byte("seed"))
	if err != nil || encrypted.KeyID != status.KeyID {
		t.Fatalf("Encrypt = %+v, %v; want the id %s", encrypted, err, status.KeyID)
	}
	request := &service.DecryptRequest{Ciphertext: encrypted.Ciphertext, KeyID: encrypted.KeyID}
	if plain, err := p.Decrypt(t.Context(), "2", request); err != nil || string(plain) != "seed" {
		t.Errorf("Decrypt = %q, %v; want seed", plain, err)
	}
}
