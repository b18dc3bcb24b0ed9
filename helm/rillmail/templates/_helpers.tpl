{{/* Before the name of everything: the release, and the chart unless the release says it. */}}
{{- define "rillmail.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* By these the pods of a release are chosen; they never change. */}}
{{- define "rillmail.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "rillmail.labels" -}}
{{ include "rillmail.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "rillmail.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "rillmail.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "rillmail.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* A value as the environment holds it. Helm reads each number as a float, which would come
     out as 2.62144e+07. */}}
{{- define "rillmail.text" -}}
{{- if kindIs "slice" . -}}
{{ join "," . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/* All settings that differ from the program's own, as JSON by name. */}}
{{- define "rillmail.settings" -}}
{{- $name := include "rillmail.fullname" . -}}
{{- $settings := dict -}}
{{- if .Values.trial.enabled -}}
{{- $_ := set $settings "kafka_servers" (list (printf "%s-kafka:9092" $name)) -}}
{{- $_ := set $settings "cassandra_hosts" (list (printf "%s-cassandra:9042" $name)) -}}
{{- $_ := set $settings "elasticsearch_urls" (list (printf "http://%s-elasticsearch:9200" $name)) -}}
{{- $_ := set $settings "redis_url" (printf "redis://%s-redis:6379/0" $name) -}}
{{- $_ := set $settings "s3_url" (printf "http://%s-s3:7070" $name) -}}
{{- $_ := set $settings "clamd" (printf "%s-clamd:3310" $name) -}}
{{- end -}}
{{- with .Values.ingress -}}
{{- if and .enabled .hosts -}}
{{- $_ := set $settings "public_url" (printf "%s://%s" (ternary "https" "http" (not (empty .tls))) (first .hosts)) -}}
{{- end -}}
{{- end -}}
{{- range $setting, $value := .Values.settings -}}
{{- if and (not (kindIs "invalid" $value)) (not (hasKey $.Values.secretSettings $setting)) -}}
{{- $_ := set $settings $setting $value -}}
{{- end -}}
{{- end -}}
{{- if .Values.tls.existingSecret -}}
{{- $_ := set $settings "tls_certificate" "/etc/rillmail/tls/tls.crt" -}}
{{- $_ := set $settings "tls_key" "/etc/rillmail/tls/tls.key" -}}
{{- end -}}
{{- if .Values.submissionTls.existingSecret -}}
{{- $_ := set $settings "submission_certificate" "/etc/rillmail/submission-tls/tls.crt" -}}
{{- $_ := set $settings "submission_key" "/etc/rillmail/submission-tls/tls.key" -}}
{{- end -}}
{{- range $engine, $tls := .Values.engineTls -}}
{{- if $tls.existingSecret -}}
{{- $_ := set $settings (printf "%s_ca_file" $engine) (printf "/etc/rillmail/engines/%s/ca.crt" $engine) -}}
{{- if $tls.clientCertificate -}}
{{- $_ := set $settings (printf "%s_certificate" $engine) (printf "/etc/rillmail/engines/%s/tls.crt" $engine) -}}
{{- $_ := set $settings (printf "%s_key" $engine) (printf "/etc/rillmail/engines/%s/tls.key" $engine) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range list "kafka_servers" "cassandra_hosts" "elasticsearch_urls" "redis_url" -}}
{{- if not (or (hasKey $settings .) (hasKey $.Values.secretSettings .)) -}}
{{- fail (printf "settings.%s: say where it is, by settings or secretSettings; or try with trial.enabled=true" .) -}}
{{- end -}}
{{- end -}}
{{- toJson $settings -}}
{{- end -}}

{{/* The environment of every container of ours. */}}
{{- define "rillmail.env" -}}
{{- range $setting, $value := include "rillmail.settings" . | fromJson }}
- name: RILLMAIL_{{ upper $setting }}
  value: {{ include "rillmail.text" $value | quote }}
{{- end }}
{{- range $setting, $at := .Values.secretSettings }}
- name: RILLMAIL_{{ upper $setting }}
  valueFrom:
    secretKeyRef:
      name: {{ $at.existingSecret }}
      key: {{ $at.key }}
{{- end }}
{{- if .Values.trial.enabled }}
{{- range $setting, $key := dict "s3_access_key" "access-key" "s3_secret_key" "secret-key" }}
{{- if not (hasKey $.Values.secretSettings $setting) }}
- name: RILLMAIL_{{ upper $setting }}
  valueFrom:
    secretKeyRef:
      name: {{ include "rillmail.fullname" $ }}-trial-s3
      key: {{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What a role is called with: its own name, unless it says otherwise. */}}
{{- define "rillmail.roles" -}}
{{- .role.args | default (list .name) | toJson -}}
{{- end -}}

{{/* No more workers of a role than there are partitions: further ones would have nothing to do.
     The ways in read none. */}}
{{- define "rillmail.most" -}}
{{- $most := .role.autoscaling.max | int -}}
{{- if .role.autoscaling.reads -}}
{{- $most = min $most (.root.Values.settings.partitions | int) -}}
{{- end -}}
{{- max $most (.role.autoscaling.min | int) -}}
{{- end -}}
