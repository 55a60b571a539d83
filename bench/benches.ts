/** Every bench by its name, in the order in which they run. */

import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { VIRTUAL_ADDRESS } from "#lab/demo/config";
import type { Lab } from "#lab/lab";
import { openSpeakerBed } from "#test/cluster/lab/speaker-bed";
import { measureAllocate } from "./allocate.ts";
import { reportAllocate } from "./allocate-report.ts";
import { measureBgp, measureCalmBgp } from "./bgp.ts";
import { copyBuild } from "./build-copy.ts";
import { type Changes, measureChange, reportChange } from "./change.ts";
import { type JitterCase, measureJitter } from "./jitter.ts";
import { reportJitter } from "./jitter-report.ts";
import { measureKernel } from "./kernel.ts";
import type { BenchOptions } from "./lab.ts";
import { inLab } from "./lab.ts";
import { measureMemory, reportMemory } from "./memory.ts";
import { DUEL, measurePacketCost } from "./packet-cost.ts";
import { PAIRS } from "./pair.ts";
import type { Result } from "./report.ts";
import { reportRing } from "./ring.ts";
import { measureSoak } from "./soak.ts";
import { measureCalm, measureFaults, measureReadiness } from "./speaker.ts";
import { type ManyCase, measureMany } from "./speaker-many.ts";
import { reportMany } from "./speaker-many-report.ts";
import { measureCosts } from "./speaker-memory.ts";
import { reportSpeakerMemory } from "./speaker-memory-report.ts";
import { measurePeers, type PeersCost } from "./speaker-peers.ts";
import { reportSpeakerPeers } from "./speaker-peers-report.ts";
import { reportCalm, reportSpeaker } from "./speaker-report.ts";
import { measureStarved, reportStarved } from "./speaker-starved.ts";
import { measureStart } from "./start.ts";
import { reportStart } from "./start-report.ts";
import { measureDownloads, measureReboot, openBed, REBOOT_LASTS, reportSurvival } from "./survival.ts";
import { measureTakeover, type TakeoverCase } from "./takeover.ts";
import { CUT_OFF, MODES, reportTakeover } from "./takeover-report.ts";
import { measureThroughput, prepare, reportDuel, reportThroughput } from "./throughput.ts";
import { fetchNftlb, type Variant, variantsOf } from "./throughput-variants.ts";
import { measureVip } from "./vip.ts";
import { reportVip } from "./vip-report.ts";
import { measureXdp } from "./xdp.ts";

export type Bench = (options: BenchOptions) => Promise<Result>;

const takeoverCases = ({ quick, runs }: BenchOptions): readonly TakeoverCase[] =>
  quick
    ? [{ intervalMs: 50, modes: MODES, runs }]
    : [
        { intervalMs: 200, modes: MODES, runs },
        { intervalMs: 50, modes: MODES, runs },
        // The least that version 3 can say: best effort, and nobody's default, so half of the runs.
        { intervalMs: 10, modes: CUT_OFF, runs: Math.ceil(runs / 2) },
      ];

const takeover: Bench = (options) =>
  inLab({ edges: 4 }, async (lab, copy) => {
    const beds = PAIRS.map((pair) => ({ lab, copy, pair }));
    const cases = takeoverCases(options);
    return reportTakeover(await measureTakeover(beds, { lab, cases, say: options.say }));
  });

const start: Bench = ({ runs, say }) =>
  inLab({ edges: 1 }, async (lab, copy) => {
    say(`start: ${runs} of each kind`);
    const { all, floorMs } = await measureStart(lab, { copy, runs });
    return reportStart(all, floorMs);
  });

const memory: Bench = ({ quick, say }) =>
  inLab({ edges: 1 }, async (lab, copy) => {
    say("memory: small configurations and large ones");
    return reportMemory(await measureMemory(lab, { copy, quick }));
  });

/** How long the first case takes, in seconds: nothing may be late and nobody take over for ten minutes. */
const STEADY_SECONDS = 600;

