/**
 * What one node's speaker costs beside so many Services of its cluster, of which it announces its share: memory of both of its processes,
 * processor time at rest and while Services change, and what is written at rest.
 *
 * Services, EndpointSlices and nodes are those of a real API server; four nodes run a speaker each. The one of the first node runs from
 * a Node.js that nobody else runs, so that what the two of its processes share with others of the lab does not look cheaper than it is.
 * In place of four kube-proxies, which would write rules for ten thousand Services on the same two processors, one rule on each node leads
 * from all addresses to the backend.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { LabHostHandle } from "#lab/index";
import { NAMESPACE } from "#test/cluster/controller";
import { builtSpeaker } from "#test/cluster/lab/speaker";
import { advertisement, openSpeakerBed, type SpeakerBed } from "#test/cluster/lab/speaker-bed";
import { ACCOUNT } from "#test/cluster/lab/speaker-rights";
import type { BuildCopy } from "./build-copy.ts";
import { type Weight, weigh } from "./memory.ts";

type Share = { readonly wire: number; readonly agent: number };

/** What one node's speaker costs while it announces its share of so many addresses. */
export type Cost = {
  readonly addresses: number;
  /** Those that it answers for. */
  readonly held: number;
  /** Whether the two have seen the Services come one by one, or found them when they started. */
  readonly history: "grown" | "restarted";
  readonly wire: Weight;
  readonly agent: Weight;
  /** At rest: seconds, of which so many a processor's, and requests of all speakers that write. */
  readonly rest: { readonly seconds: number; readonly cpu: Share; readonly writes: number };
};

/** While Services change, so many a second. */
export type Churn = {
  readonly addresses: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly cpu: Share;
};

export type Costs = {
  readonly costs: readonly Cost[];
  readonly churn: Churn;
  /** Beside so many it did not come to rest, and why that is thought; `undefined` if it did. */
  readonly restless?: { readonly addresses: number; readonly why: string };
};

/** Seconds of a processor that a process of a host, by its number inside of the lab, has had so far. */
export const processorSeconds = async (host: LabHostHandle, pid: number): Promise<number> => {
  const fields = (await host.expect(["cat", `/proc/${pid}/stat`])).split(") ")[1]?.split(" ") ?? [];
  // In hundredths of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
};

const POOL = `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: many, namespace: ${NAMESPACE} }
spec: { addresses: ["10.200.0.0/16"] }
`;

const BACKEND = "10.244.4.2";

const ONE_RULE = `flush ruleset
table ip one-rule {
  chain arriving {
    type nat hook prerouting priority dstnat
    ip daddr 10.200.0.0/16 tcp dport 80 dnat to ${BACKEND}
  }
  chain leaving {
    type nat hook postrouting priority srcnat
    ct status dnat masquerade
  }
}
`;

/** Has one rule serve all addresses, instead of kube-proxy. */
const standInForProxies = async ({ cluster }: SpeakerBed): Promise<void> => {
  for (const { host, proxy } of cluster.nodes) {
    await proxy.stop("SIGTERM");
    await host.expect(["nft", "-f", "-"], { input: ONE_RULE });
  }
};

/** Services that are made at once. */
const PARALLEL = 8;
const PATIENCE_MS = 600_000;
/** Four that read ten thousand Services at once have two processors. */
const READY_WITHIN_MS = 300_000;
/** Rest before anything is weighed: bursts are over, conditions are written, and memory is given back. */
const SETTLING_MS = 30_000;
/** Between two questions: what is said of ten thousand addresses costs who says it more than anything else at rest. */
const LOOK_MS = 5_000;
const SERVICES = "/api/v1/namespaces/default/services";
const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

