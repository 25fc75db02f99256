package fakeaws

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

// violation is KMS's error for a parameter that does not meet its model.
func violation(value, member, constraint string) *apiError {
	return failf(400, "ValidationException",
		"1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, constraint)
}

// oneOf returns an error unless the value is empty or in the enumeration.
func oneOf[T ~string](value, member string, values []T) *apiError {
	if value == "" || slices.Contains(values, T(value)) {
		return nil
	}
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return violation(value, member, "Member must satisfy enum value set: ["+strings.Join(names, ", ")+"]")
}

// check validates the kind of key. The old member CustomerMasterKeySpec counts as KeySpec.
func (in *createKeyInput) check() *apiError {
	if in.KeySpec == "" {
		in.KeySpec = in.CustomerMasterKeySpec
	}
	if failure := oneOf(in.KeySpec, "keySpec", types.KeySpec("").Values()); failure != nil {
		return failure
	}
	if failure := oneOf(in.KeyUsage, "keyUsage", types.KeyUsageType("").Values()); failure != nil {
		return failure
	}
	if in.KeyUsage == "" && in.KeySpec != "" && in.KeySpec != "SYMMETRIC_DEFAULT" {
		return failf(400, "ValidationException",
			"You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	}
	return nil
}

// maxTags is the quota of tags of a key.
const maxTags = 50

func (k *Key) tag(tags []keyTag) *apiError {
	const atMost = "Member must have length less than or equal to "
	seen := map[string]bool{}
	for i, t := range tags {
		member := fmt.Sprintf("tags.%d.member.", i+1)
		switch {
		case t.TagKey == "":
			return violation(t.TagKey, member+"tagKey", "Member must have length greater than or equal to 1")
		case utf8.RuneCountInString(t.TagKey) > 128:
			return violation(t.TagKey, member+"tagKey", atMost+"128")
		case utf8.RuneCountInString(t.TagValue) > 256:
			return violation(t.TagValue, member+"tagValue", atMost+"256")
		case strings.HasPrefix(strings.ToLower(t.TagKey), "aws:"):
			return failf(400, "TagException", "Tags beginning with aws: are reserved")
		case seen[t.TagKey]:
			return failf(400, "TagException", "Duplicate tag keys")
		}
		seen[t.TagKey] = true
	}
	for key := range k.Tags {
		seen[key] = true
	}
	if len(seen) > maxTags {
		return failf(400, "TagException", "Too many tags")
	}
	for _, t := range tags {
		if k.Tags == nil {
			k.Tags = map[string]string{}
		}
		k.Tags[t.TagKey] = t.TagValue
	}
	return nil
}

// algorithms returns the member of DescribeKey that lists the key's algorithms, and the list.
func (k *Key) algorithms() (member string, list []string) {
	switch k.Usage {
	case "ENCRYPT_DECRYPT":
		list = []string{"RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"}
		switch k.Spec {
		case "SYMMETRIC_DEFAULT":
			list = []string{"SYMMETRIC_DEFAULT"}
		case "SM2":
			list = []string{"SM2PKE"}
		}
		return "EncryptionAlgorithms", list
	case "SIGN_VERIFY":
		return "SigningAlgorithms", signingAlgorithms(k.Spec)
	case "GENERATE_VERIFY_MAC":
		return "MacAlgorithms", []string{strings.Replace(k.Spec, "HMAC_", "HMAC_SHA_", 1)}
	case "KEY_AGREEMENT":
		return "KeyAgreementAlgorithms", []string{"ECDH"}
	}
	return "", nil
}

func signingAlgorithms(spec string) []string {
	switch {
	case strings.HasPrefix(spec, "RSA_"):
		return []string{
			"RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PKCS1_V1_5_SHA_384", "RSASSA_PKCS1_V1_5_SHA_512",
			"RSASSA_PSS_SHA_256", "RSASSA_PSS_SHA_384", "RSASSA_PSS_SHA_512",
		}
	case strings.HasPrefix(spec, "ML_DSA_"):
		return []string{"ML_DSA_SHAKE_256"}
	case strings.HasSuffix(spec, "EDWARDS25519"):
		return []string{"ED25519_SHA_512", "ED25519_PH_SHA_512"}
	case strings.HasSuffix(spec, "P384"):
		return []string{"ECDSA_SHA_384"}
	case strings.HasSuffix(spec, "P521"):
		return []string{"ECDSA_SHA_512"}
	case spec == "SM2":
		return []string{"SM2DSA"}
	}
	return []string{"ECDSA_SHA_256"}
}