const jitterCases = ({ quick, seconds }: BenchOptions): readonly JitterCase[] => {
  const [steady, long, short] = quick ? [10, 10, 10] : [STEADY_SECONDS, 120, 60];
  const reloads = { load: "reloads", seconds: short } as const;
  const all = { load: "neighbours and reloads", seconds: long } as const;
  const promised: readonly JitterCase[] = [
    { settings: { intervalMs: 50 }, ...reloads, seconds: seconds ?? steady },
    { settings: { intervalMs: 50 }, ...all },
    { settings: { intervalMs: 50, realtime: false }, ...all },
  ];
  if (quick) return promised;
  return [
    ...promised,
    { settings: { intervalMs: 200 }, ...all },
    { settings: { intervalMs: 10 }, ...reloads },
    { settings: { intervalMs: 10 }, ...all, seconds: short },
  ];
};

const jitter: Bench = (options) =>
  inLab({ edges: 4 }, async (lab, copy) => {
    const beds = PAIRS.map((pair) => ({ lab, copy, pair }));
    const cases = jitterCases(options);
    return reportJitter(await measureJitter(beds, { lab, cases, say: options.say }));
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

const change: Bench = ({ runs, quick, say }) =>
  inLab({ edges: 1 }, async (lab) => {
    const sizes = [
      { servers: 500, backends: 3 },
      { servers: 5_000, backends: 10 },
    ];
    const all: Changes[] = [];
    for (const size of quick ? sizes.slice(0, 1) : sizes) {
      say(`change: ${size.servers} virtual servers x ${size.backends} backends`);
      all.push(await measureChange(lab, { ...size, runs }));
    }
    return reportChange(all);
  });

const ring: Bench = () => Promise.resolve(reportRing());

const kernel: Bench = () => inLab({ edges: 1 }, (lab) => measureKernel(lab));

const xdp: Bench = async ({ quick, katran, say }) =>
  measureXdp({ repeat: quick ? 200_000 : 1_000_000, katran, say });

/** Rounds of throughput, unless `--runs` asks for fewer. */
const MOST_ROUNDS = 5;

const inThroughputLab = (
  measure: (lab: Lab, variants: readonly Variant[]) => Promise<Result>,
): Promise<Result> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-nftlb-"));
  return inLab(
    { edges: 1 },
    async (lab, copy) => {
      const variants = variantsOf({ lab, copy, nftlb: fetchNftlb(folder) });
      await prepare(lab);
      return await measure(lab, variants);
    },
    "no servers",
  ).finally(() => rmSync(folder, { recursive: true, force: true }));
};

const throughput: Bench = ({ quick, runs, say }) =>
  inThroughputLab(async (lab, variants) => {
    const size = quick ? { rounds: 1, seconds: 2 } : { rounds: Math.min(runs, MOST_ROUNDS), seconds: 4 };
    return reportThroughput(await measureThroughput(lab, { variants, ...size, say }), size);
  });

const nftlb: Bench = ({ quick, runs, say }) =>
  inThroughputLab(async (lab, all) => {
    const variants = all.filter(({ name }) => DUEL.some((one) => one === name));
    const packets = await measurePacketCost(lab, { variants, rounds: quick ? 3 : runs, say });
    const size = quick ? { rounds: 2, seconds: 2 } : { rounds: runs, seconds: 3 };
    const [mine, theirs] = DUEL;
    const measured = await measureThroughput(lab, { variants, ...size, say });
    const duel = reportDuel(measured, { mine, theirs, size });
    return {
      bench: "nftlb",
      tables: [...packets.tables, ...duel.tables],
      bars: [...packets.bars, ...duel.bars],
      measurements: { packets: packets.measurements, requests: duel.measurements },
    };
  });

const soak: Bench = ({ quick, seconds, say }) =>
  measureSoak({ seed: 1, seconds: seconds ?? (quick ? 60 : 1_200), say });

const allocate: Bench = async ({ quick, say }) =>
  reportAllocate(
    await measureAllocate(
      quick
        ? { atOnce: 500, steady: 200, restSeconds: 10, compared: 200, say }
        : { atOnce: 10_000, steady: 1_000, restSeconds: 60, compared: 1_000, say },
    ),
  );

const speaker: Bench = async ({ runs, say }) => {
  const bed = await openSpeakerBed({ nodes: 4 });
  try {
    const faults = await measureFaults(bed, { runs, say });
    say("speaker: readiness");
    const readiness = await measureReadiness(bed, runs);
    return reportSpeaker({ runs: faults, readiness });
  } finally {
    await bed.close();
  }
};

const speakerCalm: Bench = async ({ quick, seconds = quick ? 20 : STEADY_SECONDS, say }) => {
  const bed = await openSpeakerBed({ nodes: 4 });
  try {
    say(`speaker-calm: ${seconds} s with busy processors`);
    return reportCalm(await measureCalm(bed, { seconds, burners: 2 * availableParallelism() }));
  } finally {
    await bed.close();
  }
};

const MANY_CASES: readonly ManyCase[] = [
  { addresses: 1, layout: "to one" },
  { addresses: 1_000, layout: "to one" },
  { addresses: 5_000, layout: "to one" },
  { addresses: 5_000, layout: "spread" },
];

const speakerMany: Bench = ({ quick, runs, say }) =>
  inLab(
    { edges: 4, nodes: 0, client: "lan" },
    async (lab, copy) => {
      const cases = quick ? MANY_CASES.slice(1, 2) : MANY_CASES;
      return reportMany(await measureMany(lab, { copy, cases, runs: Math.ceil(runs / 2), say }));
    },
    "no servers",
  );

const speakerStarved: Bench = ({ quick, seconds = quick ? 60 : 180, say }) =>
  inLab(
    { edges: 4, nodes: 0, client: "lan" },
    async (lab, copy) => {
      const burners = 10 * availableParallelism();
      say(`speaker-starved: ${seconds} s beside ${burners} busy programs`);
      return reportStarved(await measureStarved(lab, { copy, addresses: 1_000, burners, seconds }));
    },
    "no servers",
  );

/** Seconds of rest that processor time is measured over. */
const REST_SECONDS = 60;

const speakerMemory: Bench = async ({ quick, seconds = quick ? 10 : REST_SECONDS, say }) => {
  const copy = copyBuild();
  try {
    const sizes = quick ? [200, 500] : [500, 1_000];
    const most = quick ? 1_000 : 10_000;
    return reportSpeakerMemory(await measureCosts(copy, { sizes, most, seconds, say }));
  } finally {
    copy.remove();
  }
};

const speakerPeers: Bench = ({ quick, seconds = quick ? 10 : REST_SECONDS, say }) =>
  inLab(
    { edges: 2 },
    async (lab, copy) => {
      const costs: PeersCost[] = [];
      for (const peers of quick ? [3, 100] : [0, 3, 15, 100]) {
        say(`speaker-peers: ${peers} others`);
        costs.push(await measurePeers(lab, { copy, peers, seconds }));
      }
      return reportSpeakerPeers(costs);
    },
    "no servers",
  );

/** Rounds of the bench of the API server's address, unless `--runs` asks for fewer: the documented check takes half a minute in each. */
const MOST_VIP_ROUNDS = 10;

const vip: Bench = async ({ runs, say }) => {
  const copy = copyBuild();
  try {
    return reportVip(await measureVip(copy, { runs: Math.min(runs, MOST_VIP_ROUNDS), say }));
  } finally {
    copy.remove();
  }
};

/** The settings that docs/vip.md has for those who want a frozen API server gone as soon as keepalived is rid of it. */
const vipQuick: Bench = async ({ runs, say }) => {
  const copy = copyBuild();
  try {
    const flags = ["--check-timeout=1s", "--fall=2"];
    const faults = ["freeze"] as const;
    const result = reportVip(
      await measureVip(copy, { runs: Math.min(runs, MOST_VIP_ROUNDS), say, faults, flags }),
    );
    return { ...result, bench: "vip-quick", tables: result.tables.filter(({ rows }) => rows.length > 0) };
  } finally {
    copy.remove();
  }
};

export const BENCHES: ReadonlyMap<string, Bench> = new Map([
  ["takeover", takeover],
  ["survival", survival],
  ["soak", soak],
  ["throughput", throughput],
  ["nftlb", nftlb],
  ["start", start],
  ["memory", memory],
  ["jitter", jitter],
  ["change", change],
  ["ring", ring],
  ["kernel", kernel],
  ["xdp", xdp],
  ["allocate", allocate],
  ["speaker", speaker],
  ["speaker-calm", speakerCalm],
  ["speaker-many", speakerMany],
  ["speaker-starved", speakerStarved],
  ["speaker-memory", speakerMemory],
  ["speaker-peers", speakerPeers],
  ["bgp", measureBgp],
  ["bgp-calm", measureCalmBgp],
  ["vip", vip],
  ["vip-quick", vipQuick],
]);
