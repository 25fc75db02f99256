package audit

import (
	"bytes"
	"html"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/fleet/report"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/output"
)

// TestOriginInEachFormat checks that each format states which program made the report, as whom, when, from which
// earlier report, of what, by which rules, and through which endpoints.
func TestOriginInEachFormat(t *testing.T) {
	finished := metav1.NewTime(time.Date(2026, 11, 24, 10, 3, 41, 0, time.UTC))
	judged := metav1.NewTime(time.Date(2026, 11, 26, 7, 8, 9, 0, time.UTC))
	cluster := v1alpha1.Cluster{ARN: "arn:aws:eks:eu-central-1:222233334444:cluster/shop", Name: "shop",
		Account: "222233334444", Region: "eu-central-1", Partition: "aws"}
	r := &v1alpha1.AuditReport{
		TypeMeta: v1alpha1.TypeMeta(v1alpha1.KindAuditReport), FinishedAt: &finished,
		JudgedAt: &judged, Sources: []v1alpha1.AuditSource{{
			Path: "shard-3.json", SHA256: strings.Repeat("7c", 32), FinishedAt: &finished, Shard: "3/7",
		}},
		Provenance: v1alpha1.Provenance{
			Tool: &v1alpha1.ToolVersion{Version: "v9.8.7"},
			Caller: &v1alpha1.Caller{ARN: "arn:aws:sts::111122223333:assumed-role/auditor/jane", Account: "111122223333",
				Source: "profile ci"},
			EndpointOverrides: []v1alpha1.EndpointOverride{
				{Service: "SECURITYHUB", URL: "http://hub.test:4566", Source: "AWS_ENDPOINT_URL_SECURITYHUB"}},
		},
		Scope: v1alpha1.AuditScope{Regions: []string{"eu-central-1"}, Accounts: []string{"222233334444"},
			ExcludedRegions: []string{"ap-east-*"}, Shard: "3/7", RoleName: "eks-auditor", Controls: []string{"ENC-3"}},
		Rules: &v1alpha1.AuditRules{
			ApprovedKeys: []string{"arn:aws:kms:eu-central-1:222233334444:key/0a1b"},
			Waivers:      []v1alpha1.AuditWaiver{{Cluster: "*", Control: "ENC-1", Reason: "x", Owner: "y"}},
			Files:        []v1alpha1.RuleFile{{Purpose: "waivers", Path: "waivers.yaml", SHA256: strings.Repeat("5f", 32)}},
		},
		Items: []v1alpha1.EncryptionReport{{Cluster: cluster,
			Controls: []v1alpha1.Control{{ID: "ENC-3", Result: v1alpha1.ResultPass}}}},
	}
	formats := append(report.Formats(), "table", "wide", "json", "yaml")
	slices.Sort(formats)
	for _, format := range slices.Compact(formats) {
		t.Run(format, func(t *testing.T) {
			var out bytes.Buffer
			if err := writeReport(&out, output.NewFormat(format), r, report.Options{}); err != nil {
				t.Fatal(err)
			}
			// Wrapped lines and escapes are the format's own.
			text := strings.Join(strings.Fields(out.String()), " ")
			text = strings.NewReplacer("`", "", `\`, "").Replace(html.UnescapeString(text))
			for name, want := range map[string]string{
				"version": "v9.8.7", "caller": "arn:aws:sts::111122223333:assumed-role/auditor/jane",
				"account": "222233334444", "region": "eu-central-1", "excluded": "ap-east-*", "shard": "3/7",
				"role": "eks-auditor", "controls": "ENC-3", "key": "key/0a1b", "digest": strings.Repeat("5f", 32),
				"endpoint": "http://hub.test:4566", "source": "shard-3.json", "source's digest": strings.Repeat("7c", 32),
			} {
				if !strings.Contains(text, want) {
					t.Errorf("no %s %q in\n%s", name, want, text)
				}
			}
			for name, forms := range map[string][]string{
				"audit":    {"2026-11-24T10:03:41", "2026-11-24 10:03", "1.795514621e+09"},
				"judgment": {"2026-11-26T07:08:09", "2026-11-26 07:08", "1.795676889e+09"},
			} {
				if !slices.ContainsFunc(forms, func(s string) bool { return strings.Contains(text, s) }) {
					t.Errorf("no time of the %s in\n%s", name, text)
				}
			}
		})
	}
}
