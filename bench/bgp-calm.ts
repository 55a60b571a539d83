/**
 * Whether BFD takes anybody for dead who is only busy: sessions of BGP that BFD drives, 50 ms three times, while all processors compute.
 *
 * Three nodes and a router (BIRD). What speaks on the nodes has the scheduling that a speaker asks for, and so has the router, which would
 * be a machine of its own: what is looked for are ends of sessions that nobody's death explains.
 *
 * A witness that has the same scheduling and does nothing but look at the clock tells when the machine itself stood still.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import type { BgpObservation } from "#runtime/bgp/parts";
import { routerConfiguration } from "./bgp-bird.ts";
import { CONFIG, CONTROL, DETECTIONS, NODES, settled, startNode } from "./bgp-outage.ts";
import { figure, type Result } from "./report.ts";

export type BgpCalm = {
  readonly seconds: number;
  readonly burners: number;
  readonly sessions: number;
  /** Sessions of BFD that a node found down, and sessions of BGP that either side ended. */
  readonly bfdDowns: number;
  readonly sessionEnds: number;
  /** For so long the witness was not let run at most, in milliseconds, and how often for 100 ms or longer. */
  readonly longestStandstill: number;
  readonly standstills: number;
};

/** Looks at the clock every five milliseconds; at the end it says how late it was. */
const WITNESS = `
let [last, longest, often] = [performance.now(), 0, 0];
setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  if (now - last >= 100) often += 1;
  last = now;
}, 5);
process.on("SIGTERM", () => {
  console.log(JSON.stringify({ longest, often }));
  process.exit(0);
});
console.log("ready");
`;

/** What a node has observed so far of its sessions' ends. */
const endsIn = (node: LabProcess): { readonly bfd: number; readonly session: number } => {
  const observed = node
    .stdout()
    .split("\n")
    .filter((line) => line.startsWith('{"at"'))
    .map((line): BgpObservation => JSON.parse(line).observation);
  return {
    bfd: observed.filter((each) => each.type === "bfd" && each.status === "down").length,
    session: observed.filter((each) => each.type === "session" && each.from === "established").length,
  };
};

/** Counts what ends within that time beside so many programs that do nothing but compute. */
export const measureBgpCalm = async (
  lab: Lab,
  {
    station,
    seconds,
    burners,
  }: { readonly station: readonly string[]; readonly seconds: number; readonly burners: number },
): Promise<BgpCalm> => {
  const [watched] = DETECTIONS;
  if (watched === undefined) throw new Error("there is no way to learn of a death");
  const { detection } = watched;
  const router = lab.host("rt");
  const addresses = NODES.map(([, address]) => address);
  await router.write(CONFIG, routerConfiguration(addresses, detection));
  const bird = await router.spawn(["chrt", "--rr", "10", "bird", "-f", "-c", CONFIG, "-s", CONTROL]);
  await bird.said(/Started/);
  const realtime = [...station, "realtime"];
  const nodes = await Promise.all(
    NODES.map((node) => startNode(lab, node, { station: realtime, detection })),
  );
  await settled(lab, detection, nodes);
  const witness = await lab.host("e1").spawn(["chrt", "--rr", "10", process.execPath, "-e", WITNESS]);
  await witness.said(/ready/);
  const before = nodes.map(endsIn);
  const burn = [process.execPath, "-e", "for (;;);"];
  const fires = await Promise.all(Array.from({ length: burners }, () => lab.host("cl").spawn(burn)));
  await pause(seconds * 1_000);
  const after = nodes.map(endsIn);
  await Promise.all(fires.map((fire) => fire.stop(0)));
  await witness.stop();
  const { longest, often } = JSON.parse(witness.stdout().trimEnd().split("\n").at(-1) ?? "");
  // What ended and did not come back would count as one.
  await settled(lab, detection, nodes);
  await Promise.all(nodes.map((node) => node.stop()));
  await bird.stop();
  const more = (what: "bfd" | "session"): number =>
    after.reduce((sum, counts, index) => sum + counts[what] - (before[index]?.[what] ?? 0), 0);
  return {
    ...{ seconds, burners, sessions: nodes.length, bfdDowns: more("bfd"), sessionEnds: more("session") },
    ...{ longestStandstill: longest, standstills: often },
  };
};

/** The report: nothing may have ended. */
export const reportBgpCalm = (calm: BgpCalm): Result => {
  const beside = `${calm.sessions} sessions in ${calm.seconds} s beside ${calm.burners} busy programs`;
  const bar = (what: string, count: number) => ({
    ...{ what: `${beside}: ${what}`, limit: "0", measured: `${count}`, met: count === 0 },
  });
  return {
    bench: "bgp-calm",
    tables: [
      {
        title:
          "**What the machine itself did to a program with the same scheduling that only looked at the clock**",
        header: ["longest that it was not let run", "100 ms or longer"],
        rows: [[`${figure(calm.longestStandstill)} ms`, `${calm.standstills} times`]],
      },
    ],
    bars: [
      bar("paths that BFD took for broken", calm.bfdDowns),
      bar("sessions of BGP that ended", calm.sessionEnds),
    ],
    measurements: calm,
  };
};
