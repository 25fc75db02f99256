{{/* The command line, one argument a line. Kubernetes replaces $(JOB_COMPLETION_INDEX). */}}
{{- define "eks-encrypt.args" -}}
{{- $v := .Values -}}
{{- $args := list $v.command -}}
{{- if include "eks-encrypt.inCluster" . -}}
{{- with $v.cluster.name }}{{ $args = append $args (printf "--cluster-name=%s" .) }}{{ end -}}
{{- end -}}
{{- with $v.cluster.region }}{{ $args = append $args (printf "--region=%s" .) }}{{ end -}}
{{- if eq $v.command "status" -}}
{{- with $v.status.require }}{{ $args = append $args (printf "--require=%s" .) }}{{ end -}}
{{- if $v.status.apiServers }}{{ $args = append $args "--api-servers" }}{{ end -}}
{{- else -}}
{{- with $v.audit -}}
{{- if .allClusters }}{{ $args = append $args "--all-clusters" }}{{ end -}}
{{- with .regions }}{{ $args = append $args (printf "--regions=%s" (join "," .)) }}{{ end -}}
{{- with .accounts }}{{ $args = append $args (printf "--accounts=%s" (join "," .)) }}{{ end -}}
{{- if .organization }}{{ $args = append $args "--organization" }}{{ end -}}
{{- with .roleName }}{{ $args = append $args (printf "--role-name=%s" .) }}{{ end -}}
{{- with .require }}{{ $args = append $args (printf "--require=%s" .) }}{{ end -}}
{{- with .controls }}{{ $args = append $args (printf "--controls=%s" (join "," .)) }}{{ end -}}
{{- if .verifyData }}{{ $args = append $args "--verify-data" }}{{ end -}}
{{- end -}}
{{- if include "eks-encrypt.sharded" . }}{{ $args = append $args (printf "--shard=%d" (int $v.audit.shards)) }}{{ end -}}
{{- if $v.rules.waivers }}{{ $args = append $args "--waivers=/rules/waivers.yaml" }}{{ end -}}
{{- if $v.rules.approvedKeys }}{{ $args = append $args "--approved-keys=/rules/approved-keys.txt" }}{{ end -}}
{{- range $v.reports.files -}}
{{- $prefix := ternary "$(JOB_COMPLETION_INDEX)-" "" (eq (include "eks-encrypt.sharded" $) "true") -}}
{{- $args = append $args (printf "--output-file=/reports/%s%s" $prefix .) -}}
{{- end -}}
{{- end -}}
{{- with $v.output }}{{ $args = append $args (printf "--output=%s" .) }}{{ end -}}
{{- concat $args $v.extraArgs | toYaml -}}
{{- end -}}
