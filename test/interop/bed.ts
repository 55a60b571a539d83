/**
 * Two edges in one lab: `e1` runs steelyard, `e2` runs keepalived, and what `e2` sees is captured.
 *
 * The capture stays on disk when a test fails, and the failure says where.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import { type Advertisement, readCapture } from "./capture.ts";

/** Which of the two programs: `us` on e1, `them` on e2. */
export type Side = "us" | "them";

const HOST_OF = { us: "e1", them: "e2" } as const;

/** The lab with its capture, as one test uses it. */
export type Bed = {
  readonly lab: Lab;
  /** A folder outside of the lab that both sides may use. */
  readonly folder: string;
  /** The sides that hold an address (without prefix length) now. */
  readonly holders: (address: string) => Promise<readonly Side[]>;
  /** Resolves once exactly this side holds every address; fails with both logs when it takes longer. */
  readonly settle: (side: Side, addresses: readonly string[], withinMs: number) => Promise<void>;
  /** Resolves once this side holds every address, whatever the other does. */
  readonly settleHeld: (side: Side, addresses: readonly string[], withinMs: number) => Promise<void>;
  /** Fails if at any look during this time another side holds one of the addresses as well, or this one does not. */
  readonly stays: (side: Side, addresses: readonly string[], forMs: number) => Promise<void>;
  /** Every advertisement seen so far, oldest first. */
  readonly advertisements: () => Promise<readonly Advertisement[]>;
  /** Remembers a program so that its output is shown on failure. */
  readonly remember: (name: string, program: LabProcess) => void;
};

const bare = (address: string): string => address.replace(/\/.*$/, "");

const holds = async (lab: Lab, side: Side, address: string): Promise<boolean> => {
  const text = await lab.host(HOST_OF[side]).expect(["ip", "-o", "addr"]);
  return text.includes(` ${bare(address)}/`);
};

const SIDES: readonly Side[] = ["us", "them"];

const openBed = (lab: Lab, folder: string, programs: Map<string, LabProcess>): Bed => {
  const pcap = join(folder, "e2.pcap");
  const holders = async (address: string): Promise<readonly Side[]> => {
    const held = await Promise.all(SIDES.map((side) => holds(lab, side, address)));
    return SIDES.filter((_, index) => held[index]);
  };
  const picture = (addresses: readonly string[]): Promise<readonly (readonly Side[])[]> =>
    Promise.all(addresses.map(holders));
  const until = async (
    good: (held: readonly (readonly Side[])[]) => boolean,
    { addresses, withinMs, wanted }: { addresses: readonly string[]; withinMs: number; wanted: string },
  ): Promise<void> => {
    const limit = performance.now() + withinMs;
    for (;;) {
      const held = await picture(addresses);
      if (good(held)) return;
      if (performance.now() > limit) {
        const seen = addresses.map(
          (address, index) => `${address}: ${held[index]?.join(" and ") || "nobody"}`,
        );
        throw new Error(`after ${withinMs} ms not ${wanted}, but ${seen.join(", ")}`);
      }
      await pause(20);
    }
  };
  const only = (side: Side) => (held: readonly (readonly Side[])[]) =>
    held.every((sides) => sides.length === 1 && sides[0] === side);
  return {
    lab,
    folder,
    holders,
    settle: (side, addresses, withinMs) =>
      until(only(side), { addresses, withinMs, wanted: `with ${side} alone` }),
    settleHeld: (side, addresses, withinMs) =>
      until((held) => held.every((sides) => sides.includes(side)), {
        addresses,
        withinMs,
        wanted: `with ${side}`,
      }),
    stays: async (side, addresses, forMs) => {
      const limit = performance.now() + forMs;
      while (performance.now() < limit) {
        await until(only(side), { addresses, withinMs: 0, wanted: `with ${side} all the time` });
        await pause(50);
      }
    },
    // The capture is written packet by packet, so a pause as long as one write is all it takes.
    advertisements: async () => {
      await pause(50);
      return await readCapture(lab.host("e2"), pcap);
    },
    remember: (name, program) => {
      programs.set(name, program);
    },
  };
};

const startCapture = async (lab: Lab, file: string): Promise<void> => {
  const filter = "ip proto 112 or ip6 proto 112 or arp or (icmp6 and ip6[40] == 136)";
  const command = ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", file, filter];
  const capture = await lab.host("e2").spawn(command);
  await capture.said(/listening on/);
};

/** What a program said, without keepalived's line for every gratuitous ARP. */
const transcript = (program: LabProcess): string =>
  `${program.stdout()}${program.stderr()}`
    .split("\n")
    .filter((line) => !/Sending gratuitous|Sending unsolicited|Sending\/queueing/.test(line))
    .join("\n");

/** Runs one test in a lab of its own, which is gone afterwards however the test ends. */
export const inBed = async (context: TestContext, test: (bed: Bed) => Promise<void>): Promise<void> => {
  if (!existsSync(join(import.meta.dirname, "../../dist/main.js")))
    throw new Error('run "npm run build" first');
  const folder = mkdtempSync(join(tmpdir(), "steelyard-interop-"));
  const programs = new Map<string, LabProcess>();
  const lab = await openLab(standardTopology({ nodes: 0, client: "lan" }));
  try {
    await startCapture(lab, join(folder, "e2.pcap"));
    await test(openBed(lab, folder, programs));
    await lab.close();
    rmSync(folder, { recursive: true });
  } catch (error) {
    for (const [name, program] of programs) context.diagnostic(`${name}:\n${transcript(program)}`);
    context.diagnostic(`capture and configuration: ${folder}`);
    await lab.close();
    throw error;
  }
};
