package fakeaws

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// TestSign checks with Go's own verification that the signatures are real.
func TestSign(t *testing.T) {
	s, url := start(t, Options{})
	ctx, client := context.Background(), kmsOf(admin, url)
	message := []byte("message")
	sum256, sum384 := sha256.Sum256(message), sha512.Sum384(message)
	for _, test := range []struct {
		spec, algorithm string
		digest          []byte
		verify          func(public any, digest, signature []byte) bool
	}{
		{"ECC_NIST_P256", "ECDSA_SHA_256", sum256[:], verifyECDSA},
		{"ECC_NIST_P384", "ECDSA_SHA_384", sum384[:], verifyECDSA},
		{"RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256", sum256[:], func(public any, digest, signature []byte) bool {
			return rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, digest, signature) == nil
		}},
		{"RSA_2048", "RSASSA_PSS_SHA_256", sum256[:], func(public any, digest, signature []byte) bool {
			return rsa.VerifyPSS(public.(*rsa.PublicKey), crypto.SHA256, digest, signature, nil) == nil
		}},
	} {
		arn, err := s.AddKey(Key{ID: "11111111-0000-0000-0000-000000000001", Region: home, Account: account,
			Spec: test.spec, Usage: "SIGN_VERIFY"})
		must(t, err)
		published, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
		must(t, err)
		public, err := x509.ParsePKIXPublicKey(published.PublicKey)
		must(t, err)
		again, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &arn})
		must(t, err)
		if !bytes.Equal(published.PublicKey, again.PublicKey) || string(published.KeySpec) != test.spec {
			t.Errorf("%s: GetPublicKey = %v, then %v", test.spec, published, again)
		}
		algorithm := types.SigningAlgorithmSpec(test.algorithm)
		for kind, input := range map[types.MessageType][]byte{
			types.MessageTypeRaw: message, types.MessageTypeDigest: test.digest,
		} {
			signed, err := client.Sign(ctx, &kms.SignInput{KeyId: &arn, Message: input, MessageType: kind,
				SigningAlgorithm: algorithm})
			must(t, err)
			if !test.verify(public, test.digest, signed.Signature) {
				t.Errorf("%s, %s, %s: the signature does not verify", test.spec, test.algorithm, kind)
			}
			checked, err := client.Verify(ctx, &kms.VerifyInput{KeyId: &arn, Message: input, MessageType: kind,
				SigningAlgorithm: algorithm, Signature: signed.Signature})
			must(t, err)
			if !checked.SignatureValid {
				t.Errorf("%s: Verify = %v, want valid", test.algorithm, checked)
			}
			signed.Signature[len(signed.Signature)-1] ^= 1
			_, err = client.Verify(ctx, &kms.VerifyInput{KeyId: &arn, Message: input, MessageType: kind,
				SigningAlgorithm: algorithm, Signature: signed.Signature})
			wantCode(t, err, "KMSInvalidSignatureException")
		}
	}
}

func verifyECDSA(public any, digest, signature []byte) bool {
	return ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest, signature)
}

func TestSignErrors(t *testing.T) {
	s, url := start(t, Options{})
	reader := Principal{ARN: "arn:aws:iam::" + account + ":user/reader", AccessKeyID: "AKIAREADER",
		SecretAccessKey: "s", Policy: []Statement{Allow("kms:GetPublicKey")}}
	must(t, s.AddPrincipal(reader))
	ctx, client := context.Background(), kmsOf(admin, url)
	add := func(k Key) string {
		k.Region, k.Account = home, account
		arn, err := s.AddKey(k)
		must(t, err)
		return arn
	}
	ec := add(Key{Spec: "ECC_NIST_P256", Usage: "SIGN_VERIFY"})
	disabled := add(Key{Spec: "ECC_NIST_P256", Usage: "SIGN_VERIFY", State: "Disabled"})
	symmetric, encrypting := add(Key{}), add(Key{Spec: "RSA_2048"})
	digest, p256 := make([]byte, 32), types.SigningAlgorithmSpecEcdsaSha256
	for name, test := range map[string]struct {
		in   kms.SignInput
		want string
	}{
		"dry run": {kms.SignInput{KeyId: &ec, Message: digest, DryRun: aws.Bool(true)}, "DryRunOperationException"},
		"too long": {kms.SignInput{KeyId: &ec, Message: make([]byte, 4097), MessageType: types.MessageTypeRaw},
			"ValidationException"},
		"length of digest": {kms.SignInput{KeyId: &ec, Message: digest[1:]}, "ValidationException"},
		"other algorithm": {kms.SignInput{KeyId: &ec, Message: digest,
			SigningAlgorithm: types.SigningAlgorithmSpecEcdsaSha384}, "InvalidKeyUsageException"},
		"unknown algorithm": {kms.SignInput{KeyId: &ec, Message: digest, SigningAlgorithm: "X"},
			"ValidationException"},
		"disabled":           {kms.SignInput{KeyId: &disabled, Message: digest}, "DisabledException"},
		"key for encryption": {kms.SignInput{KeyId: &encrypting, Message: digest}, "InvalidKeyUsageException"},
		"symmetric":          {kms.SignInput{KeyId: &symmetric, Message: digest}, "InvalidKeyUsageException"},
	} {
		if test.in.SigningAlgorithm == "" {
			test.in.SigningAlgorithm = p256
		}
		if test.in.MessageType == "" {
			test.in.MessageType = types.MessageTypeDigest
		}
		t.Run(name, func(t *testing.T) {
			_, err := client.Sign(ctx, &test.in)
			wantCode(t, err, test.want)
		})
	}
	_, err := client.GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &symmetric})
	wantCode(t, err, "UnsupportedOperationException")
	_, err = kmsOf(reader, url).GetPublicKey(ctx, &kms.GetPublicKeyInput{KeyId: &ec})
	must(t, err)
	_, err = kmsOf(reader, url).Sign(ctx, &kms.SignInput{KeyId: &ec, Message: digest, MessageType: "DIGEST",
		SigningAlgorithm: p256})
	wantCode(t, err, "AccessDeniedException")
}
