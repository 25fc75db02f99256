{{- define "eks-encrypt.name" -}}
{{- $name := .Release.Name -}}
{{- if not (contains .Chart.Name $name) -}}{{- $name = printf "%s-%s" $name .Chart.Name -}}{{- end -}}
{{- $name | trunc 52 | trimSuffix "-" -}}{{/* a CronJob adds 11 characters to its name */}}
{{- end -}}

{{- define "eks-encrypt.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "eks-encrypt.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is required if serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "eks-encrypt.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "eks-encrypt.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The program connects to its own API server, unless it audits a fleet. */}}
{{- define "eks-encrypt.inCluster" -}}
{{- if not (and (eq .Values.command "audit") .Values.audit.allClusters) -}}true{{- end -}}
{{- end -}}

{{- define "eks-encrypt.verifyData" -}}
{{- if and (eq .Values.command "audit") .Values.audit.verifyData -}}true{{- end -}}
{{- end -}}

{{- define "eks-encrypt.apiServers" -}}
{{- if and (eq .Values.command "status") .Values.status.apiServers -}}true{{- end -}}
{{- end -}}

{{- define "eks-encrypt.sharded" -}}
{{- if and (eq .Values.command "audit") (gt (int .Values.audit.shards) 1) -}}true{{- end -}}
{{- end -}}

{{- define "eks-encrypt.rules" -}}
{{- if and (eq .Values.command "audit") (or .Values.rules.waivers .Values.rules.approvedKeys) -}}true{{- end -}}
{{- end -}}
