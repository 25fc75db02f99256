package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/smithy-go"
)

// TestRecordedErrors checks code and message of errors for which replies of AWS were recorded or documented.
func TestRecordedErrors(t *testing.T) {
	s, url := start(t, Options{})
	ctx, client, clusters := context.Background(), kmsOf(admin, url), eksOf(admin, url)
	arn, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	_, err = s.AddAlias(Alias{Name: "alias/a", Region: home, Account: account, Target: arn[len(arn)-36:]})
	must(t, err)
	external, err := s.AddKey(Key{Region: home, Account: account, Origin: "EXTERNAL"})
	must(t, err)
	_, err = s.AddCluster(Cluster{Name: "c", Region: home, Account: account})
	must(t, err)
	create := func(in kms.CreateKeyInput) error {
		_, err := client.CreateKey(ctx, &in)
		return err
	}
	tag := func(pairs ...string) error {
		in := kms.TagResourceInput{KeyId: &arn}
		for i := 0; i < len(pairs); i += 2 {
			in.Tags = append(in.Tags, types.Tag{TagKey: &pairs[i], TagValue: &pairs[i+1]})
		}
		_, err := client.TagResource(ctx, &in)
		return err
	}
	var many []string
	for i := range 51 {
		many = append(many, fmt.Sprint("k", i), "v")
	}
	encrypt := func(n int) error {
		_, err := client.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: make([]byte, n)})
		return err
	}
	alias := func(name, target string) error {
		_, err := client.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: &name, TargetKeyId: &target})
		return err
	}
	associate := func(key string) error {
		_, err := clusters.AssociateEncryptionConfig(ctx, associateInputOf("c", key))
		var in *ekstypes.InvalidParameterException
		if errors.As(err, &in) && aws.ToString(in.ClusterName) != "c" {
			t.Errorf("clusterName = %q, want c", aws.ToString(in.ClusterName))
		}
		return err
	}
	policyOf := func(id string) error {
		_, err := client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id})
		return err
	}
	const missing = "arn:aws:kms:eu-central-1:" + account + ":key/123"
	for _, tt := range []struct {
		name       string
		err        error
		code, text string
	}{
		{"key that EKS does not find", associate(missing), "InvalidParameterException",
			"The KeyArn in encryptionConfig provider " + missing + " is not found."},
		{"malformed key ARN", associate("nonsense"), "InvalidParameterException",
			"The keyArn for encryptionConfig is invalid."},
		{"unknown spec", create(kms.CreateKeyInput{KeySpec: "HMAC_random"}), "ValidationException",
			"Value 'HMAC_random' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: ["},
		{"HMAC without usage", create(kms.CreateKeyInput{KeySpec: "HMAC_256"}), "ValidationException",
			"You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."},
		{"duplicate tags", tag("a", "1", "a", "2"), "TagException", "Duplicate tag keys"},
		{"51 tags", tag(many...), "TagException", "Too many tags"},
		{"reserved tag", tag("AWS:x", "1"), "TagException", "Tags beginning with aws: are reserved"},
		{"long tag key", tag("a", "1", strings.Repeat("ü", 129), "1"), "ValidationException",
			"at 'tags.2.member.tagKey' failed to satisfy constraint: Member must have length less than or equal to 128"},
		{"umlauts within the limit", tag(strings.Repeat("ü", 128), strings.Repeat("ü", 256)), "", ""},
		{"empty plaintext", encrypt(0), "ValidationException", "Member must have length greater than or equal to 1"},
		{"long plaintext", encrypt(4097), "ValidationException", "Member must have length less than or equal to 4096"},
		{"alias of an alias", alias("alias/b", "alias/a"), "ValidationException",
			"Aliases must refer to keys. Not aliases"},
		{"alias with an exclamation mark", alias("alias/b!", arn), "ValidationException",
			"Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"},
		{"policy by alias", policyOf("alias/a"), "NotFoundException", "Invalid keyId alias/a"},
		{"rotation of imported material", func() error {
			_, err := client.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &external})
			return err
		}(), "UnsupportedOperationException", external + " origin is EXTERNAL which is not valid for this operation."},
		{"grant to no principal", func() error {
			_, err := client.CreateGrant(ctx, &kms.CreateGrantInput{KeyId: &arn, GranteePrincipal: aws.String("no-principal"),
				Operations: []types.GrantOperation{"Decrypt"}})
			return err
		}(), "InvalidArnException", "no-principal"},
		{"limit above the maximum", func() error {
			_, err := client.ListGrants(ctx, &kms.ListGrantsInput{KeyId: &arn, Limit: aws.Int32(101)})
			return err
		}(), "ValidationException", "less than or equal to 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantCode(t, tt.err, tt.code)
			var api smithy.APIError
			if errors.As(tt.err, &api) && !strings.Contains(api.ErrorMessage(), tt.text) {
				t.Errorf("message = %q, want %q", api.ErrorMessage(), tt.text)
			}
		})
	}
}