const makeService = async ({ cluster }: SpeakerBed, n: number): Promise<void> => {
  const { admin } = cluster.plane;
  const metadata = { name: `many-${n}` };
  const ports = [{ name: "web", port: 80, protocol: "TCP" }];
  const spec = { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports };
  await admin.create(SERVICES, { metadata, spec });
  await admin.create(SLICES, {
    metadata: { ...metadata, labels: { "kubernetes.io/service-name": metadata.name } },
    addressType: "IPv4",
    ports,
    endpoints: [{ addresses: [BACKEND], conditions: { ready: true }, nodeName: "n4" }],
  });
  const ip = `10.200.${Math.floor(n / 250)}.${1 + (n % 250)}`;
  await admin.patch(`${SERVICES}/${metadata.name}/status`, {
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
};

/** Makes those from one number to another. */
const makeServices = async (bed: SpeakerBed, from: number, to: number): Promise<void> => {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) {
      next += 1;
      await makeService(bed, next - 1);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
};

const BUSY: { readonly placements?: number; readonly waitingWrites?: number } = {};

/** Resolves when all speakers know all addresses and have nothing left to write, and nothing has happened for a while. */
const settle = async ({ speakers }: SpeakerBed, addresses: number): Promise<void> => {
  const limit = performance.now() + PATIENCE_MS;
  let quiet = 0;
  while (quiet < SETTLING_MS) {
    // One that reads ten thousand Services may have no time to answer.
    const all = await Promise.all(speakers.all.map((speaker) => speaker.status().catch(() => BUSY)));
    const isQuiet = all.every(
      ({ placements = 0, waitingWrites = 1 }) => placements >= addresses && waitingWrites === 0,
    );
    quiet = isQuiet ? quiet + LOOK_MS : 0;
    if (performance.now() > limit)
      throw new Error(`not at rest with ${addresses} addresses after ${PATIENCE_MS} ms`);
    await pause(LOOK_MS);
  }
};

const WRITES: ReadonlySet<string> = new Set(["create", "update", "patch", "delete"]);
const USER = `system:serviceaccount:${NAMESPACE}:${ACCOUNT}`;

const writesOf = ({ cluster }: SpeakerBed): number =>
  cluster.plane.audit().filter(({ user, verb }) => user === USER && WRITES.has(verb)).length;

const difference = (before: Share, after: Share): Share => ({
  wire: after.wire - before.wire,
  agent: after.agent - before.agent,
});

const measureRest = async (
  bed: SpeakerBed,
  { addresses, seconds, history }: Pick<Cost, "addresses" | "history"> & { readonly seconds: number },
): Promise<Cost> => {
  const speaker = bed.speakers.on("n1");
  await settle(bed, addresses);
  const { wire, agent, addresses: seen } = await speaker.status();
  const { host } = bed.cluster.node("n1");
  const read = async (): Promise<Share> => ({
    wire: await processorSeconds(host, wire.pid),
    agent: await processorSeconds(host, agent.pid),
  });
  const [before, written] = [await read(), writesOf(bed)];
  await pause(seconds * 1_000);
  const cpu = difference(before, await read());
  return {
    ...{ addresses, history, held: seen.filter(({ state }) => state === "holding").length },
    wire: await weigh(host, wire.pid),
    agent: await weigh(host, agent.pid),
    rest: { seconds, cpu, writes: writesOf(bed) - written },
  };
};

/** Services are labelled anew, which changes nothing for who answers. */
const measureChurn = async (
  bed: SpeakerBed,
  { addresses, perSecond, seconds }: Omit<Churn, "cpu">,
): Promise<Churn> => {
  const { wire, agent } = await bed.speakers.on("n1").status();
  const { host } = bed.cluster.node("n1");
  const read = async (): Promise<Share> => ({
    wire: await processorSeconds(host, wire.pid),
    agent: await processorSeconds(host, agent.pid),
  });
  const before = await read();
  const began = performance.now();
  for (let change = 0; change < perSecond * seconds; change += 1) {
    const metadata = { labels: { change: `${change}` } };
    await bed.cluster.plane.admin.patch(`${SERVICES}/many-${change % addresses}`, { metadata });
    await pause(Math.max(0, began + (change * 1_000) / perSecond - performance.now()));
  }
  return { addresses, perSecond, seconds, cpu: difference(before, await read()) };
};

const CHANGES_A_SECOND = 10;

/** Makes Services up to so many while no speaker runs: four of them would slow the API server down to a few a second. */
const makeAlone = async (
  bed: SpeakerBed,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> => {
  for (const speaker of bed.speakers.all) await speaker.retire();
  await makeServices(bed, from, to);
  await Promise.all(bed.speakers.all.map((speaker) => speaker.start()));
};

/**
 * Weighs the speaker of the first node beside more and more addresses, once more after a restart beside all, and beside so many that all
 * speakers find when they start.
 */
export const measureCosts = async (
  copy: BuildCopy,
  {
    sizes,
    most,
    seconds,
    say,
  }: {
    readonly sizes: readonly number[];
    readonly most: number;
    readonly seconds: number;
    readonly say: (line: string) => void;
  },
): Promise<Costs> => {
  const built = (node: string): readonly string[] => (node === "n1" ? copy.direct() : builtSpeaker());
  const bed = await openSpeakerBed({ nodes: 4, program: built, readyWithinMs: READY_WITHIN_MS });
  try {
    await standInForProxies(bed);
    await bed.cluster.plane.apply(POOL);
    await bed.cluster.plane.apply(advertisement("many", { ipAddressPools: ["many"] }));
    const costs: Cost[] = [];
    let churn: Churn | undefined;
    let made = 0;
    for (const addresses of sizes) {
      say(`speaker-memory: ${addresses} addresses`);
      await makeServices(bed, made, addresses);
      made = addresses;
      costs.push(await measureRest(bed, { addresses, seconds, history: "grown" }));
      churn ??= await measureChurn(bed, { addresses, perSecond: CHANGES_A_SECOND, seconds });
    }
    say("speaker-memory: a restart");
    await bed.speakers.on("n1").replace();
    costs.push(await measureRest(bed, { addresses: made, seconds, history: "restarted" }));
    say(`speaker-memory: ${most} addresses`);
    if (churn === undefined) throw new Error("nothing was measured");
    try {
      await makeAlone(bed, { from: made, to: most });
      costs.push(await measureRest(bed, { addresses: most, seconds, history: "restarted" }));
    } catch (error) {
      say(`${error}\n${bed.speakers.lastWords(20)}`);
      return { costs, churn, restless: { addresses: most, why: `${error}`.replace(/^Error: |\n.*/gs, "") } };
    }
    return { costs, churn };
  } catch (error) {
    say(bed.speakers.lastWords(20));
    throw error;
  } finally {
    await bed.close();
  }
};
