package guardrails

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// rules returns the rule file inside of the PrometheusRule.
func rules(t *testing.T) string {
	t.Helper()
	var object struct{ Spec json.RawMessage }
	if err := json.Unmarshal([]byte(printed(t, JSON, Prometheus)), &object); err != nil {
		t.Fatal(err)
	}
	return string(object.Spec)
}

// TestPrometheusRules checks the rules, and which alerts fire when, with promtool, where it is installed.
func TestPrometheusRules(t *testing.T) {
	tool := installed(t, "promtool")
	dir := t.TempDir()
	write(t, filepath.Join(dir, "rules.json"), rules(t))
	run(t, tool, "check", "rules", filepath.Join(dir, "rules.json"))
	tests, err := os.ReadFile("testdata/prometheus_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "test.yaml"), string(tests))
	run(t, tool, "test", "rules", filepath.Join(dir, "test.yaml"))
}

// TestPrometheusTests checks that the tests of promtool cover every alert, firing and silent, and that the rules use
// only metrics that API servers have.
func TestPrometheusTests(t *testing.T) {
	tests, err := os.ReadFile("testdata/prometheus_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range prometheusRules() {
		name := "alertname: " + r.alert + "\n"
		fires := strings.Count(string(tests), name+"        exp_alerts:\n")
		if all := strings.Count(string(tests), name); fires == 0 || fires == all {
			t.Errorf("of the %d tests of %s %d expect it to fire, want some and not all", all, r.alert, fires)
		}
	}
	known := []string{
		envelope + "kms_operations_latency_seconds_count", envelope + "key_id_hash_status_last_timestamp_seconds",
		envelope + "invalid_key_id_from_status_total", envelope + "key_id_hash_last_timestamp_seconds",
		"kubernetes_healthcheck",
	}
	for _, metric := range regexp.MustCompile(`(apiserver|kubernetes)_[a-z_]+`).FindAllString(rules(t), -1) {
		if metric != envelope && metric != "apiserver_id_hash" && !slices.Contains(known, metric) {
			t.Errorf("the rules use the unknown metric %s", metric)
		}
	}
}
