package fakeaws

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/google/go-cmp/cmp"
)

func TestKeyLifecycle(t *testing.T) {
	clock := newClock()
	s, url := start(t, Options{Now: clock.Now})
	ctx, client := context.Background(), kmsOf(admin, url)
	created, err := client.CreateKey(ctx, &kms.CreateKeyInput{
		Description: aws.String("for EKS"), Tags: []types.Tag{{TagKey: aws.String("team"), TagValue: aws.String("a")}},
	})
	must(t, err)
	id, arn := *created.KeyMetadata.KeyId, *created.KeyMetadata.Arn
	_, err = client.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/eks/new"), TargetKeyId: &id})
	must(t, err)
	_, err = client.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String("alias/eks/new"), TargetKeyId: &id})
	wantCode(t, err, "AlreadyExistsException")
	_, err = client.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &id,
		RotationPeriodInDays: aws.Int32(180)})
	must(t, err)
	_, err = client.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: &id, RotationPeriodInDays: aws.Int32(3)})
	wantCode(t, err, "ValidationException")
	_, err = client.TagResource(ctx, &kms.TagResourceInput{KeyId: &id,
		Tags: []types.Tag{{TagKey: aws.String("env"), TagValue: aws.String("prod")}}})
	must(t, err)

	for _, name := range []string{id, arn, "alias/eks/new", "arn:aws:kms:eu-central-1:" + account + ":alias/eks/new"} {
		d, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &name})
		must(t, err)
		m := d.KeyMetadata
		if *m.Arn != arn || !m.Enabled || m.KeyState != types.KeyStateEnabled ||
			m.KeySpec != types.KeySpecSymmetricDefault ||
			m.KeyUsage != types.KeyUsageTypeEncryptDecrypt || m.KeyManager != types.KeyManagerTypeCustomer ||
			m.Origin != types.OriginTypeAwsKms {
			t.Errorf("DescribeKey(%s) = %+v, want an enabled customer key", name, m)
		}
		if !m.CreationDate.Equal(clock.Now().Truncate(time.Millisecond)) {
			t.Errorf("creation date = %v, want %v", m.CreationDate, clock.Now())
		}
	}
	rotation, err := client.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &arn})
	must(t, err)
	if !rotation.KeyRotationEnabled || aws.ToInt32(rotation.RotationPeriodInDays) != 180 {
		t.Errorf("rotation = %+v, want every 180 days", rotation)
	}
	tags, err := client.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: &id})
	must(t, err)
	if len(tags.Tags) != 2 {
		t.Errorf("tags = %v, want two", tags.Tags)
	}
	policy, err := client.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id})
	must(t, err)
	if !strings.Contains(*policy.Policy, account+":root") {
		t.Errorf("default policy = %s, want the account root in it", *policy.Policy)
	}
	_, err = client.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: &id,
		Policy: aws.String(
			`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},` +
				`"Action":"kms:*","Resource":"*"}]}`)})
	wantCode(t, err, "MalformedPolicyDocumentException") // it locks the caller out
	must(t, s.Update(func(w *State) {
		w.Keys[arn].State, w.Keys[arn].DeletionDate = "PendingDeletion", clock.Now().AddDate(0, 0, 7)
	}))
	d, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	must(t, err)
	if d.KeyMetadata.Enabled || d.KeyMetadata.DeletionDate == nil {
		t.Errorf("key = %+v, want a disabled one with a deletion date", d.KeyMetadata)
	}
}

func TestListKeysAndAliases(t *testing.T) {
	s, url := start(t, Options{})
	must(t, s.Update(func(w *State) {
		w.PageSize = 2
		for range 5 {
			k := w.AddKey(Key{Region: home, Account: account})
			w.AddAlias(Alias{Name: "alias/" + k.ID, Region: home, Account: account, Target: k.ID})
		}
		w.AddAlias(Alias{Name: "alias/aws/eks", Region: home, Account: account})
		w.AddKey(Key{Region: "us-east-1", Account: account})
		w.AddKey(Key{Region: home, Account: other})
	}))
	ctx, client := context.Background(), kmsOf(admin, url)
	keys, aliases, untargeted := 0, 0, 0
	for p := kms.NewListKeysPaginator(client, &kms.ListKeysInput{}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		must(t, err)
		keys += len(out.Keys)
	}
	for p := kms.NewListAliasesPaginator(client, &kms.ListAliasesInput{}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		must(t, err)
		for _, a := range out.Aliases {
			aliases++
			if a.TargetKeyId == nil {
				untargeted++
			}
		}
	}
	if diff := cmp.Diff([]int{5, 6, 1}, []int{keys, aliases, untargeted}); diff != "" {
		t.Error(diff)
	}
	// Describing the AWS-managed key creates it.
	d, err := client.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/aws/eks")})
	must(t, err)
	if d.KeyMetadata.KeyManager != types.KeyManagerTypeAws {
		t.Errorf("manager of alias/aws/eks = %s, want AWS", d.KeyMetadata.KeyManager)
	}
}

