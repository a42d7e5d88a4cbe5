{{- define "wework.labels" -}}
app.kubernetes.io/name: wework-message
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "wework.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag }}{{ end }}
{{- end }}

{{- /* What every pod has before its containers. */ -}}
{{- define "wework.pod" -}}
serviceAccountName: {{ .Values.fullname }}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "wework.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "wework.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end }}

{{- define "wework.imageOfContainer" -}}
image: {{ include "wework.image" . }}
{{- with .Values.image.pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}

{{- /* Variables of the files of the Secret: a list of variable and key. */ -}}
{{- define "wework.fileVariables" -}}
{{- range . }}
- name: {{ .variable }}
  value: /run/secrets/wework-message/{{ .key }}
{{- end }}
{{- end }}

{{- define "wework.fileItems" -}}
{{- range . }}
- key: {{ .key }}
  path: {{ .key }}
{{- end }}
{{- end }}

{{- /* A Deployment of the service: root, name, container, arguments, port, portName, replicas, resources. */ -}}
{{- define "wework.deployment" -}}
{{- $root := .root -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels: {{ include "wework.labels" $root | nindent 4 }}
spec:
  {{- if not $root.Values.autoscaling.enabled }}
  replicas: {{ .replicas }}
  {{- end }}
  selector:
    matchLabels:
      app: {{ .name }}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app: {{ .name }}
        app.kubernetes.io/name: wework-message
      annotations:
        checksum/settings: {{ toJson $root.Values.settings | sha256sum }}
    spec: {{ include "wework.pod" $root | nindent 6 }}
      # The drain (25 s at most), and room. No preStop: the process goes on for 10 s, until balancers know (profile k8s).
      terminationGracePeriodSeconds: 35
      securityContext: {{ include "wework.podSecurity" $root | nindent 8 }}
        fsGroupChangePolicy: OnRootMismatch
      topologySpreadConstraints:
        {{- $name := .name }}
        {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
        - topologyKey: {{ . }}
          maxSkew: 1
          whenUnsatisfiable: ScheduleAnyway
          labelSelector:
            matchLabels:
              app: {{ $name }}
        {{- end }}
      containers:
        - name: {{ .container }}
          {{- include "wework.imageOfContainer" $root | nindent 10 }}
          args: {{ toJson .arguments }}
          ports:
            - name: {{ .portName }}
              containerPort: {{ .port }}
          env:
            - name: SPRING_PROFILES_ACTIVE
              value: "k8s"
            {{- include "wework.fileVariables" $root.Values.secret.files | nindent 12 }}
          envFrom:
            - configMapRef:
                name: {{ $root.Values.fullname }}
          resources: {{ toYaml .resources | nindent 12 }}
          livenessProbe:
            httpGet:
              path: /message/api/health
              port: {{ .port }}
            initialDelaySeconds: 60
            periodSeconds: 30
            timeoutSeconds: 5
          readinessProbe:
            httpGet:
              path: /message/actuator/health
              port: {{ .port }}
            initialDelaySeconds: 30
            periodSeconds: 10
            timeoutSeconds: 5
          securityContext: {{ include "wework.containerSecurity" $root | nindent 12 }}
          volumeMounts:
            - name: secrets
              mountPath: /run/secrets/wework-message
              readOnly: true
            - name: var
              mountPath: /srv/wework-message/var
            - name: logs
              mountPath: /srv/wework-message/logs
            - name: tmp
              mountPath: /tmp
      volumes:
        - name: secrets
          secret:
            secretName: {{ $root.Values.secret.name }}
            defaultMode: 0440
            items: {{ include "wework.fileItems" $root.Values.secret.files | nindent 14 }}
        - name: var
          {{- if $root.Values.sharedVolume.enabled }}
          persistentVolumeClaim:
            claimName: {{ $root.Values.sharedVolume.existingClaim | default (printf "%s-var" $root.Values.fullname) }}
          {{- else }}
          emptyDir:
            sizeLimit: 4Gi
          {{- end }}
        - name: logs
          emptyDir:
            sizeLimit: 1Gi
        - name: tmp
          emptyDir:
            sizeLimit: 256Mi
{{- end }}

{{- /* An autoscaler: root, name, of (values). */ -}}
{{- define "wework.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name }}
  labels: {{ include "wework.labels" .root | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name }}
  minReplicas: {{ .of.minReplicas }}
  maxReplicas: {{ .of.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: Utilization
          averageUtilization: {{ .of.cpuUtilization }}
    {{- with .of.oldestDueSeconds }}
    - type: External
      external:
        metric:
          name: wm_oldest_due_seconds
        target:
          type: Value
          value: {{ . | quote }}
    {{- end }}
  behavior:
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
        - type: Pods
          value: 1
          periodSeconds: 60
{{- end }}

{{- define "wework.disruption" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name }}
  labels: {{ include "wework.labels" .root | nindent 4 }}
spec:
  maxUnavailable: {{ .root.Values.maxUnavailable }}
  selector:
    matchLabels:
      app: {{ .name }}
{{- end }}
