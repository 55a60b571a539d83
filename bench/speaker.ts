/**
 * What users of a Service have of a node that fails, in a cluster of four nodes with the real API server and kube-proxy.
 *
 * A client sends a datagram every two milliseconds to both addresses of a Service whose pods are on the fourth node. Faults hit
 * the node that holds it; the next one takes it, and fails in its turn, so that no run waits until a node is trusted again. Where only the speaker fails, the node's kernel forwards what still comes to it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { type Instant, toMillis } from "#base/time";
import { monotonicNow } from "#lab/probe/clock";
import { longestGap } from "#lab/probe/report";
import { startUdpProbe } from "#lab/probe/start";
import { address } from "#test/cluster/lab/plan";
import type { OrderedService, SpeakerBed } from "#test/cluster/lab/speaker-bed";

/** What happens to the holder. */
export const FAULTS = ["silent", "link", "kill", "stop", "term"] as const;
export type Fault = (typeof FAULTS)[number];

/** One fault and what the client saw of it. */
export type Run = {
  readonly fault: Fault;
  readonly family: "IPv4" | "IPv6";
  readonly sent: number;
  readonly lost: number;
  /** The longest time between two answers. */
  readonly longestMs: number;
};

/** Milliseconds between two datagrams. */
const SPACING = 2;
/** How long the client is watched after the next node has the address. */
const AFTER_MS = 300;

const inject = async ({ cluster, speakers }: SpeakerBed, fault: Fault, node: string): Promise<void> => {
  switch (fault) {
    case "silent":
      return await cluster.lab.fault({ type: "silence", host: node });
    case "link":
      return await cluster.node(node).linkDown();
    case "kill":
      return await speakers.on(node).stop("SIGKILL");
    case "stop":
      return await speakers.on(node).freeze();
    case "term":
      return await speakers.on(node).retire();
  }
};

const heal = async ({ cluster, speakers }: SpeakerBed, fault: Fault, node: string): Promise<void> => {
  switch (fault) {
    case "silent":
      return await cluster.lab.fault({ type: "restore", host: node });
    case "link":
      return await cluster.node(node).linkUp();
    case "stop":
      return await speakers.on(node).thaw();
    case "kill":
    case "term":
      return await speakers.on(node).start();
  }
};

const hit = async (
  bed: SpeakerBed,
  { at }: OrderedService,
  { fault, holder }: { readonly fault: Fault; readonly holder: string },
): Promise<{ readonly next: string; readonly runs: readonly Run[] }> => {
  await bed.speakers.acquainted();
  const { client } = bed.cluster;
  const start = (each: string) =>
    startUdpProbe(client, { address: address(each), port: 9000, interval: SPACING });
  const probes = await Promise.all(at.map(start));
  // Faults come at any point of an interval between two packets of BFD.
  await pause(500 + Math.random() * 50);
  const from = monotonicNow();
  await inject(bed, fault, holder);
  const next = await bed.witness.leaves(holder, at);
  await pause(AFTER_MS);
  const to = monotonicNow();
  const records = await Promise.all(probes.map((probe) => probe.finish()));
  await heal(bed, fault, holder);
  const runs = records.map(
    ({ sent, answers }, index): Run => ({
      ...{ fault, sent, lost: sent - answers.length },
      family: index === 0 ? "IPv4" : "IPv6",
      longestMs: toMillis(longestGap(answers, { from, to }).length),
    }),
  );
  return { next, runs };
};

/** The one node that answers for a Service's addresses. */
const holderOf = async ({ witness }: SpeakerBed, { at }: OrderedService): Promise<string> => {
  for (;;) {
    const [node, ...others] = await witness.answering(at[0]);
    if (node !== undefined && others.length === 0) return node;
  }
};

/** All faults, each so often. */
export const measureFaults = async (
  bed: SpeakerBed,
  { runs, say }: { readonly runs: number; readonly say: (line: string) => void },
): Promise<readonly Run[]> => {
  const all: Run[] = [];
  const service = await bed.service({ order: ["n1", "n2"] });
  let holder = await holderOf(bed, service);
  for (const fault of FAULTS) {
    say(`speaker: ${fault}, ${runs} runs`);
    for (let run = 0; run < runs; run += 1) {
      const seen = await hit(bed, service, { fault, holder });
      all.push(...seen.runs);
      holder = seen.next;
    }
  }
  await service.delete();
  return all;
};

const firstAfter = (answers: readonly Instant[], time: Instant): number => {
  const first = answers.find((at) => at > time);
  return first === undefined ? Number.NaN : (first - time) / 1_000;
};

/**
 * Milliseconds from when the API server is told that the first pod of a Service is ready, before which nobody answers for its
 * address, to the first answer that a client has: EndpointSlice, speakers, the question whether anybody has the address, kube-proxy.
 */
export const measureReadiness = async (bed: SpeakerBed, runs: number): Promise<readonly number[]> => {
  const { cluster, witness } = bed;
  const pod = await cluster.pods.start("slow", "n4");
  const { at, delete: remove } = await bed.service({ order: ["n1"], app: "slow" });
  const all: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    while ((await witness.answering(at[0])).length === 0) await pause(50);
    await pod.say("unready");
    while ((await witness.answering(at[0])).length > 0) await pause(50);
    await cluster.unproxied(at[0]);
    const probe = await startUdpProbe(cluster.client, {
      ...{ address: address(at[0]), port: 9000, interval: SPACING },
    });
    await pause(1_200);
    const told = monotonicNow();
    await pod.say("ready");
    await pause(2_500);
    const { answers } = await probe.finish();
    all.push(firstAfter(answers, told));
  }
  await remove();
  await pod.remove();
  return all;
};

/** What moved while all processors were busy: nothing may. */
export type Calm = { readonly seconds: number; readonly burners: number; readonly moves: number };

/** Counts how often an address changed its holder while twice as many programs as there are processors do nothing but compute. */
export const measureCalm = async (
  bed: SpeakerBed,
  { seconds, burners }: { readonly seconds: number; readonly burners: number },
): Promise<Calm> => {
  const services = await Promise.all(["n1", "n2", "n3"].map((node) => bed.service({ order: [node] })));
  for (const service of services) await holderOf(bed, service);
  const snapshot = async (): Promise<ReadonlySet<string>> => {
    const all = await Promise.all(bed.speakers.all.map(({ status }) => status()));
    return new Set(
      all.flatMap(({ node, members, addresses }) => [
        ...members.map((member) => `${node}: ${member.node} ${member.standing} ${member.since}`),
        ...addresses.map((each) => `${node}: ${each.address} ${each.state} ${each.since}`),
      ]),
    );
  };
  await pause(10_000);
  const before = await snapshot();
  const fires = await Promise.all(
    Array.from({ length: burners }, () => bed.cluster.client.spawn([process.execPath, "-e", "for (;;);"])),
  );
  await pause(seconds * 1_000);
  const after = await snapshot();
  await Promise.all(fires.map((fire) => fire.stop(0)));
  for (const { delete: remove } of services) await remove();
  return { seconds, burners, moves: [...after].filter((line) => !before.has(line)).length };
};
