/** Every bench by its name, in the order in which they run. */
import type { BenchOptions } from "./lab.ts";
import { inLab } from "./lab.ts";
import { PAIRS } from "./pair.ts";
import type { Result } from "./report.ts";
import { measureTakeover } from "./takeover.ts";
import { reportTakeover } from "./takeover-report.ts";

export type Bench = (options: BenchOptions) => Promise<Result>;

const takeover: Bench = ({ runs, quick, say }) =>
  inLab({ edges: 4 }, async (lab, copy) => {
    const beds = PAIRS.map((pair) => ({ lab, copy, pair }));
    const intervalsMs = quick ? [50] : [200, 50];
    return reportTakeover(await measureTakeover(beds, { lab, runs, intervalsMs, say }));
  });

export const BENCHES: ReadonlyMap<string, Bench> = new Map([["takeover", takeover]]);
