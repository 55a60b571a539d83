/**
 * A lab in which our BFD sessions (`bfd-station.ts`) talk to another program's: `e1` is ours, `e2` its neighbour, and
 * `cl` is behind the router `rt`. What the peers see is captured, and stays on disk when a test fails.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { PeerEvent } from "#core/bfd/observe";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import type { StationSession } from "./bfd-station.ts";

/** Hosts and where they are. */
export const AT = {
  e1: { IPv4: "10.2.0.11", IPv6: "fd02::11", "link-local": "fe80::ff:fe00:20b" },
  e2: { IPv4: "10.2.0.12", IPv6: "fd02::12", "link-local": "fe80::ff:fe00:20c" },
  cl: { IPv4: "10.1.0.2", IPv6: "fd01::2" },
} as const;

/** One line of the station. */
type Line = {
  readonly type: string;
  readonly at?: number;
  readonly session?: string;
  readonly event?: PeerEvent;
} & {
  readonly [key: string]: unknown;
};

/** What the station says of a session. */
export type StationState = {
  readonly name: string;
  readonly poll: string;
  /** In milliseconds. */
  readonly transmit: number;
  readonly detection: number;
};

export type Station = {
  readonly program: LabProcess;
  /** Resolves with the next line that fits, of those that no earlier call has passed. */
  readonly next: (fits: (line: Line) => boolean, what: string, withinMs?: number) => Promise<Line>;
  /** Resolves when the peer's next event is of this type, and gives it. */
  readonly event: (type: PeerEvent["type"], withinMs?: number) => Promise<PeerEvent>;
  /** Every event so far, `down because …` and the like. */
  readonly story: () => readonly string[];
  readonly order: (line: string) => Promise<void>;
  readonly state: (session?: string) => Promise<StationState>;
};

export type BfdBed = {
  readonly lab: Lab;
  readonly station: (...sessions: readonly StationSession[]) => Promise<Station>;
  readonly remember: (name: string, program: LabProcess) => void;
  /** All packets that `e2` saw so far, each as tcpdump prints it. */
  readonly packets: (filter?: string) => Promise<readonly string[]>;
};

/** Asks until the answer is as wanted; fails with the last one after that many milliseconds. */
export const until = async <Answer>(
  ask: () => Promise<Answer>,
  isGood: (answer: Answer) => boolean,
  withinMs = 10_000,
): Promise<Answer> => {
  const limit = performance.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (isGood(answer)) return answer;
    if (performance.now() > limit)
      throw new Error(`after ${withinMs} ms still ${JSON.stringify(answer)}: ${isGood}`);
    await pause(50);
  }
};

const describeEvent = (event: PeerEvent): string =>
  event.type === "down" ? `down because ${event.reason}` : event.type;

const openStation = async (
  bed: Pick<BfdBed, "lab" | "remember">,
  sessions: readonly StationSession[],
): Promise<Station> => {
  const file = join(import.meta.dirname, "bfd-station.ts");
  const program = await bed.lab.host("e1").spawn([process.execPath, file, JSON.stringify(sessions)]);
  bed.remember("station", program);
  const lines = (): readonly Line[] =>
    program
      .stdout()
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  let passed = 0;
  const next: Station["next"] = async (fits, what, withinMs = 10_000) => {
    const limit = performance.now() + withinMs;
    for (;;) {
      const rest = lines().slice(passed);
      const found = rest.findIndex(fits);
      passed += found < 0 ? rest.length : found + 1;
      const line = rest[found];
      if (line !== undefined) return line;
      if (performance.now() > limit) throw new Error(`the station did not say ${what} in ${withinMs} ms`);
      await pause(10);
    }
  };
  const order = (line: string): Promise<void> => program.write(`${line}\n`);
  await next(({ type }) => type === "ready", "that it is ready");
  return {
    ...{ program, next, order },
    event: async (type, withinMs) => {
      const { event } = await next(
        (line) => line.event !== undefined,
        `what becomes of the peer (${type})`,
        withinMs,
      );
      if (event?.type !== type) throw new Error(`${JSON.stringify(event)} instead of ${type}`);
      return event;
    },
    story: () => lines().flatMap(({ event }) => (event === undefined ? [] : [describeEvent(event)])),
    state: async (session = "peer") => {
      await order(`state ${session}`);
      const { name, poll, transmit, detection } = await next(({ type }) => type === "state", "how it is");
      return {
        name: String(name),
        poll: String(poll),
        transmit: Number(transmit),
        detection: Number(detection),
      };
    },
  };
};

/** The index of `eth0` on `e1`. */
const linkOf = async (lab: Lab): Promise<{ readonly index: number; readonly name: string }> => {
  const text = await lab.host("e1").expect(["cat", "/sys/class/net/eth0/ifindex"]);
  return { index: Number(text), name: "eth0" };
};

/** A session from `e1` to `e2` over one hop: 200 ms both ways, multiplier 3, and what the test wants otherwise. */
export const oneHop = async (
  { lab }: BfdBed,
  wanted: Partial<StationSession> & { readonly kind?: "IPv4" | "IPv6" | "link-local" } = {},
): Promise<StationSession> => {
  const { kind = "IPv4", ...rest } = wanted;
  const [peer, local] = [AT.e2[kind], AT.e1[kind]];
  return {
    name: "peer",
    peer,
    local,
    path: await linkOf(lab),
    transmit: 200,
    receive: 200,
    multiplier: 3,
    ...rest,
  };
};

/** A session from `e1` to `cl`, which is two hops away. */
export const severalHops = (family: "IPv4" | "IPv6", minimumHopLimit: number): StationSession => ({
  ...{ name: "peer", peer: AT.cl[family], local: AT.e1[family], path: { minimumHopLimit } },
  ...{ transmit: 200, receive: 200, multiplier: 3 },
});

/** Runs one test in a lab of its own, which is gone afterwards however the test ends. */
export const inBfdBed = async (context: TestContext, test: (bed: BfdBed) => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-bfd-"));
  const pcap = join(folder, "e2.pcap");
  const programs = new Map<string, LabProcess>();
  const lab = await openLab(standardTopology({ nodes: 0 }));
  const remember = (name: string, program: LabProcess): void =>
    void programs.set(`${name} ${programs.size}`, program);
  try {
    const listen = ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", pcap];
    const capture = await lab.host("e2").spawn([...listen, "udp portrange 3784-3785 or udp port 4784"]);
    await capture.said(/listening on/);
    await test({
      ...{ lab, remember },
      station: (...sessions) => openStation({ lab, remember }, sessions),
      packets: async (filter = "udp") => {
        await pause(50);
        const read = ["tcpdump", "-r", pcap, "-nn", "-tt", "-v", filter];
        const { stdout } = await lab.host("e2").run(read);
        return stdout.split(/\n(?=\d)/).filter((text) => text.includes("BFD") || text.includes("3785"));
      },
    });
    await lab.close();
    rmSync(folder, { recursive: true });
  } catch (error) {
    for (const [name, program] of programs) {
      context.diagnostic(`${name}:\n${program.stdout().slice(-6_000)}${program.stderr().slice(-6_000)}`);
    }
    context.diagnostic(`capture: ${folder}`);
    await lab.close();
    throw error;
  }
};
