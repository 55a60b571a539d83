/**
 * `npm run bench`: how fast, how small and how steady the built program is, next to keepalived where there is one to
 * compare with.
 *
 *     npm run bench                                        everything: three hours
 *     npm run bench -- takeover --runs 40                  one bench
 *     npm run bench -- jitter --duration 60                a minute of the case that must hold for ten
 *     npm run bench -- --quick                             a first impression in a few minutes
 *     npm run bench -- --write docs/benchmarks.md          puts the figures into the page
 *     npm run bench -- --json FILE                         every single measurement
 *     npm run bench -- xdp --katran FOLDER                 beside the program in a checkout of Katran
 *
 * Everything happens in the lab's namespaces; it needs root, and programs of Debian to compare with. Figures of one run are to be
 * compared with each other, not with those of another machine or a busier hour; that is why ratios are given.
 *
 * Start with `benches.ts`; each bench has a file that measures and, where there is much to say, one that reports.
 * `pair.ts` is what runs, `hearing.ts` and the lab's probes are how one sees it, `statistics.ts` what one makes of it.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { missingPackages } from "#lab/requirements";
import { BENCHES } from "./benches.ts";
import { machineText } from "./machine.ts";
import { type Order, readOrder } from "./order.ts";
import { type Result, renderResult, replaceSection } from "./report.ts";
import { katranSource } from "./xdp/katran.ts";

const USAGE = `usage: npm run bench -- [${[...BENCHES.keys()].join("|")}]... [--runs N] [--duration SECONDS] [--quick] [--write PAGE] [--json FILE] [--katran FOLDER]`;

/** What benches need besides what the lab itself asks for. */
const TOOLS = {
  keepalived: "keepalived",
  haproxy: "haproxy",
  nginx: "libnginx-mod-stream",
  wrk: "wrk",
  curl: "curl",
  conntrack: "conntrack",
  iperf3: "iperf3",
  tcpdump: "tcpdump",
  bird: "bird2",
  gobgpd: "gobgpd",
};

/** What Katran's program is compiled with, as its own build does. */
const KATRAN_TOOLS = { clang: "clang", llc: "llvm" };

const requirements = ({ katran }: Order): string | undefined => {
  if (process.getuid?.() !== 0) return "benches need root: they run real daemons in network namespaces";
  if (katran !== undefined && katranSource(katran) === undefined)
    return `${katran} is no checkout of Katran: it has no katran/lib/bpf with its program`;
  const packages = missingPackages({ ...TOOLS, ...(katran === undefined ? {} : KATRAN_TOOLS) });
  return packages.length > 0
    ? `missing programs; on Debian: apt-get install -y ${packages.join(" ")}`
    : undefined;
};

/** Puts one section into the page at once, so that what was measured is kept if a later bench fails. */
const writeSection = (page: string, section: string, text: string): void => {
  const changed = replaceSection(readFileSync(page, "utf8"), section, text);
  if (changed === undefined) throw new Error(`${page} has no markers for ${section}`);
  writeFileSync(page, changed);
};

/** How long a bench took, so that the page says it of each. */
const tookText = (name: string, began: number): string => {
  const seconds = Math.max(1, Math.round((performance.now() - began) / 1_000));
  const time = seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} minutes`;
  return `\`npm run bench -- ${name}\` took ${time}.`;
};

const runBenches = async ({ names, page, json, ...order }: Order): Promise<boolean> => {
  const results: Result[] = [];
  const machine = machineText();
  if (page !== undefined) writeSection(page, "machine", machine);
  console.log(machine);
  for (const name of names) {
    const bench = BENCHES.get(name);
    if (bench === undefined) continue;
    const began = performance.now();
    const result = await bench({ ...order, say: (line) => console.error(line) });
    results.push(result);
    const text = `${renderResult(result)}\n\n${tookText(name, began)}`;
    console.log(`\n## ${name}\n\n${text}`);
    if (page !== undefined) writeSection(page, name, text);
    if (json !== undefined) writeFileSync(json, `${JSON.stringify({ machine, results }, undefined, 1)}\n`);
  }
  return results.every(({ bars }) => bars.every(({ met }) => met));
};

const main = async (): Promise<number> => {
  const order = readOrder(process.argv.slice(2), [...BENCHES.keys()]);
  if (typeof order === "string") {
    console.error(`${order}\n${USAGE}`);
    return 2;
  }
  const missing = requirements(order);
  if (missing !== undefined) {
    console.error(missing);
    return 2;
  }
  return (await runBenches(order)) ? 0 : 1;
};

process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