func TestEncryptDecrypt(t *testing.T) {
	s, url := start(t, Options{})
	arn, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	second, err := s.AddKey(Key{Region: home, Account: account})
	must(t, err)
	ctx, client := context.Background(), kmsOf(admin, url)
	bind := map[string]string{"cluster": "c", "a": "b"}
	sealed, err := client.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("seed"),
		EncryptionContext: bind})
	must(t, err)
	opened, err := client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob,
		EncryptionContext: bind})
	must(t, err)
	if string(opened.Plaintext) != "seed" || *opened.KeyId != arn {
		t.Errorf("Decrypt = %q with %s, want seed with the key", opened.Plaintext, *opened.KeyId)
	}
	tampered := append([]byte(nil), sealed.CiphertextBlob...)
	tampered[len(tampered)-1] ^= 1
	usage, err := client.GetKeyLastUsage(ctx, &kms.GetKeyLastUsageInput{KeyId: &arn})
	must(t, err)
	if usage.KeyLastUsage == nil || usage.KeyLastUsage.Operation != "Decrypt" {
		t.Errorf("last usage = %+v, want Decrypt", usage.KeyLastUsage)
	}
	for _, tt := range []struct {
		name, code string
		in         kms.DecryptInput
	}{
		{"wrong context", "InvalidCiphertextException", kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob}},
		{"tampered", "InvalidCiphertextException", kms.DecryptInput{CiphertextBlob: tampered, EncryptionContext: bind}},
		{"garbage", "InvalidCiphertextException", kms.DecryptInput{CiphertextBlob: []byte{1, 200, 3}}},
		{"wrong key", "IncorrectKeyException", kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob,
			EncryptionContext: bind, KeyId: &second}},
		{"dry run", "DryRunOperationException", kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob,
			EncryptionContext: bind, DryRun: aws.Bool(true)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := client.Decrypt(ctx, &tt.in)
			wantCode(t, err, tt.code)
		})
	}
	for state, code := range map[string]string{"Disabled": "DisabledException",
		"PendingDeletion": "KMSInvalidStateException", "Unavailable": "KMSInvalidStateException"} {
		must(t, s.Update(func(w *State) { w.Keys[arn].State = state }))
		_, err = client.Decrypt(ctx, &kms.DecryptInput{CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: bind})
		wantCode(t, err, code)
		_, err = client.Encrypt(ctx, &kms.EncryptInput{KeyId: &arn, Plaintext: []byte("x")})
		wantCode(t, err, code)
	}
}

