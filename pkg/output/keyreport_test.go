package output

import (
	"bytes"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
)

// TestKeyReportText checks the headlines, what is unknown, and the grants.
func TestKeyReportText(t *testing.T) {
	created := &metav1.Time{Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	full := v1alpha1.KeyReport{
		Region: "eu-west-1",
		Key: v1alpha1.KeyListItem{
			ARN: "arn:key", Eligible: true, Warnings: []string{"it is a replica"}, State: "Enabled",
			Palette: v1alpha1.PaletteYes, KeyDetails: v1alpha1.KeyDetails{
				Description: "d", CreationDate: created, Primary: "arn:p", Replicas: []string{"arn:r"},
			},
			Tags: map[string]string{"b": "2", "a": "1"}, UsedBy: []string{"arn:c1", "arn:c2"},
		},
		LastUse: &v1alpha1.KeyUse{Operation: "Decrypt", Time: created},
		Grants: []v1alpha1.KeyGrant{{Grantee: "eks.amazonaws.com", Operations: []string{"Decrypt", "Encrypt"},
			SourceARN: "arn:c1", CreationDate: created, Name: "n", ContextSubset: map[string]string{"c": "d", "a": "b"}}},
	}
	denied := v1alpha1.KeyReport{Region: "eu-west-1", Key: v1alpha1.KeyListItem{ARN: "arn:key"}}
	for _, fact := range []string{"metadata", "aliases", "tags", "rotation", "lastUse", "grants", "usedBy"} {
		denied.Unknown = append(denied.Unknown, v1alpha1.UnknownFact{Fact: fact, Reason: "needs " + fact})
	}
	partly := full
	partly.Unknown = []v1alpha1.UnknownFact{{Fact: "grants", Reason: "only the first 1 grants were read"}}
	ineligible := v1alpha1.KeyReport{Region: "eu-west-1"}
	ineligible.Key = v1alpha1.KeyListItem{ARN: "arn:key", Reasons: []string{"it is disabled"}}
	for _, test := range []struct {
		name   string
		report v1alpha1.KeyReport
		want   []string
	}{
		{"full", full, []string{
			"Eligible for the clusters of eu-west-1\n- it is a replica\n", "Tags:         a=1, b=2\n",
			"Created:      2026-01-02 03:04 UTC",
			"Primary:      arn:p\n", "Replicas:     arn:r\n", "Used by:      arn:c1, arn:c2\n",
			"Last use:     Decrypt on 2026-01-02 03:04 UTC (the health checks of a cluster use its key too)\n",
			"eks.amazonaws.com   Decrypt,Encrypt   arn:c1   contains a=b, c=d   2026-01-02   n\n",
		}},
		{"denied", denied, []string{
			"Unknown whether the key is eligible for the clusters of eu-west-1\n", "Metadata:  unknown, needs metadata\n",
			"Aliases:   unknown, needs aliases\n", "Tags:      unknown, needs tags\n", "Rotation:  unknown, needs rotation\n",
			"Last use:  unknown, needs lastUse\n", "Used by:   unknown, needs usedBy\n", "Grants: unknown, needs grants\n",
		}},
		{"partly", partly, []string{"GRANTEE", "More grants: unknown, only the first 1 grants were read\n"}},
		{"ineligible", ineligible, []string{
			"NOT eligible for the clusters of eu-west-1\n- it is disabled\n", "Used by:   no cluster", "Grants: none\n",
		}},
	} {
		var b bytes.Buffer
		if err := KeyReportText(&b, &test.report, Colour{}); err != nil {
			t.Fatal(err)
		}
		for _, want := range test.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: %q is missing in\n%s", test.name, want, b.String())
			}
		}
	}
}