// TestKeyMetadata checks the members that depend on the kind of key.
func TestKeyMetadata(t *testing.T) {
	s, url := start(t, Options{})
	client := kmsOf(admin, url)
	describe := func(k Key) *types.KeyMetadata {
		k.Region, k.Account = home, account
		arn, err := s.AddKey(k)
		must(t, err)
		out, err := client.DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &arn})
		must(t, err)
		return out.KeyMetadata
	}
	if m := describe(Key{Spec: "RSA_2048", Usage: "SIGN_VERIFY"}); len(m.SigningAlgorithms) != 6 ||
		m.CurrentKeyMaterialId != nil || len(m.EncryptionAlgorithms) > 0 {
		t.Errorf("RSA signing key = %+v", m)
	}
	if m := describe(Key{Spec: "HMAC_384", Usage: "GENERATE_VERIFY_MAC"}); len(m.MacAlgorithms) != 1 ||
		m.MacAlgorithms[0] != "HMAC_SHA_384" {
		t.Errorf("HMAC key = %+v", m)
	}
	if m := describe(Key{Origin: "EXTERNAL", State: "PendingImport"}); m.ExpirationModel != "" ||
		m.CurrentKeyMaterialId != nil {
		t.Errorf("key without material = %+v", m)
	}
	if m := describe(Key{Origin: "EXTERNAL"}); m.ExpirationModel != "KEY_MATERIAL_DOES_NOT_EXPIRE" {
		t.Errorf("imported key = %+v", m)
	}
	const id = "mrk-1234abcd12ab34cd56ef1234567890ab"
	_, err := s.AddKey(Key{ID: id, Region: "us-east-1", Account: account, MultiRegion: true,
		Primary: "arn:aws:kms:" + home + ":" + account + ":key/" + id})
	must(t, err)
	m := describe(Key{ID: id, MultiRegion: true})
	if r := m.MultiRegionConfiguration.ReplicaKeys; len(r) != 1 || aws.ToString(r[0].Region) != "us-east-1" {
		t.Errorf("replicas = %+v, want one in us-east-1", r)
	}
	out, err := client.CreateKey(context.Background(), &kms.CreateKeyInput{
		CustomerMasterKeySpec: "RSA_2048", //nolint:staticcheck // SA1019: the old name still counts
		KeyUsage:              "SIGN_VERIFY",
	})
	must(t, err)
	if out.KeyMetadata.KeySpec != "RSA_2048" {
		t.Errorf("spec = %s, want RSA_2048", out.KeyMetadata.KeySpec)
	}
}

func TestListCapabilities(t *testing.T) {
	s, url := start(t, Options{})
	_, err := s.AddCluster(Cluster{Name: "c", Region: home, Account: account,
		Capabilities: []Capability{{Name: "ack", Type: "ACK"}}})
	must(t, err)
	out, err := eksOf(admin, url).ListCapabilities(context.Background(),
		&eks.ListCapabilitiesInput{ClusterName: aws.String("c")})
	must(t, err)
	if len(out.Capabilities) != 1 || out.Capabilities[0].Type != "ACK" || out.Capabilities[0].Status != "ACTIVE" {
		t.Errorf("capabilities = %+v, want one ACK", out.Capabilities)
	}
}
