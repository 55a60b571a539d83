/** BGP: many routes to many routers next to GoBGP, and what the death of a node costs with BFD and without. */
import { availableParallelism } from "node:os";
import { parseAddress } from "#base/address";
import { assert } from "#base/assert";
import { buildStation, measureAnnouncing } from "./bgp-announce.ts";
import { ROUTERS } from "./bgp-bird.ts";
import { measureBgpCalm, reportBgpCalm } from "./bgp-calm.ts";
import { DETECTIONS, type DetectionCase, measureDeaths, SHARED_ADDRESS } from "./bgp-outage.ts";
import { reportBgp } from "./bgp-report.ts";
import { type BenchOptions, inLab } from "./lab.ts";
import type { Result } from "./report.ts";

const PREFIXES = 10_000;
/** Rounds of each program, unless `--runs` asks for fewer: six of them say something of a ratio. */
const MOST_ROUNDS = 6;
const WITHDRAWALS = 100;

/** Deaths that take seconds to be noticed are fewer. */
const deathsOf = ({ limitMs }: DetectionCase, { runs, quick }: BenchOptions): number => {
  if (limitMs < 1_000) return runs;
  if (limitMs < 5_000) return Math.min(runs, 12);
  return Math.min(runs, quick ? 1 : 6);
};

/** As long as it must hold. */
const CALM_SECONDS = 600;

/** Whether BFD takes anybody for dead who is only busy. */
export const measureCalmBgp = ({ seconds, quick, say }: BenchOptions): Promise<Result> => {
  const duration = seconds ?? (quick ? 20 : CALM_SECONDS);
  return inLab({ edges: 2, nodes: 3 }, async (lab, copy) => {
    const station = await buildStation(copy);
    say(`bgp-calm: ${duration} s with busy processors`);
    const burners = 2 * availableParallelism();
    return reportBgpCalm(await measureBgpCalm(lab, { station, seconds: duration, burners }));
  });
};

/** The whole bench. */
export const measureBgp = (options: BenchOptions): Promise<Result> => {
  const { runs, quick, say } = options;
  const shared = parseAddress(SHARED_ADDRESS);
  assert(shared !== undefined, "an address");
  return inLab({ edges: 2, nodes: 3, directReturn: [shared] }, async (lab, copy) => {
    const station = await buildStation(copy);
    const rounds = await measureAnnouncing(lab, {
      ...{ copy, station, say, prefixes: PREFIXES, withdrawals: WITHDRAWALS },
      rounds: quick ? 1 : Math.min(runs, MOST_ROUNDS),
    });
    const deaths = await measureDeaths(lab, { station, say, runs: (each) => deathsOf(each, options) });
    return reportBgp({
      ...{ prefixes: PREFIXES, routers: ROUTERS.length, rounds },
      ...{ detections: DETECTIONS, deaths },
    });
  });
};
