{{/*
What the schema cannot say, because it lies between two values: all that is wrong at once, a line each, and nothing is
rendered.
*/}}
{{- define "unwonted.check" -}}
{{- $wrong := list -}}
{{- $hub := get .Values.config "event_hub" | default dict -}}
{{- $snapshots := get .Values.config "snapshots" | default dict -}}
{{- $vault := .Values.secrets.keyVault -}}
{{- if not .Values.image.repository -}}
{{- $wrong = append $wrong "image.repository: is missing; a registry and a name, such as contoso.azurecr.io/unwonted" -}}
{{- end -}}
{{- if not (or $hub.namespace $hub.connection_string_file) -}}
{{- $wrong = append $wrong "config.event_hub.namespace: is missing; a host, such as contoso.servicebus.windows.net" -}}
{{- end -}}
{{- if and $hub.namespace (not $hub.hub) -}}
{{- $wrong = append $wrong "config.event_hub.hub: is missing; the hub's name, such as activity-log" -}}
{{- end -}}
{{- if and (not (include "unwonted.fileMode" .)) (not $snapshots.account_url) -}}
{{- $wrong = append $wrong "config.snapshots.account_url: is missing; https://ACCOUNT.blob.core.windows.net, or config.snapshots.kind: file for a volume" -}}
{{- end -}}
{{- if and .Values.workloadIdentity.enabled .Values.serviceAccount.create (not .Values.workloadIdentity.clientId) -}}
{{- $wrong = append $wrong "workloadIdentity.clientId: is missing; the identity's client id, a GUID, or workloadIdentity.enabled: false" -}}
{{- end -}}
{{- if and (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) -}}
{{- $wrong = append $wrong "serviceAccount.name: is missing; needed with serviceAccount.create: false" -}}
{{- end -}}
{{- if and $vault.name .Values.secrets.existingSecret -}}
{{- $wrong = append $wrong "secrets: needs only one of existingSecret and keyVault.name" -}}
{{- end -}}
{{- if $vault.name -}}
{{- if not $vault.tenantId -}}
{{- $wrong = append $wrong "secrets.keyVault.tenantId: is missing; the vault's tenant, a GUID" -}}
{{- end -}}
{{- if not $vault.objects -}}
{{- $wrong = append $wrong "secrets.keyVault.objects: is empty; names of secrets in the vault, such as teams-url" -}}
{{- end -}}
{{- end -}}
{{- $signIn := get .Values.config "sign_in" | default dict -}}
{{- if and (include "unwonted.consolePort" .) (not (dig "console" "public_url" "" .Values.config)) -}}
{{- $wrong = append $wrong "config.console.public_url: is missing; the address that the ingress has, such as https://unwonted.contoso.example" -}}
{{- end -}}
{{- if and (hasPrefix "/var/run/secrets/azure/" (default "" $signIn.client_assertion_file)) (not .Values.workloadIdentity.enabled) -}}
{{- $wrong = append $wrong "config.sign_in.client_assertion_file: is the workload identity's, and workloadIdentity.enabled is false" -}}
{{- end -}}
{{- $files := dict "config.event_hub.connection_string_file" $hub.connection_string_file "config.sign_in.client_secret_file" $signIn.client_secret_file -}}
{{- range $name, $sink := (get .Values.config "sinks" | default dict) -}}
{{- range $option := list "url_file" "secret_file" "password_file" "connection_string_file" -}}
{{- $_ := set $files (printf "config.sinks.%s.%s" $name $option) (get $sink $option) -}}
{{- end -}}
{{- range $option := list "header_files" "member_files" -}}
{{- range $key, $file := get $sink $option | default dict -}}
{{- $_ := set $files (printf "config.sinks.%s.%s.%s" $name $option $key) $file -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $option, $file := $files -}}
{{- if and $file (hasPrefix "/mnt/secrets-store/" $file) -}}
{{- $base := trimPrefix "/mnt/secrets-store/" $file -}}
{{- if not (or $vault.name $.Values.secrets.existingSecret) -}}
{{- $wrong = append $wrong (printf "%s: names %s, and nothing is mounted there; set secrets.keyVault or secrets.existingSecret" $option $file) -}}
{{- else if and $vault.name (not (has $base $vault.objects)) -}}
{{- $wrong = append $wrong (printf "%s: names %s, and secrets.keyVault.objects has no %s (it has %s)" $option $file $base (join ", " $vault.objects)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $index, $variable := .Values.extraEnv -}}
{{- if regexMatch "^UNWONTED_(CONFIG$|(SNAPSHOTS|STANDBY|DEAD_LETTER|HTTP|SHUTDOWN)__)" $variable.name -}}
{{- $wrong = append $wrong (printf "extraEnv[%d].name: %s cannot come from the environment, because volumes, replicas, ports and probes follow from it; set it under config" $index $variable.name) -}}
{{- end -}}
{{- end -}}
{{- $many := eq .Values.volume.accessMode "ReadWriteMany" -}}
{{- if and (include "unwonted.fileMode" .) (include "unwonted.standby" .) (not $many) -}}
{{- $wrong = append $wrong (printf "volume.accessMode: %s admits one pod, and config.standby.enabled needs two; ReadWriteMany, on a volume whose locks reach from node to node (NFS), or config.snapshots.kind: blob" .Values.volume.accessMode) -}}
{{- end -}}
{{- if and $many (not (include "unwonted.standby" .)) -}}
{{- $wrong = append $wrong "volume.accessMode: ReadWriteMany is for config.standby.enabled: true alone; ReadWriteOncePod lets the storage see to it that there is one writer" -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\n%s" (join "\n" $wrong)) -}}
{{- end -}}
{{- end -}}
