/** Nodes of the bed: what goes wrong with them, and what the API says of them. */
import type { Lab, LabHostHandle } from "#lab/index";
import type { Api } from "../api.ts";
import type { KubeProxy } from "./kube-proxy.ts";
import type { NodePlan } from "./plan.ts";
import type { Pods } from "./pods.ts";

export type Taint = {
  readonly key: string;
  readonly effect: "NoSchedule" | "PreferNoSchedule" | "NoExecute";
  readonly value?: string;
};

export type LabNode = NodePlan & {
  readonly host: LabHostHandle;
  readonly proxy: KubeProxy;
  /** The machine loses power: all its programs and pods end at once, and nothing gets in or out. */
  kill(): Promise<void>;
  /** After `kill`: the kernel has forgotten everything; kube-proxy and the pods run again. */
  restart(): Promise<void>;
  /** The machine stands still, its kernel too: nothing gets in or out, and its carrier stays. */
  freeze(): Promise<void>;
  thaw(): Promise<void>;
  /** The cable to the LAN is pulled, or plugged in again. */
  linkDown(): Promise<void>;
  linkUp(): Promise<void>;
  /** No frame passes between it and these hosts; default: everybody else on the LAN. */
  partition(others?: readonly string[]): Promise<void>;
  /** Ends `partition`. */
  heal(others?: readonly string[]): Promise<void>;
  /** It cannot reach the API server any more, and everything else as before; or can again. */
  cutApi(): Promise<void>;
  restoreApi(): Promise<void>;
  cordon(): Promise<void>;
  uncordon(): Promise<void>;
  taint(taint: Taint): Promise<void>;
  untaint(key: string): Promise<void>;
  /** Labels are set, or removed by `null`. */
  label(labels: Readonly<Record<string, string | null>>): Promise<void>;
  /** As a cluster says of a node that it has not heard of for a while: status unknown, tainted, pods not ready. */
  notReady(): Promise<void>;
  /** As a kubelet that was told of a shutdown (GracefulNodeShutdown) says of its node before it ends pods, and the cluster after it. */
  shuttingDown(): Promise<void>;
  ready(): Promise<void>;
  /** Sets a condition of the Node, such as `NetworkUnavailable`. */
  condition(type: string, status: "True" | "False" | "Unknown"): Promise<void>;
};

type NodeFaults = Pick<
  LabNode,
  "freeze" | "thaw" | "linkDown" | "linkUp" | "partition" | "heal" | "cutApi" | "restoreApi"
>;

/** Everybody else with a cable to the LAN. */
const neighbours = ({ topology }: Lab, name: string): readonly string[] =>
  topology.hosts
    .filter((host) => host.name !== name && host.interfaces.some((port) => port.switch === "sw"))
    .map((host) => host.name);

const openFaults = (lab: Lab, { name, places }: NodePlan): NodeFaults => {
  const all = [name, ...places.map(({ host }) => host)];
  const signal = async (which: "SIGSTOP" | "SIGCONT"): Promise<void> => {
    await Promise.all(all.map((each) => lab.host(each).signalAll(which)));
  };
  const lose = async (others: readonly string[], percent: 0 | 100): Promise<void> => {
    for (const other of others) {
      await lab.fault({ type: "loss", from: name, to: other, percent });
      await lab.fault({ type: "loss", from: other, to: name, percent });
    }
  };
  const plug = async (state: "up" | "down"): Promise<void> =>
    void (await lab.host("sw").expect(["ip", "link", "set", "dev", name, state]));
  return {
    freeze: async () => {
      await lab.fault({ type: "silence", host: name });
      await signal("SIGSTOP");
    },
    thaw: async () => {
      await lab.fault({ type: "restore", host: name });
      await signal("SIGCONT");
    },
    linkDown: () => plug("down"),
    linkUp: () => plug("up"),
    partition: (others = neighbours(lab, name)) => lose(others, 100),
    heal: (others = neighbours(lab, name)) => lose(others, 0),
    cutApi: () => lose(["cp"], 100),
    restoreApi: () => lose(["cp"], 0),
  };
};

type NodeRecord = Pick<
  LabNode,
  "cordon" | "uncordon" | "taint" | "untaint" | "label" | "notReady" | "shuttingDown" | "ready" | "condition"
>;

const UNREACHABLE = "node.kubernetes.io/unreachable";
const NOT_READY = "node.kubernetes.io/not-ready";

