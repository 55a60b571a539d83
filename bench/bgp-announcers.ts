/** The two programs that announce in the bench of BGP, driven alike: a program beside them tells them routes over a pipe or socket. */
import { type ChildProcess, spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import type { PeerWord, RouteWord } from "#core/bgp/desired";
import { peerAt } from "#test/interop/bgp-bed";
import type { BgpOrder } from "#test/interop/bgp-station";
import { ASN, ROUTERS } from "./bgp-bird.ts";
import { isServing, openPathStream, pathsMessage } from "./bgp-grpc.ts";

export const ANNOUNCERS = ["steelyard", "gobgp"] as const;
export type AnnouncerName = (typeof ANNOUNCERS)[number];

/** What is to be said, made before the clock runs. */
export type Saying = () => void;

/** A program that has sessions with all routers, or will have them. */
export type Announcer = {
  readonly child: ChildProcess;
  /** Announces or withdraws /32s, by their addresses. */
  readonly say: (what: "announce" | "withdraw", addresses: readonly string[]) => Saying;
  /** Tells it that nothing will happen for a while, or that much will: where it would otherwise wait to find out. */
  readonly expect: (what: "rest" | "work") => void;
  readonly end: () => Promise<void>;
};

/** Prefixes in one message to either program. */
const AT_ONCE = 500;

const batches = (addresses: readonly string[]): readonly (readonly string[])[] =>
  Array.from({ length: Math.ceil(addresses.length / AT_ONCE) }, (_, index) =>
    addresses.slice(index * AT_ONCE, (index + 1) * AT_ONCE),
  );

const endOf = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });

const nameOf = (index: number): string => `r${index}`;

const PEER_NAMES = ROUTERS.map((_, index) => nameOf(index));

const prefixOf = (address: string): RouteWord["prefix"] => {
  const prefix = parseInterfaceAddress(`${address}/32`);
  if (prefix === undefined) throw new Error(`${address} is not an address`);
  return prefix;
};

const PLAIN = {
  ...{ localPref: 100, med: undefined, communities: [], largeCommunities: [], linkBandwidth: undefined },
};

const routeOf = (address: string, peers: readonly string[]): RouteWord => ({
  prefix: prefixOf(address),
  targets: [{ peers, attributes: PLAIN }],
});

/** Orders that make a station talk to these routers; `change` is what differs from a peer of the interoperation tests. */
export const stationOrders = (change: Partial<PeerWord>, routers: readonly string[]): readonly BgpOrder[] => [
  { order: "settings", settings: { listen: { port: 179 }, drainTime: millis(500) } },
  {
    order: "peers",
    peers: routers.map((each, index) => peerAt(each, { families: ["IPv4"], ...change, name: nameOf(index) })),
  },
];

/** An order to announce /32s to so many routers. */
export const announceOrder = (addresses: readonly string[], routers = ROUTERS.length): BgpOrder => ({
  order: "route",
  changes: {
    changed: addresses.map((each) => routeOf(each, PEER_NAMES.slice(0, routers))),
    removed: [],
  },
});

const withdrawOrder = (addresses: readonly string[]): BgpOrder => ({
  order: "route",
  changes: { changed: [], removed: addresses.map(prefixOf) },
});

export const lineOf = (order: BgpOrder): string => `${JSON.stringify(order)}\n`;

/** How long a program may take until it can be told something. */
const PATIENCE_MS = 30_000;

/** Starts `command`, which is our station; resolves when it can be told routes. */
const startStation = async (command: readonly string[]): Promise<Announcer> => {
  const [file = "", ...args] = command;
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  const { stdin, stdout } = child;
  const ready = new Promise<void>((resolve) => stdout.once("data", () => resolve()));
  const holdTime = { holdTime: seconds(90), keepaliveTime: seconds(30) };
  const orders = [...stationOrders(holdTime, ROUTERS), { order: "complete" } as const];
  stdin.write(orders.map(lineOf).join(""));
  await ready;
  stdout.resume();
  return {
    child,
    say: (what, addresses) => {
      const order = what === "announce" ? announceOrder : withdrawOrder;
      const lines = batches(addresses).map((each) => lineOf(order(each)));
      return () => lines.forEach((line) => void stdin.write(line));
    },
    expect: (what) => void child.kill(what === "rest" ? "SIGUSR2" : "SIGHUP"),
    end: () => {
      child.kill();
      return endOf(child);
    },
  };
};

const GOBGP_FILE = "/run/gobgpd.toml";
const GOBGP_SOCKET = "/run/gobgpd.sock";

const gobgpConfiguration = (routerId: string): string =>
  [
    "[global.config]",
    `  as = ${ASN.announcer}`,
    `  router-id = "${routerId}"`,
    ...ROUTERS.flatMap((address) => [
      "[[neighbors]]",
      "  [neighbors.config]",
      `    neighbor-address = "${address}"`,
      `    peer-as = ${ASN.routers}`,
      "  [neighbors.timers.config]",
      "    hold-time = 90",
      "    keepalive-interval = 30",
      "    connect-retry = 1",
      "  [[neighbors.afi-safis]]",
      "    [neighbors.afi-safis.config]",
      '      afi-safi-name = "ipv4-unicast"',
    ]),
    "",
  ].join("\n");

/** Starts gobgpd; resolves when it can be told routes. */
const startGoBgp = async (routerId: string): Promise<Announcer> => {
  writeFileSync(GOBGP_FILE, gobgpConfiguration(routerId));
  rmSync(GOBGP_SOCKET, { force: true });
  const args = ["-t", "toml", "-f", GOBGP_FILE, "--log-plain", "--api-hosts", `unix://${GOBGP_SOCKET}`];
  const child = spawn("gobgpd", args, { stdio: ["ignore", "ignore", "inherit"] });
  const limit = performance.now() + PATIENCE_MS;
  while (!(await isServing(GOBGP_SOCKET))) {
    if (performance.now() > limit) throw new Error("gobgpd does not answer");
    await pause(2);
  }
  const stream = openPathStream(GOBGP_SOCKET);
  return {
    child,
    say: (what, addresses) => {
      const messages = batches(addresses).map((each) => pathsMessage(each, what));
      return () => messages.forEach((message) => void stream.write(message));
    },
    // It collects garbage by itself.
    expect: () => {},
    end: () => {
      stream.close();
      child.kill();
      return endOf(child);
    },
  };
};

/** Starts the program of that name; `station` is the command of ours. */
export const startAnnouncer = (
  name: AnnouncerName,
  { station, routerId }: { readonly station: readonly string[]; readonly routerId: string },
): Promise<Announcer> => (name === "steelyard" ? startStation(station) : startGoBgp(routerId));
