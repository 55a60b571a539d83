/**
 * A pair of boxes, `e1` and `e2`, that run the same program from the same keepalived.conf, and what can be seen of them:
 * who holds the addresses, on which devices, and what is advertised.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { type Lab, type LabProcess, openLab, standardTopology } from "#lab/index";
import { type Advertisement, readCapture } from "./capture.ts";

/** The program that both boxes run. */
export type Program = "keepalived" | "steelyard";

/** One of the boxes. */
export type Box = "e1" | "e2";

const BOXES: readonly Box[] = ["e1", "e2"];

const MAIN = join(import.meta.dirname, "../../dist/main.js");

/** The command line of the built program. */
export const steelyard = (...args: readonly string[]): readonly string[] => [process.execPath, MAIN, ...args];

/** What an observer sees at one moment: the same for both programs, if the import is right. */
export type Picture = {
  readonly holder: Box;
  /** `DEVICE ADDRESS/LENGTH LABEL` of every watched address, sorted. */
  readonly addresses: readonly string[];
  /** `VERSION VRID PRIORITY INTERVAL DESTINATION` of the latest advertisement of each virtual router, sorted. */
  readonly advertised: readonly string[];
};

export type Pair = {
  readonly lab: Lab;
  /** Waits until this box alone holds everything, and gives the picture after another advertisement of each virtual router. */
  readonly settle: (holder: Box) => Promise<Picture>;
};

type Address = { readonly local: string; readonly prefixlen: number; readonly label?: string };

/** The watched addresses that a box holds. */
const heldBy = async (lab: Lab, box: Box, watched: ReadonlySet<string>): Promise<readonly string[]> => {
  const links: readonly { readonly ifname: string; readonly addr_info: readonly Address[] }[] = JSON.parse(
    await lab.host(box).expect(["ip", "-j", "addr", "show"]),
  );
  return links
    .flatMap(({ ifname, addr_info }) =>
      addr_info
        .filter(({ local }) => watched.has(local))
        .map(({ local, prefixlen, label = "-" }) => `${ifname} ${local}/${prefixlen} ${label}`),
    )
    .sort();
};

const describeAdvertisement = (seen: Advertisement): string => {
  const password = /auth "(\S+?)"/.exec(seen.text)?.[1];
  return [
    `version ${seen.version} vrid ${seen.vrid} priority ${seen.priority}`,
    `every ${seen.interval} ms to ${seen.destination}`,
    ...(password === undefined ? [] : [`with password ${password}`]),
  ].join(" ");
};

const lastAdvertised = async (lab: Lab, pcap: string): Promise<readonly string[]> => {
  const lastByRouter = new Map<number, string>();
  for (const seen of await readCapture(lab.host("cl"), pcap))
    lastByRouter.set(seen.vrid, describeAdvertisement(seen));
  return [...lastByRouter.values()].sort();
};

/** Longer than any of these virtual routers needs for its next advertisement, in milliseconds. */
const pauseOf = (text: string): number => (/version 2/.test(text) ? 1_500 : 600);

type Watched = { readonly pcap: string; readonly addresses: readonly string[]; readonly text: string };

const openPair = (lab: Lab, { pcap, addresses, text }: Watched): Pair => {
  const watched = new Set(addresses);
  return {
    lab,
    settle: async (holder) => {
      const limit = performance.now() + 20_000;
      const other = holder === "e1" ? "e2" : "e1";
      for (;;) {
        const [mine, others] = await Promise.all([heldBy(lab, holder, watched), heldBy(lab, other, watched)]);
        if (mine.length === watched.size && others.length === 0) break;
        if (performance.now() > limit)
          throw new Error(`${holder} holds ${mine.join(", ")}; ${other} holds ${others.join(", ")}`);
        await pause(50);
      }
      await pause(pauseOf(text));
      return {
        holder,
        addresses: await heldBy(lab, holder, watched),
        advertised: await lastAdvertised(lab, pcap),
      };
    },
  };
};

/** Starts one program on one box from the file, as an operator would. */
const start = async (lab: Lab, program: Program, box: Box): Promise<LabProcess> => {
  const host = lab.host(box);
  const config = "/run/keepalived.conf";
  if (program === "keepalived") {
    const pids = ["-p", "/run/ka.pid", "-r", "/run/ka-vrrp.pid"];
    return await host.spawn(["keepalived", "-n", "-l", "-P", "-i", box, "-f", config, ...pids]);
  }
  const output = "/run/edge.yaml";
  const imported = await host.run(
    steelyard("import", "keepalived", config, "--config-id", box, "--output", output),
  );
  if (imported.code !== 0) throw new Error(`import ended with ${imported.code}: ${imported.stderr}`);
  return await host.spawn(steelyard("edge", "--config", output));
};

/** Runs a test with both boxes running `program` from `text`; the lab is gone afterwards. */
export const inPair = async (
  context: TestContext,
  {
    program,
    text,
    addresses,
    prepare,
  }: {
    readonly program: Program;
    readonly text: string;
    /** The addresses to watch, without prefix length. */
    readonly addresses: readonly string[];
    /** Makes a box ready before its program starts. */
    readonly prepare: (lab: Lab, box: Box) => Promise<void>;
  },
  test: (pair: Pair) => Promise<void>,
): Promise<void> => {
  if (!existsSync(MAIN)) throw new Error('run "npm run build" first');
  const folder = mkdtempSync(join(tmpdir(), "steelyard-pair-"));
  const pcap = join(folder, "cl.pcap");
  const lab = await openLab(standardTopology({ nodes: 0, client: "lan" }));
  const programs: LabProcess[] = [];
  try {
    const command = ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", pcap];
    const capture = await lab.host("cl").spawn([...command, "ip proto 112 or ip6 proto 112"]);
    await capture.said(/listening on/);
    for (const box of BOXES) {
      await prepare(lab, box);
      await lab.host(box).write("/run/keepalived.conf", text);
      programs.push(await start(lab, program, box));
    }
    await test(openPair(lab, { pcap, addresses, text }));
  } catch (error) {
    for (const each of programs) context.diagnostic(`${each.stdout()}${each.stderr()}`);
    throw error;
  } finally {
    await lab.close();
    rmSync(folder, { recursive: true });
  }
};
