package report

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/eks-encrypt/kubectl-eks_encrypt/internal/hostile"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/api/v1alpha1"
	"github.com/eks-encrypt/kubectl-eks_encrypt/pkg/sanitize"
)

// parseMetrics parses the text as node-exporter's textfile collector and the Pushgateway do: with the parser of the
// older format. It checks that no two samples have the same labels, and the rules of OpenMetrics that this parser
// ignores.
func parseMetrics(t testing.TB, text string) map[string]*dto.MetricFamily {
	t.Helper()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	parsed, err := parser.TextToMetricFamilies(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	for name, f := range parsed {
		if f.GetType() != dto.MetricType_GAUGE || f.GetHelp() == "" || len(f.GetMetric()) == 0 {
			t.Errorf("%s: type %s, help %q, %d samples; want a gauge with help and samples", name, f.GetType(), f.GetHelp(),
				len(f.GetMetric()))
		}
		seen := map[string]bool{}
		for _, m := range f.GetMetric() {
			id := ""
			for _, l := range m.GetLabel() {
				id += l.String()
			}
			if seen[id] || m.TimestampMs != nil {
				t.Errorf("%s: duplicate sample, or one with a time: %s", name, m)
			}
			seen[id] = true
		}
	}
	if !strings.HasSuffix(text, "\n# EOF\n") && text != "# EOF\n" || strings.Count("\n"+text, "\n# EOF") != 1 {
		t.Errorf("the text does not end with one # EOF:\n%s", text)
	}
	if strings.Contains(text, "\n\n") {
		t.Error("empty line, which OpenMetrics forbids")
	}
	for _, m := range regexp.MustCompile(`(?m)^# UNIT (\S+) (\S+)$`).FindAllStringSubmatch(text, -1) {
		if !strings.HasSuffix(m[1], "_"+m[2]) {
			t.Errorf("%s does not end with its unit %s", m[1], m[2])
		}
	}
	return parsed
}

// sample returns the value of the only sample with these labels, and whether there is one.
func sample(t *testing.T, text, name string, labels ...string) (float64, bool) {
	t.Helper()
	found, value := 0, 0.0
	for _, m := range parseMetrics(t, text)[name].GetMetric() {
		set := map[string]string{}
		for _, l := range m.GetLabel() {
			set[l.GetName()] = l.GetValue()
		}
		matches := true
		for i := 0; i < len(labels); i += 2 {
			matches = matches && set[labels[i]] == labels[i+1]
		}
		if matches {
			found, value = found+1, m.GetGauge().GetValue()
		}
	}
	if found > 1 {
		t.Errorf("%s%q: %d samples", name, labels, found)
	}
	return value, found == 1
}

// promtool runs promtool check metrics, if it is installed.
func promtool(t *testing.T, text string) {
	t.Helper()
	path, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	cmd := exec.CommandContext(t.Context(), path, "check", "metrics")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool check metrics: %v\n%s", err, out)
	}
}

