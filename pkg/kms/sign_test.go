package kms

import (
	"context"
	"crypto/ecdsa"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

func signingKey(spec string) fakeaws.Key { return fakeaws.Key{Spec: spec, Usage: "SIGN_VERIFY"} }

// TestSigningKey signs a message that is longer than KMS accepts, with each kind of key.
func TestSigningKey(t *testing.T) {
	a := newAWS(t)
	message := []byte(strings.Repeat("x", 5000))
	for _, spec := range []string{"ECC_NIST_P256", "ECC_NIST_P384", "ECC_NIST_P521", "RSA_2048"} {
		keyARN := a.key(t, signingKey(spec))
		a.alias(t, "alias/"+spec, keyARN)
		for _, named := range []string{keyARN, keyARN[strings.LastIndexByte(keyARN, '/')+1:], "alias/" + spec} {
			k, err := NewSigningKey(context.Background(), a.kms(), named)
			awstest.Must(t, err)
			signature, err := k.Sign(context.Background(), message)
			awstest.Must(t, err)
			digest := k.spec.hash.New()
			digest.Write(message)
			valid := false
			switch public := k.Public().(type) {
			case *ecdsa.PublicKey:
				valid = ecdsa.VerifyASN1(public, digest.Sum(nil), signature)
			case *rsa.PublicKey:
				valid = rsa.VerifyPKCS1v15(public, k.spec.hash, digest.Sum(nil), signature) == nil
			}
			if !valid || k.ARN != keyARN {
				t.Errorf("%s: key = %s, want %s; signature valid = %v", named, k.ARN, keyARN, valid)
			}
		}
		got, public, err := PublicKey(context.Background(), a.kms(), "alias/"+spec)
		if awstest.Must(t, err); got != keyARN || public == nil {
			t.Errorf("%s: PublicKey = %s, %v", spec, got, public)
		}
	}
}

func TestSigningKeyErrors(t *testing.T) {
	a := newAWS(t)
	disabled := signingKey("ECC_NIST_P256")
	disabled.State = "Disabled"
	for want, key := range map[string]fakeaws.Key{
		"has no public key: it is symmetric": {},
		"its usage is ENCRYPT_DECRYPT":       {Spec: "RSA_2048"},
		"is disabled":                        disabled,
	} {
		keyARN := a.key(t, key)
		_, err := NewSigningKey(context.Background(), a.kms(), keyARN)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), keyARN) {
			t.Errorf("NewSigningKey = %v, want %q and the ARN", err, want)
		}
		if strings.Contains(want, "usage") && !strings.Contains(hint.Of(err), "--key-usage SIGN_VERIFY") {
			t.Errorf("hint = %q, want how to create a key", hint.Of(err))
		}
	}
	if _, _, err := PublicKey(context.Background(), a.kms(), "alias/missing"); err == nil ||
		!strings.Contains(err.Error(), "alias/missing") {
		t.Errorf("PublicKey of a missing alias = %v", err)
	}
	if n := awstest.Calls(a.Server, "Sign"); n != 0 {
		t.Errorf("calls of Sign = %d, want 0", n)
	}
}

// TestSigningPermissions checks that each missing permission is named before anything is signed.
func TestSigningPermissions(t *testing.T) {
	for missing, policy := range map[string]fakeaws.Statement{
		"kms:Sign": fakeaws.Allow("kms:GetPublicKey"), "kms:GetPublicKey": fakeaws.Allow("kms:Sign"),
	} {
		a := newAWS(t, policy)
		keyARN := a.key(t, signingKey("ECC_NIST_P256"))
		_, err := NewSigningKey(context.Background(), a.kms(), keyARN)
		if err == nil || !strings.Contains(err.Error()+hint.Of(err), missing) ||
			!strings.Contains(err.Error()+hint.Of(err), keyARN) {
			t.Errorf("NewSigningKey without %s = %v (%s)", missing, err, hint.Of(err))
		}
	}
}

// kinds is a KMS that answers with another kind of key.
type kinds struct {
	SigningAPI
	change func(*kms.GetPublicKeyOutput)
}

func (k kinds) GetPublicKey(ctx context.Context, in *kms.GetPublicKeyInput,
	o ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error) {
	out, err := k.SigningAPI.GetPublicKey(ctx, in, o...)
	if err == nil {
		k.change(out)
	}
	return out, err
}

func TestUnsupportedSigningKeys(t *testing.T) {
	a := newAWS(t)
	keyARN := a.key(t, signingKey("ECC_NIST_P256"))
	for want, change := range map[string]func(*kms.GetPublicKeyOutput){
		"its kind ECC_SECG_P256K1 is not supported": func(o *kms.GetPublicKeyOutput) { o.KeySpec = "ECC_SECG_P256K1" },
		"its kind ECC_NIST_EDWARDS25519 is not supported": func(o *kms.GetPublicKeyOutput) {
			o.KeySpec = "ECC_NIST_EDWARDS25519"
		},
		"its kind ML_DSA_65 is not supported": func(o *kms.GetPublicKeyOutput) { o.KeySpec = "ML_DSA_65" },
		"does not support ECDSA_SHA_256":      func(o *kms.GetPublicKeyOutput) { o.SigningAlgorithms = nil },
		"a public key that is not valid":      func(o *kms.GetPublicKeyOutput) { o.PublicKey = []byte{1} },
		"its usage is KEY_AGREEMENT":          func(o *kms.GetPublicKeyOutput) { o.KeyUsage = "KEY_AGREEMENT" },
	} {
		_, err := NewSigningKey(context.Background(), kinds{a.kms(), change}, keyARN)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("NewSigningKey = %v, want %q", err, want)
		}
	}
}
