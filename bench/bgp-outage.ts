/**
 * How long flows of a node are lost when it dies without a word, with BFD and without.
 *
 * Three nodes announce an address to a router (BIRD), whose kernel spreads what a client sends over them by ports. One node falls
 * silent: nothing gets in or out any more, and no link goes down, so that nobody is told. Then another, and so on.
 */
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { millis, seconds } from "#base/time";
import type { PeerWord } from "#core/bgp/desired";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import { monotonicNow } from "#lab/probe/clock";
import { announceOrder, lineOf, stationOrders } from "./bgp-announcers.ts";
import { type Detection, routerConfiguration } from "./bgp-bird.ts";
import { type FlowsRecord, type Outages, outagesOf } from "./bgp-outages.ts";
import { spread } from "./statistics.ts";

/** The address that all nodes announce. */
export const SHARED_ADDRESS = "10.2.0.150";
const FLOWS = 15;
/** Milliseconds between two datagrams of a flow. */
const SPACING = 5;

export type DetectionCase = {
  readonly name: string;
  readonly detection: Detection;
  /** What the router needs at most until it knows, in milliseconds. */
  readonly limitMs: number;
};

/** Ways to learn that a node is dead, with what one has to expect of each. */
export const DETECTIONS: readonly DetectionCase[] = [
  {
    name: "BFD, 50 ms x 3",
    detection: { holdTime: 9, keepaliveTime: 3, bfd: 50 },
    limitMs: 150,
  },
  {
    name: "hold time 3 s, keepalive 1 s",
    detection: { holdTime: 3, keepaliveTime: 1, bfd: undefined },
    limitMs: 3_000,
  },
  {
    name: "hold time 9 s, keepalive 3 s",
    detection: { holdTime: 9, keepaliveTime: 3, bfd: undefined },
    limitMs: 9_000,
  },
];

/** One death. */
export type Death = Outages & { readonly detection: string; readonly node: string };

const FLOWS_PROGRAM = fileURLToPath(new URL("./programs/bgp-flows.ts", import.meta.url));
export const CONTROL = "/run/bird.ctl";
export const CONFIG = "/run/bird.conf";
export const NODES: readonly (readonly [name: string, address: string])[] = [
  ["n1", "10.2.0.21"],
  ["n2", "10.2.0.22"],
  ["n3", "10.2.0.23"],
];
const PATIENCE_MS = 60_000;

/** The client is watched for so long after the longest outage one has to expect. */
const AFTER_MS = 300;

const ipv4 = (text: string): PeerWord["routerId"] => {
  const address = parseAddress(text);
  assert(address !== undefined, "an address", { text });
  return address as PeerWord["routerId"];
};

/** What a node of that address says of the router. */
const wordOf = (address: string, { holdTime, keepaliveTime, bfd }: Detection): Partial<PeerWord> => ({
  ...{ holdTime: seconds(holdTime), keepaliveTime: seconds(keepaliveTime), connectRetryTime: seconds(1) },
  routerId: ipv4(address),
  bfd:
    bfd === undefined
      ? undefined
      : {
          ...{ receiveInterval: millis(bfd), transmitInterval: millis(bfd), detectMultiplier: 3 },
          ...{ echo: undefined, role: "active", minimumTtl: 254 },
        },
});

export const startNode = async (
  lab: Lab,
  [name, address]: readonly [string, string],
  { station, detection }: { readonly station: readonly string[]; readonly detection: Detection },
): Promise<LabProcess> => {
  const program = await lab.host(name).spawn(station);
  await program.said(/ready/);
  const orders = [
    ...stationOrders(wordOf(address, detection), ["10.2.0.1"]),
    announceOrder([SHARED_ADDRESS], 1),
    { order: "complete" } as const,
  ];
  await program.write(orders.map(lineOf).join(""));
  return program;
};

/** Resolves when the router spreads over all nodes, and watches all of them. */
export const settled = async (lab: Lab, { bfd }: Detection, nodes: readonly LabProcess[]): Promise<void> => {
  const told = async (): Promise<string> => {
    const { stdout } = await lab.host("rt").run(["birdc", "-s", CONTROL, "show", "protocols", "all"]);
    return [stdout, ...nodes.map((node) => node.stdout().slice(-1_500))].join("\n");
  };
  const router = lab.host("rt");
  const limit = performance.now() + PATIENCE_MS;
  for (;;) {
    const { stdout: route } = await router.run(["ip", "route", "show", SHARED_ADDRESS]);
    const { stdout: sessions } = await router.run(["birdc", "-s", CONTROL, "show", "bfd", "sessions"]);
    const watched = [...sessions.matchAll(/\bUp\b.*\b0\.150\s*$/gm)].length;
    const hops = [...route.matchAll(/nexthop via/g)].length;
    if (hops === NODES.length && (bfd === undefined || watched === NODES.length)) return;
    if (performance.now() > limit)
      throw new Error(
        `the router is not ready after ${PATIENCE_MS} ms:\n${route}\n${sessions}\n${await told()}`,
      );
    await pause(50);
  }
};

const kill = async (
  lab: Lab,
  { name, detection, limitMs }: DetectionCase,
  { node, share }: { readonly node: string; readonly share: number },
): Promise<Death> => {
  const flows = await lab
    .host("cl")
    .spawn([process.execPath, FLOWS_PROGRAM, SHARED_ADDRESS, "9000", `${FLOWS}`, `${SPACING}`]);
  await flows.said(/^ready$/m);
  // Deaths come at any point between two signs of life.
  await pause(300 + share * (detection.bfd ?? detection.keepaliveTime * 1_000));
  const fault = monotonicNow();
  await lab.fault({ type: "silence", host: node });
  await pause(limitMs + AFTER_MS);
  await flows.endInput();
  await flows.exited;
  const record: FlowsRecord = JSON.parse(flows.stdout().trimEnd().split("\n").at(-1) ?? "");
  return { ...outagesOf(record, { node, fault }), detection: name, node };
};

/** So many deaths with each way to learn of them. */
export const measureDeaths = async (
  lab: Lab,
  {
    station,
    runs,
    say,
  }: {
    readonly station: readonly string[];
    readonly runs: (each: DetectionCase) => number;
    readonly say: (line: string) => void;
  },
): Promise<readonly Death[]> => {
  const router = lab.host("rt");
  await router.expect(["sysctl", "-qw", "net.ipv4.fib_multipath_hash_policy=1"]);
  const all: Death[] = [];
  for (const each of DETECTIONS) {
    const { detection } = each;
    const count = runs(each);
    say(`bgp: a node is silent, ${each.name}, ${count} runs`);
    const addresses = NODES.map(([, address]) => address);
    await router.write(CONFIG, routerConfiguration(addresses, detection));
    const bird = await router.spawn(["bird", "-f", "-c", CONFIG, "-s", CONTROL]);
    await bird.said(/Started/);
    const start = (node: (typeof NODES)[number]): Promise<LabProcess> =>
      startNode(lab, node, { station, detection });
    const nodes = await Promise.all(NODES.map(start));
    for (const [run, share] of spread(count).entries()) {
      await settled(lab, detection, nodes);
      const index = run % NODES.length;
      const [node = NODES[0], before] = [NODES[index], nodes[index]];
      if (node === undefined) continue;
      all.push(await kill(lab, each, { node: node[0], share }));
      // A node comes back with new programs: one that only lost its peers rests the longer the more often it does.
      await before?.stop();
      nodes[index] = await start(node);
      await lab.fault({ type: "restore", host: node[0] });
    }
    await Promise.all(nodes.map((node) => node.stop()));
    await bird.stop();
  }
  return all;
};
