/** Every bench by its name, in the order in which they run. */
import { VIRTUAL_ADDRESS } from "#lab/demo/config";
import { type JitterCase, measureJitter } from "./jitter.ts";
import { reportJitter } from "./jitter-report.ts";
import type { BenchOptions } from "./lab.ts";
import { inLab } from "./lab.ts";
import { measureMemory, reportMemory } from "./memory.ts";
import { PAIRS } from "./pair.ts";
import type { Result } from "./report.ts";
import { measureStart } from "./start.ts";
import { reportStart } from "./start-report.ts";
import { measureDownloads, measureReboot, openBed, REBOOT_LASTS, reportSurvival } from "./survival.ts";
import { measureTakeover } from "./takeover.ts";
import { reportTakeover } from "./takeover-report.ts";

export type Bench = (options: BenchOptions) => Promise<Result>;

const takeover: Bench = ({ runs, quick, say }) =>
  inLab({ edges: 4 }, async (lab, copy) => {
    const beds = PAIRS.map((pair) => ({ lab, copy, pair }));
    const intervalsMs = quick ? [50] : [200, 50];
    return reportTakeover(await measureTakeover(beds, { lab, runs, intervalsMs, say }));
  });

const start: Bench = ({ runs, say }) =>
  inLab({ edges: 1 }, async (lab, copy) => {
    say(`start: ${runs} of each kind`);
    const { all, floorMs } = await measureStart(lab, { copy, runs });
    return reportStart(all, floorMs);
  });

const memory: Bench = ({ quick, say }) =>
  inLab({ edges: 1 }, async (lab, copy) => {
    say("memory: a small configuration and a large one");
    return reportMemory(await measureMemory(lab, { copy, quick }));
  });

const jitterCases = (quick: boolean): readonly JitterCase[] => {
  const hard = { load: "neighbours and reloads", seconds: quick ? 10 : 60 } as const;
  const easy = { load: "reloads", seconds: 60 } as const;
  const promised: readonly JitterCase[] = [
    { settings: { intervalMs: 50 }, ...hard },
    { settings: { intervalMs: 50, realtime: true }, ...hard },
  ];
  if (quick) return promised;
  return [
    { settings: { intervalMs: 50 }, ...easy },
    ...promised,
    { settings: { intervalMs: 10 }, ...easy },
    { settings: { intervalMs: 10, realtime: true }, ...hard },
  ];
};

const jitter: Bench = ({ quick, say }) =>
  inLab({ edges: 4 }, async (lab, copy) => {
    const beds = PAIRS.map((pair) => ({ lab, copy, pair }));
    return reportJitter(await measureJitter(beds, { lab, cases: jitterCases(quick), say }));
  });

const survival: Bench = ({ quick, say }) =>
  inLab({ edges: 2, client: "lan", directReturn: [VIRTUAL_ADDRESS] }, async (lab, copy) => {
    const bed = await openBed(lab, copy);
    say("survival: downloads across takeovers");
    const downloads = await measureDownloads(
      bed,
      quick ? { streams: 100, losses: 1 } : { streams: 1_000, losses: 5 },
    );
    const reboots = [];
    for (const mode of ["dsr", "masquerade"] as const) {
      say(`survival: a reboot under load, ${mode}`);
      reboots.push(await measureReboot(bed, { mode, lasts: REBOOT_LASTS }));
    }
    return reportSurvival(downloads, reboots);
  });

export const BENCHES: ReadonlyMap<string, Bench> = new Map([
  ["takeover", takeover],
  ["survival", survival],
  ["start", start],
  ["memory", memory],
  ["jitter", jitter],
]);