const openRecord = (admin: Api, { name }: NodePlan, pods: Pods): NodeRecord => {
  const path = `/api/v1/nodes/${name}`;
  let taints: readonly Taint[] = [];
  const setTaints = async (next: readonly Taint[]): Promise<void> => {
    taints = next;
    await admin.patch(path, { spec: { taints } });
  };
  const say = async (said: Readonly<Record<"type" | "status" | "reason" | "message", string>>) => {
    const now = new Date().toISOString();
    const times = { lastHeartbeatTime: now, lastTransitionTime: now };
    const patch = { status: { conditions: [{ ...said, ...times }] } };
    await admin.patch(`${path}/status`, patch, "strategic-merge-patch");
  };
  const condition: NodeRecord["condition"] = (type, status) =>
    say({ type, status, reason: "Lab", message: "As the test says." });
  const untaint = (key: string): Promise<void> => setTaints(taints.filter((taint) => taint.key !== key));
  const sayOfPods = async (state: "ready" | "unready"): Promise<void> => {
    for (const pod of pods.list(name)) await pod.say(state);
  };
  return {
    cordon: async () => void (await admin.patch(path, { spec: { unschedulable: true } })),
    uncordon: async () => void (await admin.patch(path, { spec: { unschedulable: null } })),
    taint: (taint) => setTaints([...taints, taint]),
    untaint,
    label: async (labels) => void (await admin.patch(path, { metadata: { labels } })),
    condition,
    notReady: async () => {
      await condition("Ready", "Unknown");
      const effects = ["NoSchedule", "NoExecute"] as const;
      await setTaints([...taints, ...effects.map((effect) => ({ key: UNREACHABLE, effect }))]);
      await sayOfPods("unready");
    },
    shuttingDown: async () => {
      const message = "node is shutting down";
      await say({ type: "Ready", status: "False", reason: "KubeletNotReady", message });
      const effects = ["NoSchedule", "NoExecute"] as const;
      await setTaints([...taints, ...effects.map((effect) => ({ key: NOT_READY, effect }))]);
    },
    ready: async () => {
      await condition("Ready", "True");
      await setTaints(taints.filter(({ key }) => key !== UNREACHABLE && key !== NOT_READY));
      await sayOfPods("ready");
    },
  };
};

/**
 * What our kernel remembers although the machine was without power. Addresses of single hosts are what somebody has added:
 * those of the bed have networks.
 */
const FORGET = `
nft flush ruleset
ip neighbour flush all
ip -6 neighbour flush all
conntrack -F
ip -o address show scope global | while read -r _ device _ address _; do
  case $address in */32 | */128) ip address del "$address" dev "$device" ;; esac
done
`;

/** Describes a node whose Node there is already; kube-proxy does not run yet. */
export const openNode = (
  lab: Lab,
  plan: NodePlan,
  { admin, pods, proxy }: { readonly admin: Api; readonly pods: Pods; readonly proxy: KubeProxy },
): LabNode => {
  const host = lab.host(plan.name);
  return {
    ...plan,
    ...openFaults(lab, plan),
    ...openRecord(admin, plan, pods),
    host,
    proxy,
    kill: async () => {
      await lab.fault({ type: "silence", host: plan.name });
      const hosts = [plan.name, ...plan.places.map((place) => place.host)];
      await Promise.all(hosts.map((each) => lab.host(each).signalAll("SIGKILL")));
      await proxy.stop("SIGKILL"); // It has ended; we learn so a moment later.
    },
    restart: async () => {
      await host.expect(["sh", "-ec", FORGET]);
      await lab.fault({ type: "restore", host: plan.name });
      await Promise.all([proxy.start(), pods.revive(plan.name)]);
    },
  };
};

/** Creates the Node as its kubelet would, ready from the start. */
export const createNode = async (
  admin: Api,
  { name, addresses, podCidrs }: NodePlan,
  families: readonly ("IPv4" | "IPv6")[],
): Promise<void> => {
  const pick = <T>([v4, v6]: readonly [T, T]): readonly T[] =>
    families.map((family) => (family === "IPv4" ? v4 : v6));
  const cidrs = pick(podCidrs);
  await admin.create("/api/v1/nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" } },
    spec: { podCIDR: cidrs[0], podCIDRs: cidrs },
  });
  const path = `/api/v1/nodes/${name}`;
  const now = new Date().toISOString();
  const times = { lastHeartbeatTime: now, lastTransitionTime: now };
  const ready = { type: "Ready", status: "True", reason: "Lab", message: "The lab runs it.", ...times };
  const reached = pick(addresses).map((address) => ({ type: "InternalIP", address }));
  const status = { addresses: [...reached, { type: "Hostname", address: name }], conditions: [ready] };
  await admin.patch(`${path}/status`, { status }, "strategic-merge-patch");
  // A new Node is tainted as not ready; the controller that would take that back does not run here.
  await admin.patch(path, { spec: { taints: null } });
};
