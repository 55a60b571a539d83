/**
 * Two clusters on one network, each with a control plane, a controller and speakers of its own, and with the same pools.
 *
 * ```
 *  cl, gw ── sw ── n1, n2     the first cluster
 *            jn               a cable between the switches, plugged in or not
 *  cx ────── sx ── n5, n6     the second one, in the same 10.2.0.0/24
 * ```
 */
import { macFromBytes } from "#base/mac";
import { type Lab, type LabHostHandle, openLab } from "#lab/index";
import type { Topology } from "#lab/topology";
import type { KubeObject } from "../api.ts";
import { NAMESPACE } from "../controller.ts";
import type { ServerProgram } from "../server-program.ts";
import { type LabCluster, raiseCluster } from "./bed.ts";
import { type Capture, startCapture } from "./capture.ts";
import { startLabController } from "./controller.ts";
import { host, type Plan, planCluster, port } from "./plan.ts";
import { type Speakers, startSpeakers } from "./speaker.ts";
import { advertisement } from "./speaker-bed.ts";
import { installSpeaker } from "./speaker-rights.ts";

/** One of the two. */
export type Half = {
  readonly cluster: LabCluster;
  readonly speakers: Speakers;
  readonly controller: ServerProgram;
  /** On its own switch. */
  readonly client: LabHostHandle;
  /** Of its nodes on the network. */
  readonly macs: ReadonlySet<string>;
  /** Its Events of a Service, as `reason: message`. */
  events(service: string): Promise<readonly string[]>;
  /** The sum of a metric over its speakers. */
  metric(name: string): Promise<number>;
};

export type TwoClusters = {
  readonly first: Half;
  readonly second: Half;
  /** What passes between the two switches, or would. */
  readonly capture: Capture;
  plug(state: "in" | "out"): Promise<void>;
  /** Makes both clients ask for these addresses all the time; gives what ends it. */
  ask(addresses: readonly string[]): Promise<() => Promise<void>>;
  lastWords(): string;
  close(): Promise<void>;
};

const JOINT = "jn";

const cable = (name: string, place: "sw" | "sx") => ({
  ...{ name, switch: place, addresses: [] },
  mac: macFromBytes(Uint8Array.of(2, 0, 0, 0, 2, place === "sw" ? 0xfa : 0xfb)),
});

const together = (first: Plan, second: Plan): Topology => {
  const there = new Set(first.topology.hosts.map(({ name }) => name));
  return {
    switches: [...first.topology.switches, "sx"],
    hosts: [
      ...first.topology.hosts,
      ...second.topology.hosts.filter(({ name }) => !there.has(name)),
      host("cx", "client", { interfaces: [port("sx", 3, "eth0")] }),
      host(JOINT, "router", { interfaces: [cable("eth0", "sw"), cable("eth1", "sx")] }),
    ],
  };
};

/** The kernel forgets whom it knows, and asks anew, five times a second. */
const ASKING = `
while :; do
  ip neighbour flush dev eth0
  for address in "$@"; do (echo >"/dev/udp/$address/9") 2>&-; done
  sleep 0.2
done`;

const raise = async (lab: Lab, plan: Plan, client: string, pools: readonly string[]): Promise<Half> => {
  const cluster = await raiseCluster(lab, plan, { families: "ipv4", mode: "nftables", minSyncMs: 100 });
  const { plane, nodes } = cluster;
  const access = await installSpeaker(cluster);
  for (const pool of pools) await plane.apply(pool);
  await plane.apply(advertisement("all"));
  await cluster.pods.start("web", nodes.at(-1)?.name ?? "");
  const account = { namespace: NAMESPACE, name: "steelyard-controller" };
  const rights = await plane.access({ type: "service-account", ...account }, []);
  rights.api.close();
  const controller = await startLabController(cluster, { kubeconfig: rights.kubeconfig });
  // The shortest that there is.
  const speakers = await startSpeakers(cluster, { access, args: ["--refresh=10s"] });
  access.api.close();
  return {
    ...{ cluster, speakers, controller, client: lab.host(client) },
    macs: new Set(nodes.map(({ mac }) => mac)),
    events: async (service) => {
      type Event = KubeObject & { readonly involvedObject: { readonly name: string } };
      const path = "/api/v1/namespaces/default/events";
      const { items } = await plane.admin.get<{ readonly items: readonly Event[] }>(path);
      return items
        .filter(({ involvedObject }) => involvedObject.name === service)
        .map(({ reason, message }) => `${reason}: ${message}`);
    },
    metric: async (name) => {
      let sum = 0;
      for (const { host: node } of nodes) {
        const text = await node.expect(["curl", "-s", "http://127.0.0.1:9122/metrics"]);
        sum += Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
      }
      return sum;
    },
  };
};

/** Builds both; there after about half a minute. `pools` are manifests, which both are given. */
export const openTwoClusters = async (pools: readonly string[]): Promise<TwoClusters> => {
  const plans = {
    first: planCluster({ nodes: 2, pods: 1 }),
    second: planCluster({ nodes: 2, pods: 1, first: 5, control: { name: "cp2", number: 11 }, lan: "sx" }),
  };
  const lab = await openLab(together(plans.first, plans.second));
  const halves: Half[] = [];
  const close = async (): Promise<void> => {
    for (const { cluster } of halves) cluster.plane.admin.close();
    await lab.close();
    for (const { cluster } of halves) await cluster.close();
  };
  try {
    const joint = lab.host(JOINT);
    for (const line of [
      "add jn0 type bridge stp_state 0 mcast_snooping 0",
      "set eth0 master jn0 up",
      "set eth1 master jn0 up",
    ])
      await joint.expect(["ip", "link", ...line.split(" ")]);
    const plug: TwoClusters["plug"] = async (state) =>
      void (await joint.expect(["ip", "link", "set", "jn0", state === "in" ? "up" : "down"]));
    await plug("in");
    const first = await raise(lab, plans.first, "cl", pools);
    halves.push(first);
    const second = await raise(lab, plans.second, "cx", pools);
    halves.push(second);
    const capture = await startCapture(first.client, { folder: first.cluster.plane.folder });
    return {
      ...{ first, second, capture, plug, close },
      ask: async (addresses) => {
        const asking = await Promise.all(
          halves.map(({ client }) => client.spawn(["bash", "-c", ASKING, "bash", ...addresses])),
        );
        return async () => void (await Promise.all(asking.map((each) => each.stop())));
      },
      lastWords: () =>
        halves.map(({ cluster, speakers }) => `${cluster.lastWords()}\n${speakers.lastWords(30)}`).join("\n"),
    };
  } catch (error) {
    await close();
    throw error;
  }
};
