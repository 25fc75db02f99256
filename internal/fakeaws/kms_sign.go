package fakeaws

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

type signInput struct {
	KeyID, MessageType, SigningAlgorithm string
	Message, Signature                   []byte
	DryRun                               bool
}

func (s *Server) sign(c *call) (any, *apiError) {
	key, signer, in, digest, failure := s.signing(c, "Sign")
	switch {
	case failure != nil:
		return nil, failure
	case in.DryRun:
		return nil, dryRun()
	}
	signature, err := signer.Sign(rand.Reader, digest, in.options())
	if err != nil {
		return nil, failf(500, "KMSInternalException", "%v", err)
	}
	key.LastUse, key.LastUseOp = s.opts.Now(), "Sign"
	return object{"KeyId": key.ARN(), "Signature": signature, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

func (s *Server) verifySignature(c *call) (any, *apiError) {
	key, signer, in, digest, failure := s.signing(c, "Verify")
	switch {
	case failure != nil:
		return nil, failure
	case !in.verifies(signer.Public(), digest):
		return nil, failf(400, "KMSInvalidSignatureException", "")
	case in.DryRun:
		return nil, dryRun()
	}
	key.LastUse, key.LastUseOp = s.opts.Now(), "Verify"
	return object{"KeyId": key.ARN(), "SignatureValid": true, "SigningAlgorithm": in.SigningAlgorithm}, nil
}

func (s *Server) getPublicKey(c *call) (any, *apiError) {
	var in keyInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.key(c, in.KeyID, "GetPublicKey", nil)
	if failure != nil {
		return nil, failure
	}
	if failure := key.usable(); failure != nil {
		return nil, failure
	}
	signer, failure := s.privateKey(key)
	if failure != nil {
		return nil, failure
	}
	der, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		return nil, failf(500, "KMSInternalException", "%v", err)
	}
	reply := object{
		"KeyId": key.ARN(), "PublicKey": der, "KeyUsage": key.Usage,
		"KeySpec": key.Spec, "CustomerMasterKeySpec": key.Spec,
	}
	if member, list := key.algorithms(); member != "" {
		reply[member] = list
	}
	return reply, nil
}

// signing returns the key of a call of Sign or Verify with its private key, and the digest to sign.
func (s *Server) signing(c *call, action string) (*Key, crypto.Signer, *signInput, []byte, *apiError) {
	in := &signInput{}
	if failure := c.decode(in); failure != nil {
		return nil, nil, nil, nil, failure
	}
	key, failure := s.key(c, in.KeyID, action, map[string]string{
		"kms:SigningAlgorithm": in.SigningAlgorithm, "kms:MessageType": in.MessageType,
	})
	if failure == nil {
		failure = key.usable()
	}
	if failure == nil && key.Usage != "SIGN_VERIFY" {
		failure = failf(400, "InvalidKeyUsageException", "%s key usage is %s which is not valid for %s.", key.ARN(),
			key.Usage, action)
	}
	if failure == nil {
		failure = in.check(key)
	}
	if failure != nil {
		return nil, nil, nil, nil, failure
	}
	signer, failure := s.privateKey(key)
	if failure != nil {
		return nil, nil, nil, nil, failure
	}
	if in.MessageType == string(types.MessageTypeDigest) {
		return key, signer, in, in.Message, nil
	}
	h := in.options().HashFunc().New()
	h.Write(in.Message)
	return key, signer, in, h.Sum(nil), nil
}

// check validates the parameters in the order and with the messages of KMS.
func (in *signInput) check(key *Key) *apiError {
	if failure := oneOf(in.MessageType, "messageType", types.MessageType("").Values()); failure != nil {
		return failure
	}
	algorithms := types.SigningAlgorithmSpec("").Values()
	if failure := oneOf(in.SigningAlgorithm, "signingAlgorithm", algorithms); failure != nil {
		return failure
	}
	switch n := len(in.Message); {
	case n == 0:
		return violation("java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]", "message",
			"Member must have length greater than or equal to 1")
	case n > maxPlaintext:
		return violation(fmt.Sprintf("java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", n, n), "message",
			fmt.Sprintf("Member must have length less than or equal to %d", maxPlaintext))
	case !slices.Contains(signingAlgorithms(key.Spec), in.SigningAlgorithm):
		return failf(400, "InvalidKeyUsageException", "Algorithm %s is incompatible with key spec %s.",
			in.SigningAlgorithm, key.Spec)
	case in.MessageType == string(types.MessageTypeDigest) && n != in.options().HashFunc().Size():
		return failf(400, "ValidationException", "Digest is invalid length for algorithm %s.", in.SigningAlgorithm)
	}
	return nil
}

// options returns the hash and the padding of the algorithm.
func (in *signInput) options() crypto.SignerOpts {
	hash := crypto.SHA256
	switch {
	case strings.HasSuffix(in.SigningAlgorithm, "_SHA_384"):
		hash = crypto.SHA384
	case strings.HasSuffix(in.SigningAlgorithm, "_SHA_512"):
		hash = crypto.SHA512
	}
	if strings.HasPrefix(in.SigningAlgorithm, "RSASSA_PSS_") {
		return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: hash}
	}
	return hash
}

func (in *signInput) verifies(public crypto.PublicKey, digest []byte) bool {
	options := in.options()
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest, in.Signature)
	case *rsa.PublicKey:
		if pss, ok := options.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(public, options.HashFunc(), digest, in.Signature, pss) == nil
		}
		return rsa.VerifyPKCS1v15(public, options.HashFunc(), digest, in.Signature) == nil
	}
	return false
}