// TestPermissions checks requests for keys with every kind of policy.
func TestPermissions(t *testing.T) {
	s, url := start(t, Options{})
	user := func(name string, policy ...Statement) Principal {
		p := Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, AccessKeyID: "AKIA" + strings.ToUpper(name),
			SecretAccessKey: name, Policy: policy}
		must(t, s.AddPrincipal(p))
		return p
	}
	key := func(acct string, statements string) string {
		k := Key{Region: home, Account: acct}
		if statements != "" {
			k.Policy = `{"Version":"2012-10-17","Statement":[` + statements + `]}`
		}
		arn, err := s.AddKey(k)
		must(t, err)
		return arn
	}
	const mine, theirs = account, other
	allow := func(who, action, rest string) string {
		return `{"Effect":"Allow","Principal":{"AWS":"` + who + `"},"Action":"` + action + `","Resource":"*"` + rest +
			`}`
	}
	root := "arn:aws:iam::" + account + ":root"
	bare, reader := user("bare"), user("reader", Allow("kms:Describe*"), Allow("kms:CreateGrant"))
	barred := user("barred", Allow("kms:*"), Deny("kms:CreateGrant"))
	for _, tt := range []struct {
		name  string
		who   Principal
		key   string
		grant bool // call CreateGrant with DryRun instead of DescribeKey
		code  string
		text  string
	}{
		{name: "IAM policy with the default key policy", who: reader, key: key(mine, "")},
		{name: "no IAM permission", who: bare, key: key(mine, ""), code: "AccessDeniedException",
			text: "User: arn:aws:iam::111122223333:user/bare is not authorized to perform: kms:DescribeKey on " +
				"resource: arn:aws:kms:"},
		{name: "the key policy names the user", who: bare, key: key(mine, allow(bare.ARN, "kms:DescribeKey", ""))},
		{name: "the key policy does not delegate to IAM", who: reader, key: key(mine, allow(bare.ARN, "kms:*", "")),
			code: "AccessDeniedException", text: "no resource-based policy allows the kms:DescribeKey action"},
		{name: "key of another account, denied by its policy", who: reader, key: key(theirs, ""),
			code: "AccessDeniedException",
			text: "the resource does not exist in this Region"},
		{name: "key of another account, allowed by its policy", who: reader,
			key: key(theirs, allow(root, "kms:*", ""))},
		{name: "key of another account, not allowed by IAM", who: bare, key: key(theirs, allow(root, "kms:*", "")),
			code: "AccessDeniedException"},
		{name: "key of another account that does not exist", who: reader,
			key:  "arn:aws:kms:eu-central-1:444455556666:key/00000000-0000-4000-8000-000000000000",
			code: "AccessDeniedException"},
		{name: "key that does not exist", who: reader,
			key:  "arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-4000-8000-000000000000",
			code: "NotFoundException", text: "does not exist"},
		{name: "key of another region", who: reader,
			key:  "arn:aws:kms:us-east-1:111122223333:key/00000000-0000-4000-8000-000000000000",
			code: "NotFoundException", text: "Invalid arn us-east-1"},
		{name: "invalid key ID", who: reader, key: "nonsense", code: "NotFoundException", text: "Invalid keyId"},
		{name: "grant", who: reader, key: key(mine, ""), grant: true, code: "DryRunOperationException"},
		{name: "grant denied by IAM", who: barred, key: key(mine, ""), grant: true, code: "AccessDeniedException",
			text: "explicit deny"},
		{name: "grant for AWS resources only", who: reader,
			key:   key(mine, allow(root, "kms:*", `,"Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}`)),
			grant: true, code: "AccessDeniedException"},
		{name: "grant through EKS only", who: reader,
			key: key(mine,
				allow(root, "kms:*",
					`,"Condition":{"StringEquals":{"kms:ViaService":"eks.eu-central-1.amazonaws.com"}}`)), grant: true,
			code: "AccessDeniedException"},
		{name: "grant of decryption alone", who: reader,
			key: key(mine,
				allow(root, "kms:*", `,"Condition":{"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt"]}}`)),
			grant: true, code: "AccessDeniedException"},
		{name: "grant of these operations", who: reader,
			key: key(mine,
				allow(root, "kms:*",
					`,"Condition":{"ForAllValues:StringEquals":{"kms:GrantOperations":["Decrypt","Encrypt"]}}`)),
			grant: true, code: "DryRunOperationException"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := kmsOf(tt.who, url)
			_, err := client.DescribeKey(context.Background(), &kms.DescribeKeyInput{KeyId: &tt.key})
			if tt.grant {
				_, err = client.CreateGrant(context.Background(), &kms.CreateGrantInput{
					KeyId: &tt.key, GranteePrincipal: aws.String(admin.ARN), DryRun: aws.Bool(true),
					Operations: []types.GrantOperation{types.GrantOperationDecrypt, types.GrantOperationEncrypt},
				})
			}
			wantCode(t, err, tt.code)
			if err != nil && !strings.Contains(err.Error(), tt.text) {
				t.Errorf("error = %v, want one with %q", err, tt.text)
			}
		})
	}
	s.View(func(w *State) {
		for arn, k := range w.Keys {
			if len(k.Grants) > 0 {
				t.Errorf("dry run created a grant on %s, want none", arn)
			}
		}
	})
}
