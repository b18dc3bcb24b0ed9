{{/* The pod of a worker, a hook or a cron job: nobody's root, and nothing to write but two
     folders. Takes root, component and args; and of a worker its role. */}}
{{- define "rillmail.pod" -}}
{{- $root := .root -}}
{{- $role := .role | default dict -}}
{{- $settings := include "rillmail.settings" $root | fromJson -}}
metadata:
  labels:
    {{- include "rillmail.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
    {{- with $root.Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $root.Values.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "rillmail.serviceAccount" $root }}{{ if and (eq .component "prepare") $root.Values.serviceAccount.create }}-prepare{{ end }}
  automountServiceAccountToken: false
  # Else the Services of a release called rillmail would set RILLMAIL_SMTP_PORT=tcp://…
  enableServiceLinks: false
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . }}
    {{- end }}
  {{- end }}
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- if .role }}
  # A worker ends within 25 s of SIGTERM; before that, balancers get a moment to hear of it.
  terminationGracePeriodSeconds: {{ add 30 $root.Values.drainSeconds }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "rillmail.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ $.component }}
    {{- end }}
  {{- if $root.Values.trial.enabled }}
  initContainers:
    - name: prepared
      image: {{ include "rillmail.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      command: [sh, -c, "until rillmail schema status; do sleep 3; done"]
      {{- include "rillmail.container" $root | nindent 6 }}
  {{- end }}
  {{- else }}
  restartPolicy: {{ .restartPolicy | default "Never" }}
  {{- end }}
  containers:
    - name: {{ .component }}
      image: {{ include "rillmail.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      {{- if .role }}
      {{- include "rillmail.serving" (dict "settings" $settings "role" $role "args" .args "drain" $root.Values.drainSeconds) | nindent 6 }}
      {{- end }}
      resources:
        {{- toYaml ($role.resources | default $root.Values.jobs.resources) | nindent 8 }}
      {{- include "rillmail.container" $root | nindent 6 }}
  volumes:
    - name: tmp
      emptyDir:
        sizeLimit: {{ $root.Values.tmpSize }}
    - name: data
      emptyDir:
        sizeLimit: {{ $root.Values.tmpSize }}
    {{- if $root.Values.tls.existingSecret }}
    - name: tls
      secret:
        secretName: {{ $root.Values.tls.existingSecret }}
        defaultMode: 0440
    {{- end }}
    {{- if $root.Values.submissionTls.existingSecret }}
    - name: submission-tls
      secret:
        secretName: {{ $root.Values.submissionTls.existingSecret }}
        defaultMode: 0440
    {{- end }}
    {{- range $engine, $tls := $root.Values.engineTls }}
    {{- if $tls.existingSecret }}
    - name: engine-{{ $engine }}
      secret:
        secretName: {{ $tls.existingSecret }}
        defaultMode: 0440
    {{- end }}
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $role.nodeSelector | default $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $role.tolerations | default $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $role.affinity | default $root.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* What all containers of ours have: settings, folders, and no rights. */}}
{{- define "rillmail.container" -}}
env:
  {{- include "rillmail.env" . | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: data
    mountPath: {{ .Values.settings.data_dir }}
  {{- if .Values.tls.existingSecret }}
  - name: tls
    mountPath: /etc/rillmail/tls
    readOnly: true
  {{- end }}
  {{- if .Values.submissionTls.existingSecret }}
  - name: submission-tls
    mountPath: /etc/rillmail/submission-tls
    readOnly: true
  {{- end }}
  {{- range $engine, $tls := .Values.engineTls }}
  {{- if $tls.existingSecret }}
  - name: engine-{{ $engine }}
    mountPath: /etc/rillmail/engines/{{ $engine }}
    readOnly: true
  {{- end }}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Ports and probes of a worker. Only /healthz may restart a pod: it answers while the process
     does. /readyz is red while something else is out of reach, and no restart mends that. */}}
{{- define "rillmail.serving" -}}
{{- $port := ternary "http" "health" (has "api" .args) -}}
ports:
  - name: {{ $port }}
    containerPort: {{ ternary .settings.http_port .settings.health_port (has "api" .args) | int }}
  {{- if has "smtp" .args }}
  {{- range $door := list "smtp" "smtps" "lmtp" "submission" "submissions" }}
  {{- with get $.settings (printf "%s_port" $door) | int }}
  - name: {{ $door }}
    containerPort: {{ . }}
  {{- end }}
  {{- end }}
  {{- end }}
startupProbe:
  httpGet: {path: /healthz, port: {{ $port }}}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 90
livenessProbe:
  httpGet: {path: /healthz, port: {{ $port }}}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
readinessProbe:
  httpGet: {path: {{ .role.readiness | default "/readyz" }}, port: {{ $port }}}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 3
{{- if or (has "smtp" .args) (has "api" .args) }}
lifecycle:
  preStop:
    exec:
      command: [sleep, {{ .drain | toString | quote }}]
{{- end }}
{{- end -}}
