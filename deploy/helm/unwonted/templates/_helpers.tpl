{{/* Names, labels, and the configuration as the service will read it. */}}

{{- define "unwonted.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "unwonted.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 48 | trimSuffix "-" -}}
{{- else if contains (include "unwonted.name" .) .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "unwonted.name" .) | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "unwonted.selectorLabels" -}}
app.kubernetes.io/name: {{ include "unwonted.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Not the service's, or the Service would count the test as one of its pods. */}}
{{- define "unwonted.testLabels" -}}
app.kubernetes.io/name: {{ include "unwonted.name" . | trunc 58 | trimSuffix "-" }}-test
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "unwonted.labels" -}}
{{ include "unwonted.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "unwonted.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "unwonted.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "unwonted.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "unwonted.port" -}}
{{- int (dig "http" "port" 8080 .Values.config) -}}
{{- end -}}

{{/* The console's port, where others than this pod may come: with a provider that vouches for them. */}}
{{- define "unwonted.consolePort" -}}
{{- if and (dig "console" "enabled" false .Values.config) (dig "sign_in" "issuer" "" .Values.config) -}}
{{- int (dig "console" "port" 8090 .Values.config) -}}
{{- end -}}
{{- end -}}

{{/* Whether the state lives on a volume; in blob mode there is none. */}}
{{- define "unwonted.fileMode" -}}
{{- if eq (dig "snapshots" "kind" "file" .Values.config) "file" -}}true{{- end -}}
{{- end -}}

{{/* Whether a second pod waits for the first one's end. */}}
{{- define "unwonted.standby" -}}
{{- if dig "standby" "enabled" false .Values.config -}}true{{- end -}}
{{- end -}}

{{/* Whether the history is written to /state without a volume: what it holds is in blobs, too, and fetched from there. */}}
{{- define "unwonted.shipsHistory" -}}
{{- $history := dig "history" dict .Values.config -}}
{{- if not (or (include "unwonted.fileMode" .) $history.path (eq (toString $history.enabled) "false") (eq (toString $history.in_blobs) "false")) -}}true{{- end -}}
{{- end -}}

{{/* What the service reads: the values, and what follows from the place that the state has. */}}
{{- define "unwonted.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $snapshots := get $config "snapshots" | default dict -}}
{{- $letters := get $config "dead_letter" | default dict -}}
{{- if include "unwonted.fileMode" . -}}
{{- $snapshots = merge $snapshots (dict "path" "/state/snapshots") -}}
{{- else if not (hasKey $letters "kind") -}}
{{- $letters = merge $letters (dict "kind" "blob" "account_url" $snapshots.account_url "container" (default "unwonted" $snapshots.container)) -}}
{{- end -}}
{{- if eq (default "file" $letters.kind) "file" -}}
{{- $letters = merge $letters (dict "path" "/state/dead-letter.ndjson") -}}
{{- end -}}
{{- $learn := get $config "learn" | default dict -}}
{{- if $learn.on_empty_state -}}
{{- $_ := set $config "learn" (merge $learn (dict "spool" "/state/history")) -}}
{{- end -}}
{{- if include "unwonted.shipsHistory" . -}}
{{- $_ := set $config "history" (merge (get $config "history" | default dict) (dict "path" "/state/history.sqlite")) -}}
{{- end -}}
{{- $console := get $config "console" | default dict -}}
{{- if $console.enabled -}}
{{- $console = merge $console (dict "token_file" "/state/console-token") -}}
{{- if include "unwonted.consolePort" . -}}
{{- $console = merge $console (dict "host" "0.0.0.0") -}}
{{- end -}}
{{- $_ := set $config "console" $console -}}
{{- end -}}
{{- $_ := set $config "snapshots" $snapshots -}}
{{- $_ := set $config "dead_letter" $letters -}}
{{- if .Values.suppressions -}}
{{- $_ := set $config "suppressions" (merge (default dict $config.suppressions) (dict "file" "/etc/unwonted-suppressions/suppressions.yaml")) -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Whether anything is written to /state: always on a volume; else by a dead letter that is a file, by learning, by a history that is in blobs, too, and by the console. */}}
{{- define "unwonted.writesState" -}}
{{- $letters := (include "unwonted.config" . | fromYaml).dead_letter -}}
{{- if or (include "unwonted.fileMode" .) (eq (default "file" $letters.kind) "file") (dig "learn" "on_empty_state" false .Values.config) (dig "console" "enabled" false .Values.config) (include "unwonted.shipsHistory" .) -}}true{{- end -}}
{{- end -}}

{{/* PSS restricted, of a pod and of a container. */}}
{{- define "unwonted.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "unwonted.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Egress to DNS: the cluster's, or the node's local cache in front of it. */}}
{{- define "unwonted.dns" -}}
- ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
  to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      podSelector: {matchLabels: {k8s-app: kube-dns}}
    - ipBlock: {cidr: 169.254.10.10/31}
    - ipBlock: {cidr: 169.254.20.10/32}
{{- end -}}
