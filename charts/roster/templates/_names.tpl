{{/* Names, labels and what several objects have in common. */}}

{{/* The name of the release's objects. Two releases in one namespace have different ones. */}}
{{- define "roster.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The name of what is cluster-scoped: no other release has it. */}}
{{- define "roster.clusterName" -}}
{{- if eq .Release.Namespace (include "roster.fullname" .) -}}
{{- .Release.Namespace -}}
{{- else -}}
{{- printf "%s-%s" .Release.Namespace (include "roster.fullname" .) -}}
{{- end -}}
{{- end -}}

{{- define "roster.installation" -}}
{{- default .Release.Name .Values.installation -}}
{{- end -}}

{{/* https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/ */}}
{{- define "roster.labels" -}}
{{ include "roster.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: roster
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "roster.selectorLabels" -}}
app.kubernetes.io/name: roster
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "roster.serviceAccountName" -}}
{{- default (include "roster.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "roster.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (default $.Chart.AppVersion .tag) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "roster.isTrial" -}}
{{- if not .Values.database.urlSecret }}yes{{ end -}}
{{- end -}}

{{- define "roster.replicas" -}}
{{- default (ternary 1 2 (eq (include "roster.isTrial" .) "yes")) .Values.replicas -}}
{{- end -}}

{{- define "roster.claimName" -}}
{{- default (printf "%s-database" (include "roster.fullname" .)) .Values.database.trial.existingClaim -}}
{{- end -}}

{{/* What pod security calls restricted: https://kubernetes.io/docs/concepts/security/pod-security-standards/ */}}
{{- define "roster.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "roster.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The configuration of a container; each variable is a flag of `roster operator --help`. */}}
{{- define "roster.environment" -}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- {name: ROSTER_INSTALLATION, value: {{ include "roster.installation" . | quote }}}
{{- if include "roster.isTrial" . }}
- {name: ROSTER_DATABASE, value: "pglite:/data/database"}
{{- else }}
- name: ROSTER_DATABASE
  valueFrom: {secretKeyRef: {name: {{ .Values.database.urlSecret.name }}, key: {{ default "url" .Values.database.urlSecret.key }}}}
{{- end }}
{{- with .Values.namespaces }}
- {name: ROSTER_NAMESPACES, value: {{ join "," . | quote }}}
{{- end }}
- {name: ROSTER_LOG_FORMAT, value: json}
- {name: ROSTER_LOG_LEVEL, value: {{ .Values.logLevel }}}
{{- if .Values.authorities }}
- {name: NODE_EXTRA_CA_CERTS, value: "/etc/roster/authorities/{{ default "ca.crt" .Values.authorities.key }}"}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The trial database takes 650 MB, and 1.3 GB when it is made. */}}
{{- define "roster.resources" -}}
{{- if .Values.resources -}}
{{- toYaml .Values.resources -}}
{{- else if include "roster.isTrial" . -}}
requests: {cpu: 100m, memory: 768Mi}
limits: {memory: 2Gi}
{{- else -}}
requests: {cpu: 100m, memory: 384Mi}
limits: {memory: 1Gi}
{{- end -}}
{{- end -}}
