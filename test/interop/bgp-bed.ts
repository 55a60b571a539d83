/**
 * A lab in which our BGP sessions (`bgp-station.ts`, on `e1`) talk to another program's: `e2` is its neighbour, and `cl` is behind
 * the router `rt`.
 */
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { parseInterfaceAddress } from "#base/prefix";
import { millis, seconds } from "#base/time";
import type { BfdWord, BgpSettings, PeerWord, RouteWord } from "#core/bgp/desired";
import type { RouteAttributes } from "#core/bgp/route";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import type { Leave } from "#runtime/bgp/leaving";
import type { BgpObservation, BgpSpeakerParts } from "#runtime/bgp/parts";
import type { PeerSnapshot } from "#runtime/bgp/snapshot";
import { AT, until } from "./bfd-bed.ts";
import type { BgpOrder } from "./bgp-station.ts";

/** Ours, and the routers'. */
export const ASN = { ours: 65_001, theirs: 4_200_000_002 } as const;

export type BgpStation = {
  readonly program: LabProcess;
  readonly order: (order: BgpOrder) => Promise<unknown>;
  /** The only peer, or that of this name. */
  readonly peer: (name?: string) => Promise<PeerSnapshot>;
  /** Resolves when the peer's session has this state. */
  readonly is: (state: PeerSnapshot["state"], withinMs?: number) => Promise<PeerSnapshot>;
  readonly observed: () => readonly BgpObservation[];
};

export type BgpBed = {
  readonly lab: Lab;
  /** How long anything of the program may take, in milliseconds. */
  readonly patience: number;
  readonly remember: (name: string, program: LabProcess) => void;
  /** Starts the program with these peers and routes, on `e1` unless another host is named. */
  readonly station: (
    peers: readonly PeerWord[],
    routes?: readonly RouteWord[],
    start?: BgpSpeakerParts["start"],
    host?: "e1" | "e2",
  ) => Promise<BgpStation>;
};

const SETTINGS: BgpSettings = { listen: { port: 179 }, drainTime: millis(500) };

export const BFD: BfdWord = {
  ...{ receiveInterval: millis(100), transmitInterval: millis(100), detectMultiplier: 3 },
  ...{ echo: undefined, role: "active", minimumTtl: 200 },
};

const address = (text: string) => {
  const parsed = parseAddress(text);
  assert(parsed !== undefined, "not an address", { text });
  return parsed;
};

/** The external peer at an address, with short times. */
export const peerAt = (where: string, change: Partial<PeerWord> = {}): PeerWord => ({
  name: "peer",
  neighbor: { type: "address", address: address(where) },
  ...{ port: 179, localAsn: ASN.ours, hiddenAsn: undefined, peerAsn: { type: "given", asn: ASN.theirs } },
  routerId: address(AT.e1.IPv4) as PeerWord["routerId"],
  ...{ sourceAddress: undefined, vrf: undefined, password: undefined },
  ...{ holdTime: seconds(9), keepaliveTime: seconds(3), connectRetryTime: seconds(1) },
  ...{ role: "active", multihop: false, ttlSecurity: false },
  ...{ families: ["IPv4", "IPv6"], multiprotocol: true, gracefulRestart: undefined },
  ...{ bfd: undefined, mostRoutes: 100_000 },
  ...change,
});

/** A route to `peer`. */
export const routeTo = (text: string, attributes: Partial<RouteAttributes> = {}): RouteWord => {
  const prefix = parseInterfaceAddress(text);
  assert(prefix !== undefined, "not a prefix", { text });
  const plain = { localPref: 100, med: undefined, communities: [], largeCommunities: [] };
  return {
    prefix,
    targets: [{ peers: ["peer"], attributes: { ...plain, linkBandwidth: undefined, ...attributes } }],
  };
};

/** So many routes 100.x.y.z/32. */
export const manyRoutesTo = (count: number): readonly RouteWord[] =>
  Array.from({ length: count }, (_, index) => routeTo(`100.64.${index >> 8}.${index & 0xff}/32`));

const openStation = async (
  { lab, remember, patience }: Pick<BgpBed, "lab" | "remember" | "patience">,
  { start, host }: { readonly start: BgpSpeakerParts["start"]; readonly host: "e1" | "e2" },
): Promise<BgpStation> => {
  const file = join(import.meta.dirname, "bgp-station.ts");
  const program = await lab.host(host).spawn([process.execPath, file, start]);
  remember(`station on ${host}`, program);
  const lines = (): readonly { readonly answer?: unknown; readonly observation?: BgpObservation }[] =>
    program
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  let answered = 0;
  const nextAnswer = async (): Promise<unknown> => {
    const limit = performance.now() + patience;
    for (;;) {
      const answers = lines().filter(({ answer }) => answer !== undefined);
      if (answers.length > answered) return answers[answered++]?.answer;
      if (performance.now() > limit) throw new Error("the station does not answer");
      await pause(10);
    }
  };
  await nextAnswer();
  const order: BgpStation["order"] = async (given) => {
    await program.write(`${JSON.stringify(given)}\n`);
    return nextAnswer();
  };
  const peer: BgpStation["peer"] = async (name = "peer") => {
    const { peers } = (await order({ order: "snapshot" })) as { readonly peers: readonly PeerSnapshot[] };
    const found = peers.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no peer ${name}`);
    return found;
  };
  return {
    ...{ program, order, peer },
    is: (state, withinMs = patience) =>
      until(
        () => peer(),
        (found) => found.state === state,
        withinMs,
      ),
    observed: () => lines().flatMap(({ observation }) => observation ?? []),
  };
};

/** Tells a station to leave, and waits for its end. */
export const leave = async (station: BgpStation, how: Leave): Promise<void> => {
  await station.order({ order: "leave", leave: how });
  await station.program.stop();
};

/** Runs one test in a lab of its own, which is gone afterwards however the test ends. */
export const inBgpBed = async (
  context: TestContext,
  test: (bed: BgpBed) => Promise<void>,
  patience = 20_000,
): Promise<void> => {
  const programs = new Map<string, LabProcess>();
  const lab = await openLab(standardTopology({ nodes: 0 }));
  const remember = (name: string, program: LabProcess): void =>
    void programs.set(`${name} ${programs.size}`, program);
  try {
    await test({
      ...{ lab, remember, patience },
      station: async (peers, routes = [], start = "fresh", host = "e1") => {
        const station = await openStation({ lab, remember, patience }, { start, host });
        await station.order({ order: "settings", settings: SETTINGS });
        await station.order({ order: "peers", peers });
        await station.order({ order: "route", changes: { changed: routes, removed: [] } });
        await station.order({ order: "complete" });
        return station;
      },
    });
  } catch (error) {
    for (const [name, program] of programs)
      context.diagnostic(`${name}:\n${program.stdout().slice(-6_000)}${program.stderr().slice(-6_000)}`);
    throw error;
  } finally {
    await lab.close();
  }
};
