{{- /* Names are fixed: the program asks for some of them, and a cluster has one steelyard. */ -}}
{{- define "steelyard.selector" -}}
app.kubernetes.io/name: steelyard
app.kubernetes.io/component: controller
{{- end }}

{{- define "steelyard.labels" -}}
{{ include "steelyard.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- /* The speaker knows the pods of its kind by these two. */ -}}
{{- define "steelyard.speakerSelector" -}}
app.kubernetes.io/name: steelyard
app.kubernetes.io/component: speaker
{{- end }}

{{- define "steelyard.speakerLabels" -}}
{{ include "steelyard.speakerSelector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "steelyard.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}

{{- /* Two webhooks for one kind, from a dict of group, version, kind, plural, operations and namespace. */ -}}
{{- define "steelyard.webhook" -}}
- name: {{ .kind }}.webhook.steelyard.dev
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  timeoutSeconds: 5
  namespaceSelector:
    matchLabels:
      kubernetes.io/metadata.name: {{ .namespace }}
  clientConfig:
    service:
      name: steelyard-webhook
      namespace: {{ .namespace }}
      path: /validate-{{ .path }}-{{ .version }}-{{ .kind }}
  rules:
    - apiGroups: [{{ .group }}]
      apiVersions: [{{ .version }}]
      operations: {{ .operations }}
      resources: [{{ .plural }}]
      scope: Namespaced
- name: {{ .kind }}.elsewhere.steelyard.dev
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  timeoutSeconds: 2
  namespaceSelector:
    matchExpressions:
      - key: kubernetes.io/metadata.name
        operator: NotIn
        values: [{{ .namespace }}]
  clientConfig:
    service:
      name: steelyard-webhook
      namespace: {{ .namespace }}
      path: /validate-{{ .path }}-{{ .version }}-{{ .kind }}
  rules:
    - apiGroups: [{{ .group }}]
      apiVersions: [{{ .version }}]
      operations: [CREATE, UPDATE]
      resources: [{{ .plural }}]
      scope: Namespaced
{{- end }}
