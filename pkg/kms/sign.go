package kms

import (
	"context"
	"crypto"
	_ "crypto/sha256" // for the hashes of signingSpecs
	_ "crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/hint"
)

// PublicKeyReader reads the public keys of asymmetric keys.
type PublicKeyReader interface {
	GetPublicKey(context.Context, *kms.GetPublicKeyInput, ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error)
}

// SigningAPI signs with asymmetric keys.
type SigningAPI interface {
	PublicKeyReader
	Sign(context.Context, *kms.SignInput, ...func(*kms.Options)) (*kms.SignOutput, error)
}

// SigningKey is an asymmetric key for signatures.
type SigningKey struct {
	ARN    string
	public crypto.PublicKey
	spec   signingSpec
	api    SigningAPI
}

// signingSpec is how keys of a kind sign.
type signingSpec struct {
	algorithm kmstypes.SigningAlgorithmSpec
	hash      crypto.Hash
}

// signingSpecs are the kinds of keys whose signatures other programs can verify.
func signingSpecs() map[kmstypes.KeySpec]signingSpec {
	rsa := signingSpec{kmstypes.SigningAlgorithmSpecRsassaPkcs1V15Sha256, crypto.SHA256}
	return map[kmstypes.KeySpec]signingSpec{
		kmstypes.KeySpecEccNistP256: {kmstypes.SigningAlgorithmSpecEcdsaSha256, crypto.SHA256},
		kmstypes.KeySpecEccNistP384: {kmstypes.SigningAlgorithmSpecEcdsaSha384, crypto.SHA384},
		kmstypes.KeySpecEccNistP521: {kmstypes.SigningAlgorithmSpecEcdsaSha512, crypto.SHA512},
		kmstypes.KeySpecRsa2048:     rsa, kmstypes.KeySpecRsa3072: rsa, kmstypes.KeySpecRsa4096: rsa,
	}
}

const signingHint = "use a key of usage SIGN_VERIFY: " +
	"aws kms create-key --key-spec ECC_NIST_P256 --key-usage SIGN_VERIFY creates one"

// NewSigningKey returns the key behind a reference, with its ARN and public key. It makes a
// dry run of a signature, so that a missing permission is found before the work begins.
func NewSigningKey(ctx context.Context, api SigningAPI, named string) (*SigningKey, error) {
	out, err := getPublicKey(ctx, api, named)
	if err != nil {
		return nil, err
	}
	k := &SigningKey{ARN: aws.ToString(out.KeyId), api: api}
	if k.public, k.spec, err = parseSigningKey(out); err != nil {
		return nil, hint.Wrap(fmt.Errorf("key %s can't sign evidence: %w", named, err), signingHint)
	}
	_, err = k.sign(ctx, make([]byte, k.spec.hash.Size()), true)
	return k, err
}

// PublicKey returns the ARN and the public key of the key behind a reference.
func PublicKey(ctx context.Context, api PublicKeyReader, named string) (string, crypto.PublicKey, error) {
	out, err := getPublicKey(ctx, api, named)
	if err != nil {
		return "", nil, err
	}
	public, _, err := parseSigningKey(out)
	if err != nil {
		return "", nil, fmt.Errorf("key %s can't have signed evidence: %w", named, err)
	}
	return aws.ToString(out.KeyId), public, nil
}

func getPublicKey(ctx context.Context, api PublicKeyReader, named string) (*kms.GetPublicKeyOutput, error) {
	out, err := api.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &named})
	switch {
	case err == nil:
		return out, nil
	case code(err) == "UnsupportedOperationException":
		err = errors.New("it is symmetric, or of a kind without signatures")
		return nil, hint.Wrap(fmt.Errorf("key %s has no public key: %w", named, err), signingHint)
	}
	return nil, explain(err, "GetPublicKey", named)
}

func parseSigningKey(out *kms.GetPublicKeyOutput) (crypto.PublicKey, signingSpec, error) {
	spec, known := signingSpecs()[out.KeySpec]
	switch {
	case out.KeyUsage != kmstypes.KeyUsageTypeSignVerify:
		return nil, spec, fmt.Errorf("its usage is %s", out.KeyUsage)
	case !known:
		return nil, spec, fmt.Errorf("its kind %s is not supported: use ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521 or RSA",
			out.KeySpec)
	case !slices.Contains(out.SigningAlgorithms, spec.algorithm):
		return nil, spec, fmt.Errorf("it does not support %s", spec.algorithm)
	}
	public, err := x509.ParsePKIXPublicKey(out.PublicKey)
	if err != nil {
		return nil, spec, fmt.Errorf("kms GetPublicKey returned a public key that is not valid: %w", err)
	}
	return public, spec, nil
}

// Public returns the public key.
func (k *SigningKey) Public() crypto.PublicKey { return k.public }

// Sign returns the signature of the message. KMS gets only the digest: it accepts no long messages.
func (k *SigningKey) Sign(ctx context.Context, message []byte) ([]byte, error) {
	h := k.spec.hash.New()
	h.Write(message)
	return k.sign(ctx, h.Sum(nil), false)
}

// sign signs a digest. A dry run in KMS always returns an error.
func (k *SigningKey) sign(ctx context.Context, digest []byte, dryRun bool) ([]byte, error) {
	in := &kms.SignInput{
		KeyId: &k.ARN, Message: digest, MessageType: kmstypes.MessageTypeDigest, SigningAlgorithm: k.spec.algorithm,
	}
	if dryRun {
		in.DryRun = aws.Bool(true)
	}
	out, err := k.api.Sign(ctx, in)
	switch {
	case dryRun && (err == nil || code(err) == "DryRunOperationException"):
		return nil, nil
	case err != nil:
		return nil, explain(err, "Sign", k.ARN)
	}
	return out.Signature, nil
}
