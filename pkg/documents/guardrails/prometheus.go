package guardrails

// prometheusRule returns a PrometheusRule on the metrics that API servers have of their KMS plugin. Its field spec is
// a rule file of Prometheus itself. Every series is ALPHA in Kubernetes, and no document of EKS promises them: the last
// rule reports that they are missing, because the others cannot fire then. It has no namespace: kubectl -n sets it.
func (g guard) prometheusRule() object {
	var rules []object
	for _, r := range prometheusRules() {
		rules = append(rules, object{
			"alert": r.alert, "expr": r.expr, "for": r.lasts,
			"labels":      object{"severity": r.severity, "eks_cluster": g.ClusterARN, "kms_key": g.KeyARN},
			"annotations": object{"summary": r.summary, "description": r.description},
		})
	}
	return object{
		"apiVersion": "monitoring.coreos.com/v1", "kind": "PrometheusRule",
		"metadata": object{"name": "eks-encrypt"},
		"spec":     object{"groups": []object{{"name": "eks-encrypt", "rules": rules}}},
	}
}

type prometheusAlert struct {
	alert, expr, lasts, severity, summary, description string
}

const envelope = "apiserver_envelope_encryption_"

func prometheusRules() []prometheusAlert {
	return []prometheusAlert{{
		"EKSKMSOperationsFail",
		`sum by (provider_name, method_name, grpc_status_code) (increase(` + envelope +
			`kms_operations_latency_seconds_count{grpc_status_code!="OK"}[10m])) > 0`,
		"5m", "critical", "Calls of the API server to its KMS plugin fail",
		"{{ $labels.method_name }} of {{ $labels.provider_name }} ends with {{ $labels.grpc_status_code }}. If the key" +
			" is disabled or its grant was revoked, an API server that restarts cannot read the data of the cluster.",
	}, {
		"EKSKMSKeyStatusOld",
		`time() - max by (instance, apiserver_id_hash, provider_name) (` + envelope +
			`key_id_hash_status_last_timestamp_seconds) > 600`,
		"5m", "critical", "An API server has not heard from its KMS plugin for {{ $value | humanizeDuration }}",
		"The plugin {{ $labels.provider_name }} should confirm its key every minute.",
	}, {
		"EKSKMSKeyIDInvalid",
		`sum by (provider_name, error) (increase(` + envelope + `invalid_key_id_from_status_total[15m])) > 0`,
		"0m", "critical", "The KMS plugin reports a key ID that is not valid",
		"{{ $labels.provider_name }}: {{ $labels.error }}",
	}, {
		"EKSWritesUnderSeveralKeys",
		`count(count by (key_id_hash) (time() - ` + envelope +
			`key_id_hash_last_timestamp_seconds{transformation_type="to_storage"} < 900)) > 1`,
		"2h", "warning", "API servers have encrypted new data with {{ $value }} keys for two hours",
		"This is normal while EKS associates a key, for an hour or more. After that, objects may still be encrypted with" +
			" the old key.",
	}, {
		"EKSKMSProviderUnhealthy",
		`min by (instance, name) (kubernetes_healthcheck{name=~"kms-providers?(-[0-9]+)?"}) == 0`,
		"2m", "critical", "The health check {{ $labels.name }} of an API server fails",
		"The API server cannot use its KMS plugin. This rule needs the metrics of /metrics/slis.",
	}, {
		"EKSKMSMetricsAbsent",
		`absent(` + envelope + `key_id_hash_status_last_timestamp_seconds)`,
		"30m", "warning", "Prometheus has no metrics of the KMS plugin",
		"The other rules of this group cannot fire without them. Check that /metrics of the API server is scraped, and" +
			" that no relabeling drops " + envelope + "*.",
	}}
}
