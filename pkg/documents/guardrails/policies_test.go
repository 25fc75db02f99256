package guardrails

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws"
	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
)

const (
	testCluster = "arn:aws:eks:eu-central-1:111122223333:cluster/payments"
	testKeyID   = "11112222-3333-4444-5555-666677778888"
	testKey     = "arn:aws:kms:eu-central-1:111122223333:key/" + testKeyID
	otherKey    = "arn:aws:kms:eu-central-1:111122223333:key/99992222-3333-4444-5555-666677778888"
	breakGlass  = "arn:aws:iam::111122223333:role/emergency/break-glass"
	ssoPattern  = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_BreakGlass_*"

	admin           = "arn:aws:iam::111122223333:user/ann"
	adminSession    = "arn:aws:sts::111122223333:assumed-role/admin/ann"
	similarRole     = "arn:aws:iam::111122223333:role/break-glass" // another path
	similarSSO      = "arn:aws:iam::111122223333:role/AWSReservedSSO_BreakGlass_0123456789abcdef"
	foreigner       = "arn:aws:iam::444455556666:user/carl"
	breakSession    = "arn:aws:sts::111122223333:assumed-role/break-glass/ann"
	breakSSO        = "arn:aws:iam::111122223333:" + ssoPath + "eu-central-1/AWSReservedSSO_BreakGlass_1f"
	breakSSOSession = "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_BreakGlass_1f/ann"
	service         = "eks.amazonaws.com"
)

func testOptions() Options {
	return Options{ClusterARN: testCluster, KeyARN: testKey, BreakGlass: []string{breakGlass, ssoPattern}}
}

// kmsActions are the actions that a policy could deny.
func kmsActions() []string {
	return []string{
		"kms:CancelKeyDeletion", "kms:CreateGrant", "kms:Decrypt", "kms:DeleteImportedKeyMaterial", "kms:DescribeKey",
		"kms:DisableKey", "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:Encrypt",
		"kms:GenerateDataKey", "kms:GetKeyPolicy", "kms:ImportKeyMaterial", "kms:ListGrants", "kms:PutKeyPolicy",
		"kms:ReplicateKey", "kms:RetireGrant", "kms:RevokeGrant", "kms:RotateKeyOnDemand", "kms:ScheduleKeyDeletion",
		"kms:TagResource", "kms:UpdateAlias", "kms:UpdateKeyDescription",
	}
}

// world starts a fake AWS in which everyone may do everything, except what the documents deny.
func world(t *testing.T, documents ...Document) *fakeaws.Server {
	t.Helper()
	server, _ := awstest.New(t)
	statements := map[Document][]fakeaws.Statement{}
	for _, d := range documents {
		text, _, err := Print(Options{ClusterARN: testCluster, KeyARN: testKey, BreakGlass: testOptions().BreakGlass,
			Only: []Document{d}}, JSON)
		if err != nil {
			t.Fatal(err)
		}
		var policy struct{ Statement []fakeaws.Statement }
		awstest.Must(t, json.Unmarshal([]byte(text), &policy))
		statements[d] = policy.Statement
	}
	everyone := fakeaws.Statement{Effect: "Allow", Principal: fakeaws.Audience{AWS: fakeaws.StringSet{"*"}},
		Action: fakeaws.StringSet{"kms:*"}, Resource: fakeaws.StringSet{"*"}}
	policy := func(statements ...fakeaws.Statement) string {
		raw, err := json.Marshal(map[string]any{"Statement": append(statements, everyone)})
		awstest.Must(t, err)
		return string(raw)
	}
	awstest.Must(t, server.Update(func(w *fakeaws.State) {
		all := []fakeaws.Statement{fakeaws.Allow("*")}
		for _, p := range []fakeaws.Principal{
			{ARN: "arn:aws:iam::111122223333:role/admin"}, {ARN: similarRole}, {ARN: similarSSO}, {ARN: foreigner},
			{ARN: breakGlass}, {ARN: breakSSO}, {ARN: service},
			{ARN: adminSession, Role: "arn:aws:iam::111122223333:role/admin"}, {ARN: breakSession, Role: breakGlass},
			{ARN: breakSSOSession, Role: breakSSO},
		} {
			p.Policy = all
			w.AddPrincipal(p)
		}
		w.AddKey(fakeaws.Key{ID: testKeyID, Region: "eu-central-1", Account: awstest.Account,
			Policy: policy(statements[KeyPolicy]...)})
		w.AddKey(fakeaws.Key{ID: otherKey[strings.LastIndex(otherKey, "/")+1:], Region: "eu-central-1",
			Account: awstest.Account, Policy: policy()})
		w.Controls = map[string]fakeaws.Controls{awstest.Account: {
			Service: slices.Concat(statements[SCP], statements[CreationSCP]), Resource: statements[RCP],
		}}
	}))
	return server
}

