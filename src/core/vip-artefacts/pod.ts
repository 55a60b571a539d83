/** Pods: one that a kubelet starts from a file, and one on every control-plane node. */
import { VERSION } from "#base/version";
import { ADMIN, type ArtefactPlan, BANNER, IMAGE_PROGRAM, imageRemark, POD_NAME, RUNTIME } from "./plan.ts";
import { yaml } from "./yaml.ts";

const LABELS = { "app.kubernetes.io/name": "steelyard", "app.kubernetes.io/component": "vip" } as const;

const mounts = ({
  caFile,
}: ArtefactPlan): { readonly volumes: object[]; readonly volumeMounts: object[] } => ({
  volumes: [
    // In memory and on the host: a container that is started again goes on where the last one was.
    { name: "run", hostPath: { path: RUNTIME, type: "DirectoryOrCreate" } },
    // The file alone: the folder has the cluster's keys. The kubelet waits until it is there.
    ...(caFile === undefined ? [] : [{ name: "authority", hostPath: { path: caFile, type: "File" } }]),
  ],
  volumeMounts: [
    { name: "run", mountPath: RUNTIME },
    ...(caFile === undefined ? [] : [{ name: "authority", mountPath: caFile, readOnly: true }]),
  ],
});

const container = (plan: ArtefactPlan): object => ({
  name: "vip",
  image: plan.image,
  imagePullPolicy: "IfNotPresent",
  args: ["vip", ...plan.words],
  readinessProbe: {
    exec: { command: [IMAGE_PROGRAM, "status", "--admin", ADMIN] },
    ...{ periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 3 },
  },
  resources: { requests: { cpu: "50m", memory: "96Mi" }, limits: { memory: "192Mi" } },
  securityContext: {
    ...{ runAsUser: 0, runAsGroup: 0, privileged: false },
    ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
    capabilities: { drop: ["ALL"], add: ["NET_ADMIN", "NET_RAW"] },
  },
  volumeMounts: mounts(plan).volumeMounts,
});

const podSpec = (plan: ArtefactPlan, more: object): object => ({
  hostNetwork: true,
  dnsPolicy: "Default",
  priorityClassName: "system-node-critical",
  automountServiceAccountToken: false,
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 15,
  securityContext: { seccompProfile: { type: "RuntimeDefault" } },
  ...more,
  containers: [container(plan)],
  volumes: mounts(plan).volumes,
});

const comment = (lines: readonly string[]): string => lines.map((line) => `# ${line}\n`).join("");

/** What is the same in all of them. */
const REASONS = [
  "There is no liveness probe on purpose: who kills the container takes the address from a host that serves.",
  "There is no CPU limit on purpose: who has used up a share stands still, and its peers take it for dead.",
];

/** A static pod: the kubelet starts it without an API server. */
export const renderPod = (plan: ArtefactPlan): string =>
  comment([
    BANNER,
    "For /etc/kubernetes/manifests on every control-plane host, before kubeadm init and kubeadm join.",
    imageRemark(plan),
    ...REASONS,
  ]) +
  yaml({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: POD_NAME, namespace: "kube-system", labels: { ...LABELS } },
    spec: podSpec(plan, {}),
  });

const daemonSet = (plan: ArtefactPlan): string =>
  yaml({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: {
      ...{ name: POD_NAME, namespace: "kube-system" },
      labels: { ...LABELS, "app.kubernetes.io/version": VERSION },
    },
    spec: {
      revisionHistoryLimit: 3,
      minReadySeconds: 10,
      updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      selector: { matchLabels: { ...LABELS } },
      template: {
        metadata: { labels: { ...LABELS } },
        spec: podSpec(plan, {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [
                  {
                    matchExpressions: [
                      { key: "kubernetes.io/os", operator: "In", values: ["linux"] },
                      // Its value is "true" on k3s and RKE2, and empty elsewhere.
                      { key: "node-role.kubernetes.io/control-plane", operator: "Exists" },
                    ],
                  },
                ],
              },
            },
          },
          tolerations: [{ operator: "Exists" }],
        }),
      },
    },
  });

const CIRCLE = [
  "It is started by the Kubernetes whose address it holds. That does for an address that is added to a cluster that runs, and not for",
  "one that hosts join by: where all hosts start at once it is up only after an API server is. The systemd unit has no such circle.",
];

/** A DaemonSet on the control plane. */
export const renderDaemonSet = (plan: ArtefactPlan): string =>
  comment([BANNER, "kubectl apply -f …", imageRemark(plan), ...CIRCLE, ...REASONS]) + daemonSet(plan);

/** The same, for the folder from which k3s and RKE2 apply what is in it. */
export const renderK3s = (plan: ArtefactPlan): string =>
  comment([
    BANNER,
    "For /var/lib/rancher/k3s/server/manifests (RKE2: /var/lib/rancher/rke2/server/manifests) on one server.",
    imageRemark(plan),
    ...CIRCLE,
    ...REASONS,
  ]) + daemonSet(plan);
