/**
 * MetalLB's own speakers on the nodes of a lab: the program of its published release, with the flags, the environment and the one
 * capability that its manifests give it. The bed plays kubelet and DaemonSet.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findAssets } from "../assets.ts";
import { NAMESPACE } from "../controller.ts";
import { eventually } from "../eventually.ts";
import type { ServerProgram } from "../server-program.ts";
import type { LabCluster } from "./bed.ts";
import type { LabNode } from "./nodes.ts";
import { openLabServer } from "./program.ts";

const PROGRAM = "metallb-speaker";
/** By which its speakers find each other, and ours find out that they are there. */
const LABELS = { app: "metallb", component: "speaker" };
const HEALTH_PORT = 17_472;
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const READY_WITHIN_MS = 30_000;

type Bed = Pick<LabCluster, "lab" | "plane" | "nodes">;

export type MetallbSpeaker = ServerProgram & {
  readonly node: string;
  /** Everything that it said, over all of its starts. */
  log(): string;
};

export type MetallbSpeakers = {
  readonly all: readonly MetallbSpeaker[];
  /** As a DaemonSet that has nodes again: all start at once. Resolves when they have found each other. */
  start(): Promise<void>;
  /** As a DaemonSet that has no nodes any more: all are told to end at once, and their Pods go. */
  retire(): Promise<void>;
  /** As a DaemonSet whose node selector excludes this one now: that speaker is told to end, and its Pod goes. */
  retireOn(node: string): Promise<void>;
  /** The last lines that each has said. */
  lastWords(lines: number): string;
};

const podName = (node: string): string => `metallb-speaker-${node}`;

/** It does not run yet, and has the address of its node already, as with the network of the host. */
const createPod = async ({ plane: { admin } }: Bed, { name: node, addresses }: LabNode): Promise<void> => {
  const name = podName(node);
  await admin.create(PODS, {
    ...{ apiVersion: "v1", kind: "Pod", metadata: { name, labels: LABELS } },
    spec: {
      ...{ nodeName: node, hostNetwork: true, automountServiceAccountToken: false },
      containers: [{ name: "speaker", image: "none" }],
    },
  });
  const [podIP] = addresses;
  await admin.patch(`${PODS}/${name}/status`, {
    status: { phase: "Running", podIP, podIPs: [{ ip: podIP }] },
  });
};

const openSpeaker = (
  { lab, plane: { folder } }: Bed,
  { name: node, addresses: [address] }: LabNode,
  place: { readonly program: string; readonly kubeconfig: string; readonly secretFolder: string },
): MetallbSpeaker => {
  const host = lab.host(node);
  const log = join(folder, `metallb-${node}.log`);
  const health = `http://127.0.0.1:${HEALTH_PORT}/readyz`;
  const server = openLabServer(host, {
    name: `MetalLB's speaker of ${node}`,
    command: [
      ...["setpriv", "--bounding-set=-all,+net_raw", "--inh-caps=-all,+net_raw", "--no-new-privs"],
      ...[place.program, "--port=9120", "--log-level=info"],
    ],
    environment: {
      ...{ KUBECONFIG: place.kubeconfig, METALLB_NAMESPACE: NAMESPACE, METALLB_BGP_TYPE: "native" },
      ...{ METALLB_NODE_NAME: node, METALLB_POD_NAME: podName(node), METALLB_HOST: address },
      METALLB_ML_BIND_ADDR: address,
      METALLB_ML_LABELS: Object.entries(LABELS)
        .map(([key, value]) => `${key}=${value}`)
        .join(","),
      METALLB_ML_SECRET_KEY_PATH: place.secretFolder,
    },
    log,
    isReady: async () => (await host.run(["curl", "-sf", "-o", "/dev/null", health])).code === 0,
    readyWithinMs: READY_WITHIN_MS,
  });
  return { ...server, node, log: () => (existsSync(log) ? readFileSync(log, "utf8") : "") };
};

/** Resolves when each has heard of all others since then. */
const acquainted = async (speakers: readonly MetallbSpeaker[], since: readonly number[]): Promise<void> => {
  for (const [index, { node, log }] of speakers.entries())
    await eventually(`MetalLB's speaker of ${node} to know the others`, READY_WITHIN_MS, () => {
      const said = log().slice(since[index]);
      return speakers.every((other) => said.includes(`"node event":"NodeJoin","node name":"${other.node}"`))
        ? true
        : undefined;
    });
};

/** Describes a speaker for each node; none runs yet. They may do everything at the API server. */
export const openMetallbSpeakers = async (bed: Bed): Promise<MetallbSpeakers> => {
  const { plane, nodes } = bed;
  const program = realpathSync(join(findAssets([PROGRAM]), PROGRAM));
  const access = await plane.access({ type: "user", name: "metallb", groups: ["system:masters"] }, []);
  access.api.close();
  await plane.apply(
    `{ apiVersion: v1, kind: ServiceAccount, metadata: { name: default, namespace: ${NAMESPACE} } }`,
  );
  const secretFolder = join(plane.folder, "memberlist");
  mkdirSync(secretFolder);
  writeFileSync(join(secretFolder, "secretkey"), "it is MetalLB's, and nobody else's");
  const place = { program, kubeconfig: access.kubeconfig, secretFolder };
  const all = nodes.map((node) => openSpeaker(bed, node, place));
  const retireOne = async ({ node, stop }: MetallbSpeaker): Promise<void> => {
    const path = `${PODS}/${podName(node)}`;
    await plane.admin.delete(path);
    await stop("SIGTERM");
    await plane.admin.delete(`${path}?gracePeriodSeconds=0`);
  };
  return {
    all,
    start: async () => {
      await Promise.all(nodes.map((node) => createPod(bed, node)));
      const since = all.map(({ log }) => log().length);
      await Promise.all(all.map((speaker) => speaker.start()));
      await acquainted(all, since);
    },
    retire: async () => {
      await Promise.all(all.map(retireOne));
    },
    retireOn: async (node) => {
      await Promise.all(all.filter((speaker) => speaker.node === node).map(retireOne));
    },
    lastWords: (lines) =>
      all.map(({ node, lastWords }) => `MetalLB's speaker of ${node}:\n${lastWords(lines)}`).join("\n"),
  };
};