// TestDenied checks that the policies deny exactly the calls that their documentation names: to everyone except the
// break-glass principals and AWS services, on this key and on no other.
func TestDenied(t *testing.T) {
	losing := []string{"kms:DeleteImportedKeyMaterial", "kms:DisableKey", "kms:RevokeGrant", "kms:ScheduleKeyDeletion"}
	others := []string{admin, adminSession, similarRole, similarSSO}
	for _, test := range []struct {
		name      string
		documents []Document
		denied    []string
		to        []string
	}{
		{"nothing", nil, nil, nil},
		{"key-policy", []Document{KeyPolicy}, losing, append(others, foreigner)},
		{"scp", []Document{SCP}, append(losing, "kms:PutKeyPolicy", "kms:RetireGrant"), others},
		{"rcp", []Document{RCP}, append(losing, "kms:PutKeyPolicy"), append(others, foreigner)},
		{"creation-scp", []Document{CreationSCP}, nil, nil},
		{"all", []Document{KeyPolicy, SCP, RCP, CreationSCP}, append(losing, "kms:PutKeyPolicy", "kms:RetireGrant"), others},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := world(t, test.documents...)
			everyone := slices.Concat(others, []string{foreigner, breakGlass, breakSession, breakSSO, breakSSOSession, service})
			for _, principal := range everyone {
				if test.name == "all" && principal == foreigner {
					continue // the policies differ for it; each has its own row
				}
				for _, action := range kmsActions() {
					for _, key := range []string{testKey, otherKey} {
						want := key == testKey && slices.Contains(test.denied, action) && slices.Contains(test.to, principal)
						err := server.Authorize(principal, action, key, nil)
						if (err != nil) != want {
							t.Errorf("%s of %s on %s: error = %v, want denied = %t", action, principal, key, err, want)
						}
						if err != nil && !strings.Contains(err.Error(), "explicit deny") && principal != foreigner {
							t.Errorf("%s of %s: %v, want an explicit deny", action, principal, err)
						}
					}
				}
			}
		})
	}
}

// TestManagementAccount checks what the documentation warns of: policies of the organization do not protect a key
// of its management account. The policy of the key does.
func TestManagementAccount(t *testing.T) {
	for documents, denied := range map[*[]Document]bool{{SCP, RCP}: false, {KeyPolicy, SCP, RCP}: true} {
		server := world(t, *documents...)
		awstest.Must(t, server.Update(func(w *fakeaws.State) {
			w.Organization = []fakeaws.OrganizationAccount{{ID: awstest.Account, Management: true}}
		}))
		if err := server.Authorize(admin, "kms:DisableKey", testKey, nil); (err != nil) != denied {
			t.Errorf("with %v: error = %v, want denied = %t", *documents, err, denied)
		}
	}
}

// TestCreation checks that a cluster can be created only with an approved key.
func TestCreation(t *testing.T) {
	server := world(t, CreationSCP)
	const condition, create, associate = "eks:encryptionConfigProviderKeyArns", "eks:CreateCluster",
		"eks:AssociateEncryptionConfig"
	for _, test := range []struct {
		principal, action, keys string
		denied                  bool
	}{
		{admin, create, "", true},
		{admin, create, testKey, false},
		{admin, create, otherKey, true},
		{admin, create, testKey + "," + otherKey, true},
		{admin, create, testKey + "9", true},
		{adminSession, create, "", true},
		{admin, associate, testKey, false},
		{admin, associate, otherKey, true},
		{adminSession, associate, otherKey, true},
		{admin, "eks:DescribeCluster", "", false},
		{admin, "eks:UpdateClusterConfig", "", false},
		{admin, "eks:DeleteCluster", "", false},
		{foreigner, create, "", false}, // the policy is not attached to its account
		{breakGlass, create, "", false},
		{breakSession, create, otherKey, false},
		{breakSSOSession, associate, otherKey, false},
	} {
		var context map[string]string
		if test.keys != "" {
			context = map[string]string{condition: test.keys}
		}
		account := "111122223333"
		if test.principal == foreigner {
			account = "444455556666"
		}
		err := server.Authorize(test.principal, test.action, "arn:aws:eks:eu-central-1:"+account+":cluster/new", context)
		if (err != nil) != test.denied {
			t.Errorf("%s of %s with %q: error = %v, want denied = %t", test.action, test.principal, test.keys, err,
				test.denied)
		}
	}
}

// TestApprovedKeys checks the patterns for the keys of new clusters.
func TestApprovedKeys(t *testing.T) {
	o := testOptions()
	o.Only, o.ApprovedKeys = []Document{CreationSCP}, []string{"arn:aws:kms:*:111122223333:key/*", testKey}
	text, _, err := Print(o, JSON)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, `"arn:aws:kms:*:111122223333:key/*"`) {
		t.Errorf("the pattern is missing in\n%s", text)
	}
}
