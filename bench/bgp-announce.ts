/**
 * How fast and at what cost many routes reach many routers, and are withdrawn, next to GoBGP.
 *
 * Ten routers are ten sessions and ten tables of one BIRD, which is started anew for each round. The rounds of both programs
 * alternate. A program beside the announcer (`programs/bgp-announce.ts`) tells it the routes, in messages of 500 prefixes made before
 * the clock runs, and asks BIRD again and again how many routes each table has.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { Lab } from "#lab/lab";
import { ANNOUNCERS, type AnnouncerName } from "./bgp-announcers.ts";
import { RECEIVER_CONTROL, ROUTERS, receiverConfiguration } from "./bgp-bird.ts";
import { HANDSHAKE_FILTER, readHandshakes } from "./bgp-handshakes.ts";
import type { BuildCopy } from "./build-copy.ts";

/** What one round is to measure. */
export type RoundOrder = {
  readonly program: AnnouncerName;
  /** The command of ours. */
  readonly station: readonly string[];
  readonly routersPid: number;
  readonly prefixes: number;
  /** Of one prefix, one after the other. */
  readonly withdrawals: number;
};

/** What one round of one program gave. Times in milliseconds, processor time in seconds, memory in megabytes (2^20). */
export type Round = {
  readonly program: AnnouncerName;
  /** From its start until it can be told routes. */
  readonly readyMs: number;
  /** From its start until all routers say that their session is up. */
  readonly establishedMs: number;
  /** Of each router: from the first packet of the connection until both sides know that the session is up. */
  readonly handshakeMs: readonly number[];
  readonly setupCpuS: number;
  /** From the first byte of the routes until every table is complete. */
  readonly announceMs: number;
  readonly announceCpuS: number;
  /** What the routers needed meanwhile. */
  readonly routersCpuS: number;
  readonly idlePssMb: number;
  /** With all routes announced, one and a half seconds later. */
  readonly pssMb: number;
  /** With all routes announced, once it has had time to give back what it does not need. */
  readonly restPssMb: number;
  /** What of that is the program's own and no part of its file. */
  readonly restAnonymousMb: number;
  readonly peakRssMb: number;
  /** Of one prefix each: from the instruction until it is gone from the last table. */
  readonly withdrawnMs: readonly number[];
  readonly allWithdrawnMs: number;
  readonly withdrawCpuS: number;
};

const ROOT = join(import.meta.dirname, "..");
const PROGRAM = fileURLToPath(new URL("./programs/bgp-announce.ts", import.meta.url));
const CONFIG = "/run/bird.conf";
const PATIENCE_MS = 300_000;

/** Bundles our station beside the built program, and gives the command that runs it as the launcher runs ours. */
export const buildStation = async (copy: BuildCopy): Promise<readonly string[]> => {
  const outfile = join(copy.folder, "dist/bgp-station.mjs");
  await build({
    ...{ absWorkingDir: ROOT, entryPoints: ["bench/programs/bgp-station.ts"], outfile, bundle: true },
    ...{ platform: "node", format: "esm", target: "node22.12", logLevel: "warning" },
  });
  return [...copy.direct().slice(0, -1), outfile, "fresh"];
};

const measureRound = async (
  lab: Lab,
  order: Omit<RoundOrder, "routersPid">,
  environment: BuildCopy["environment"],
): Promise<Round> => {
  const routers = lab.host("e2");
  const bird = await routers.spawn(["bird", "-f", "-c", CONFIG, "-s", RECEIVER_CONTROL]);
  const capture = await routers.spawn(["tcpdump", "-i", "eth0", "-nn", "-tt", "-l", HANDSHAKE_FILTER]);
  try {
    await bird.said(/Started/);
    await capture.said(/listening on/);
    const whole: RoundOrder = { ...order, routersPid: bird.pid };
    const argv = [process.execPath, PROGRAM, JSON.stringify(whole)];
    const said = await lab.host("e1").expect(argv, { timeoutMs: PATIENCE_MS, env: environment });
    const round: Omit<Round, "handshakeMs"> = JSON.parse(said.trimEnd().split("\n").at(-1) ?? "");
    return { ...round, handshakeMs: readHandshakes(capture.stdout()) };
  } finally {
    await capture.stop();
    await bird.stop();
  }
};

/** All rounds: of both programs in turn. */
export const measureAnnouncing = async (
  lab: Lab,
  {
    copy,
    station,
    rounds,
    say,
    ...size
  }: Pick<RoundOrder, "station" | "prefixes" | "withdrawals"> & {
    readonly copy: BuildCopy;
    readonly rounds: number;
    readonly say: (line: string) => void;
  },
): Promise<readonly Round[]> => {
  const routers = lab.host("e2");
  for (const address of ROUTERS)
    await routers.expect(["ip", "address", "add", `${address}/24`, "dev", "eth0"]);
  await routers.write(CONFIG, receiverConfiguration("10.2.0.11"));
  const all: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    say(`bgp: ${size.prefixes} prefixes to ${ROUTERS.length} routers, round ${round + 1} of ${rounds}`);
    // Who is first differs, so that neither always finds the machine as the other left it.
    const order = round % 2 === 0 ? ANNOUNCERS : [...ANNOUNCERS].reverse();
    for (const program of order)
      all.push(await measureRound(lab, { ...size, station, program }, copy.environment));
  }
  return all;
};
