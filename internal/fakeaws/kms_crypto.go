package fakeaws

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"fmt"
	"strings"
)

type cryptoInput struct {
	KeyID             string
	Plaintext         []byte
	CiphertextBlob    []byte
	EncryptionContext map[string]string
	DryRun            bool
}

// maxPlaintext is KMS's limit for Encrypt with a symmetric key, in bytes.
const maxPlaintext = 4096

// dryRun returns the error of a dry run whose request would have succeeded.
func dryRun() *apiError {
	return failf(400, "DryRunOperationException", "The request would have succeeded, but the DryRun option is set.")
}

func (s *Server) encrypt(c *call) (any, *apiError) {
	var in cryptoInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	key, failure := s.cryptoKey(c, in.KeyID, "Encrypt")
	if failure != nil {
		return nil, failure
	}
	switch n := len(in.Plaintext); {
	case n == 0:
		return nil, violation("java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]", "plaintext",
			"Member must have length greater than or equal to 1")
	case n > maxPlaintext:
		return nil, violation(fmt.Sprintf("java.nio.HeapByteBuffer[pos=0 lim=%d cap=%d]", n, n), "plaintext",
			fmt.Sprintf("Member must have length less than or equal to %d", maxPlaintext))
	}
	if in.DryRun {
		return nil, dryRun()
	}
	gcm := key.cipher()
	nonce := s.random(gcm.NonceSize())
	blob := append([]byte{1, byte(len(key.ARN()))}, key.ARN()...)
	blob = append(blob, nonce...)
	blob = gcm.Seal(blob, nonce, in.Plaintext, bound(in.EncryptionContext))
	key.LastUse, key.LastUseOp = s.opts.Now(), "Encrypt"
	return object{"CiphertextBlob": blob, "KeyId": key.ARN(), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}, nil
}

func (s *Server) decrypt(c *call) (any, *apiError) {
	var in cryptoInput
	if failure := c.decode(&in); failure != nil {
		return nil, failure
	}
	arn, sealed, ok := openBlob(in.CiphertextBlob)
	if !ok || s.state.Keys[arn] == nil || parseARN(arn).Region != c.region {
		return nil, failf(400, "InvalidCiphertextException", "")
	}
	if in.KeyID != "" && s.findKey(c, in.KeyID) != s.state.Keys[arn] {
		return nil, failf(400, "IncorrectKeyException",
			"The key ID in the request does not identify a CMK that can perform this operation.")
	}
	key, failure := s.cryptoKey(c, arn, "Decrypt")
	if failure != nil {
		return nil, failure
	}
	gcm := key.cipher()
	if len(sealed) < gcm.NonceSize() {
		return nil, failf(400, "InvalidCiphertextException", "")
	}
	plain, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], bound(in.EncryptionContext))
	if err != nil {
		return nil, failf(400, "InvalidCiphertextException", "")
	}
	if in.DryRun {
		return nil, dryRun()
	}
	key.LastUse, key.LastUseOp = s.opts.Now(), "Decrypt"
	return object{
		"KeyId": key.ARN(), "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
		"KeyMaterialId": hexSum(key.Secret),
	}, nil
}

// cryptoKey returns a key that the caller is allowed to use and that can encrypt.
func (s *Server) cryptoKey(c *call, id, action string) (*Key, *apiError) {
	key, failure := s.key(c, id, action, nil)
	if failure != nil {
		return nil, failure
	}
	if failure := key.usable(); failure != nil {
		return nil, failure
	}
	if key.Usage != "ENCRYPT_DECRYPT" || key.Spec != "SYMMETRIC_DEFAULT" {
		return nil, failf(400, "InvalidKeyUsageException", "%s key usage is %s which is not valid for %s.", key.ARN(),
			key.Usage, action)
	}
	return key, nil
}

func (k *Key) cipher() cipher.AEAD {
	block, err := aes.NewCipher(k.Secret[:32])
	if err != nil {
		panic("fakeaws: key secret: " + err.Error())
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic("fakeaws: key secret: " + err.Error())
	}
	return gcm
}

// bound returns the encryption context as additional authenticated data. JSON sorts the keys.
func bound(context map[string]string) []byte {
	data, err := json.Marshal(context)
	if err != nil || len(context) == 0 {
		return nil
	}
	return data
}

// openBlob splits a ciphertext: version, length and text of the key's ARN, sealed data.
func openBlob(blob []byte) (arn string, sealed []byte, ok bool) {
	if len(blob) < 2 || blob[0] != 1 || len(blob) < 2+int(blob[1]) {
		return "", nil, false
	}
	arn, sealed = string(blob[2:2+int(blob[1])]), blob[2+int(blob[1]):]
	return arn, sealed, strings.HasPrefix(arn, "arn:")
}
