package kms

import (
	"errors"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/fakeaws/awstest"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

const (
	keyARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	mrkARN = "arn:aws:kms:eu-central-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
)

var here = Place{Partition: "aws", Region: awstest.Region, Account: awstest.Account}

// eligible returns a key that a cluster can use, after a change.
func eligible(change func(*Candidate)) Candidate {
	c := Candidate{Key: v1alpha1.Key{
		ARN: keyARN, Account: awstest.Account, State: "Enabled", Manager: "CUSTOMER",
		Spec: "SYMMETRIC_DEFAULT", Usage: "ENCRYPT_DECRYPT", Origin: "AWS_KMS",
	}}
	if change != nil {
		change(&c)
	}
	return c
}

func TestJudge(t *testing.T) {
	soon := &metav1.Time{Time: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)}
	for _, test := range []struct {
		name     string
		change   func(*Candidate)
		reasons  []string // a substring of each
		warnings []string
	}{
		{"eligible", nil, nil, nil},
		{"asymmetric", func(c *Candidate) { c.Spec, c.Usage = "RSA_2048", "SIGN_VERIFY" },
			[]string{"asymmetric (RSA_2048, SIGN_VERIFY)"}, nil},
		{"RSA for encryption", func(c *Candidate) { c.Spec = "RSA_4096" },
			[]string{"asymmetric (RSA_4096, ENCRYPT_DECRYPT)"}, nil},
		{"post-quantum signatures", func(c *Candidate) { c.Spec, c.Usage = "ML_DSA_65", "SIGN_VERIFY" },
			[]string{"asymmetric (ML_DSA_65, SIGN_VERIFY)"}, nil},
		{"key encapsulation", func(c *Candidate) { c.Spec, c.Usage = "ML_KEM_768", "KEY_AGREEMENT" },
			[]string{"asymmetric (ML_KEM_768, KEY_AGREEMENT)"}, nil},
		{"a spec that KMS will add", func(c *Candidate) { c.Spec, c.Usage = "ASCON_128", "SEAL" },
			[]string{"its kind is ASCON_128, SEAL: EKS supports only SYMMETRIC_DEFAULT, ENCRYPT_DECRYPT"}, nil},
		{"a usage that KMS will add", func(c *Candidate) { c.Usage = "SEAL" },
			[]string{"its usage is SEAL: EKS needs ENCRYPT_DECRYPT"}, nil},
		{"HMAC", func(c *Candidate) { c.Spec, c.Usage = "HMAC_256", "GENERATE_VERIFY_MAC" }, []string{"HMAC"}, nil},
		{"symmetric, another usage", func(c *Candidate) { c.Usage = "KEY_AGREEMENT" },
			[]string{"usage is KEY_AGREEMENT"}, nil},
		{"AWS-managed", func(c *Candidate) { c.Manager = "AWS" }, []string{"managed by AWS"}, nil},
		{"disabled", func(c *Candidate) { c.State = "Disabled" }, []string{"disabled"}, nil},
		{"pending deletion", func(c *Candidate) { c.State, c.DeletionDate = "PendingDeletion", soon },
			[]string{"2026-12-01"}, nil},
		{"pending deletion, no date", func(c *Candidate) { c.State = "PendingDeletion" },
			[]string{"pending deletion"}, nil},
		{"pending replica deletion", func(c *Candidate) { c.State = "PendingReplicaDeletion" },
			[]string{"replicas are gone"}, nil},
		{"pending import", func(c *Candidate) { c.State, c.Origin = "PendingImport", "EXTERNAL" },
			[]string{"no key material"}, []string{"imported"}},
		{"unavailable", func(c *Candidate) { c.State, c.Origin = "Unavailable", "AWS_CLOUDHSM" },
			[]string{"custom key store can't be reached"}, []string{"custom key store"}},
		{"creating", func(c *Candidate) { c.State = "Creating" }, []string{"Creating"}, nil},
		{"updating", func(c *Candidate) { c.State = "Updating" }, nil, []string{"stays usable"}},
		{"unknown state", func(c *Candidate) { c.State = "Frozen" }, []string{"Frozen, not Enabled"}, nil},
		{"no state", func(c *Candidate) { c.State = "" }, []string{"unknown, not Enabled"}, nil},
		{"other region", func(c *Candidate) { c.ARN = strings.Replace(keyARN, awstest.Region, "us-east-1", 1) },
			[]string{"us-east-1"}, nil},
		{"multi-Region key of another region",
			func(c *Candidate) { c.ARN = strings.Replace(mrkARN, awstest.Region, "us-east-1", 1) },
			[]string{"make a replica"}, nil},
		{"other partition", func(c *Candidate) { c.ARN = strings.Replace(keyARN, "arn:aws:", "arn:aws-cn:", 1) },
			[]string{"partition aws-cn"}, nil},
		{"several reasons", func(c *Candidate) { c.Manager, c.State = "AWS", "Disabled" },
			[]string{"managed by AWS", "disabled"}, nil},
		{"not described", func(c *Candidate) {
			*c = Candidate{Key: v1alpha1.Key{ARN: keyARN}, DescribeErr: errors.New("no permission")}
		}, []string{"could not be described: no permission"}, nil},
		{"expiring material", func(c *Candidate) { c.Origin, c.ValidTo = "EXTERNAL", soon }, nil,
			[]string{"expires on 2026-12-01"}},
		{"imported material", func(c *Candidate) { c.Origin = "EXTERNAL" }, nil, []string{"imported"}},
		{"external key store", func(c *Candidate) { c.Origin, c.KeyStore = "EXTERNAL_KEY_STORE", "cks-1" }, nil,
			[]string{"EXTERNAL_KEY_STORE cks-1"}},
		{"replica", func(c *Candidate) { c.ARN, c.MultiRegionRole, c.Primary = mrkARN, "REPLICA", "arn:p" }, nil,
			[]string{"primary arn:p"}},
		{"primary", func(c *Candidate) { c.ARN, c.MultiRegionRole = mrkARN, "PRIMARY" }, nil,
			[]string{"primary of a multi-Region key"}},
		{"another account", func(c *Candidate) { c.Account = awstest.OtherAccount }, nil,
			[]string{"account " + awstest.OtherAccount}},
	} {
		t.Run(test.name, func(t *testing.T) {
			reasons, warnings := Judge(eligible(test.change), here)
			wantParts(t, "reasons", reasons, test.reasons)
			wantParts(t, "warnings", warnings, test.warnings)
			if got, want := eligible(test.change).Item(here).Eligible, len(test.reasons) == 0; got != want {
				t.Errorf("Eligible = %v, want %v", got, want)
			}
		})
	}
}

// wantParts checks that each element of got contains the part at its index.
func wantParts(t *testing.T, what string, got, parts []string) {
	t.Helper()
	if len(got) != len(parts) {
		t.Fatalf("%s = %q, want %d with %q", what, got, len(parts), parts)
	}
	for i, part := range parts {
		if !strings.Contains(got[i], part) {
			t.Errorf("%s: got %q, want one with %q", what, got[i], part)
		}
	}
}

func TestPaletteUsable(t *testing.T) {
	for _, test := range []struct {
		aliases []string
		want    bool
	}{
		{nil, false},
		{[]string{"alias/payments"}, false},
		{[]string{"alias/my-cluster-api-provider-aws-x"}, false},
		{[]string{"alias/a", "alias/cluster-api-provider-aws-x"}, true},
	} {
		if got := eligible(func(c *Candidate) { c.Aliases = test.aliases }).PaletteUsable(); got != test.want {
			t.Errorf("PaletteUsable with %q = %v, want %v", test.aliases, got, test.want)
		}
	}
}