func TestOpenMetrics(t *testing.T) {
	r := fixture(t)
	text := render(t, OpenMetrics, r)
	arn := func(i int) string { return r.Items[i].Cluster.ARN }
	for _, test := range []struct {
		name   string
		want   float64
		labels []string
	}{
		{metricTime, float64(r.FinishedAt.Unix()), nil},
		{metricClusters, 4, nil}, // one of them only a finding names
		{metricCluster, 1, []string{"cluster", arn(2), "account", dev, "region", "eu-central-1", "verdict", "AWSOwnedKey"}},
		{metricCluster, 1, []string{"cluster", "kind-dev", "verdict", "Unknown", "scope", "Unknown"}},
		{metricControl, 1, []string{"cluster", arn(1), "control", "ENC-3", "result", "Fail", "outcome", "Finding"}},
		{metricControl, 1, []string{"cluster", arn(2), "control", "ENC-2", "result", "Fail", "outcome", "Waived"}},
		{metricControl, 1, []string{"cluster", "kind-dev", "control", "ENC-1", "result", "Unknown", "outcome", "Undecided"}},
		{metricKey, 1, []string{"key", r.Keys[0].ARN, "state", "PendingDeletion", "usable", "No"}},
		{metricKey, 1, []string{"key", r.Keys[1].ARN, "state", "Enabled", "usable", "Yes"}},
		{metricDeletion, float64(r.Keys[0].DeletionDate.Unix()), []string{"key", r.Keys[0].ARN}},
		{metricOutcome, 1, []string{"outcome", "Finding"}},
		{metricFindings, 2, nil}, {metricUndecided, 1, nil}, {metricWaived, 1, nil}, {metricUnreachable, 3, nil},
		{metricPlace, 1, []string{"account", "777788889999", "region", "eu-central-1"}},
		{metricPlace, 1, []string{"context", "old-laptop", "account", ""}},
	} {
		if got, found := sample(t, text, test.name, test.labels...); !found || got != test.want {
			t.Errorf("%s%q = %v, %t, want %v", test.name, test.labels, got, found, test.want)
		}
	}
	if _, found := sample(t, text, metricDeletion, "key", r.Keys[1].ARN); found {
		t.Error("a key that is not pending deletion has a date of its deletion")
	}
	promtool(t, text)
}

// Each line of the output is one sample of a bounded number: see docs/metrics.md.
func TestCardinality(t *testing.T) {
	r := fixture(t)
	samples := 0
	for _, f := range parseMetrics(t, render(t, OpenMetrics, r)) {
		samples += len(f.GetMetric())
	}
	clusters := len(r.Items) + 1 // one that only a finding names
	if limit := 7 + 7*clusters + 2*len(r.Keys) + len(r.Unreachable); samples > limit {
		t.Errorf("%d samples, want at most %d", samples, limit)
	}
}

// The report of status has no audit, and an unknown fact is a label and never a number.
func TestWriteStatus(t *testing.T) {
	var b bytes.Buffer
	at := time.Unix(1_764_150_000, 0)
	key := v1alpha1.AuditKey{ARN: "arn:aws:kms:eu-central-1:111122223333:key/0a1b2c3d-1111-4222-8333-444455556666"}
	item := newItem("payments", prod, "eu-central-1", v1alpha1.VerdictUnknown, "EKS cannot be reached.", nil)
	twin := item // the same cluster through another context
	item.Cluster.Context, twin.Cluster.Context = "one", "two"
	if err := WriteStatus(&b, []v1alpha1.EncryptionReport{item, twin}, []v1alpha1.AuditKey{key, key}, at); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for name, labels := range map[string][]string{
		metricCluster: {"cluster", item.Cluster.ARN, "context", "two", "verdict", "Unknown"},
		metricControl: {"context", "one", "control", "ENC-1", "result", "Unknown", "outcome", ""},
		metricKey:     {"key", key.ARN, "state", "Unknown", "usable", "Unknown"},
	} {
		if got, found := sample(t, text, name, labels...); !found || got != 1 {
			t.Errorf("%s%q = %v, %t, want 1", name, labels, got, found)
		}
	}
	if got, _ := sample(t, text, metricTime); got != float64(at.Unix()) {
		t.Errorf("time = %v, want %d", got, at.Unix())
	}
	if strings.Contains(text, "_audit_") || strings.Contains(text, metricDeletion) {
		t.Errorf("the report of status has metrics of an audit, or a date that is unknown:\n%s", text)
	}
	promtool(t, text)
}

// A hostile value comes back as the same label value, and the text stays valid.
func TestHostileLabels(t *testing.T) {
	all := strings.Join(hostile.Values(), " ")
	text := render(t, OpenMetrics, everywhere(all))
	want := sanitize.Line(all)
	for name, l := range map[string]string{metricCluster: "cluster", metricKey: "key", metricPlace: "account"} {
		found := false
		for _, m := range parseMetrics(t, text)[name].GetMetric() {
			for _, pair := range m.GetLabel() {
				found = found || pair.GetName() == l && pair.GetValue() == want
			}
		}
		if !found {
			t.Errorf("%s has no label %s=%q:\n%s", name, l, want, text)
		}
	}
	promtool(t, text)
}
