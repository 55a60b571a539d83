/**
 * What takeovers and reboots cost users: long downloads while the active edge is lost again and again, and short
 * requests while it is rebooted.
 */
import { setTimeout as pause } from "node:timers/promises";
import { between, type Duration, seconds } from "#base/time";
import { DOWNLOAD_PORT, edgeConfig, VIRTUAL_ADDRESS, WEB_PORT } from "#lab/demo/config";
import { type Holdings, recordHoldings } from "#lab/holdings";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import { monotonicNow } from "#lab/probe/clock";
import { reportDownloads, reportRequests } from "#lab/probe/report";
import { startDownloads, startHttpLoad, startServers, urlOf } from "#lab/probe/start";
import type { BuildCopy } from "./build-copy.ts";
import type { Result } from "./report.ts";

const EDGES = ["e1", "e2"] as const;
/** e1 comes back for good three seconds after its return (the demonstration's preempt delay). */
const MOVED_WITHIN_MS = 12_000;

export type Bed = {
  readonly lab: Lab;
  readonly copy: BuildCopy;
  readonly holdings: Holdings;
  /** The program that runs in e1 now. */
  active: LabProcess | undefined;
};

const startEdge = async (bed: Bed, name: (typeof EDGES)[number]): Promise<void> => {
  const { lab, copy } = bed;
  const config = await lab.write(`${name}.yaml`, edgeConfig(name));
  const host = lab.host(name);
  const command = copy.direct("edge", "--config", config);
  const program = await host.spawn(command, { log: `/run/lab/logs/${name}.log` });
  if (name === "e1") bed.active = program;
};

/** Starts both edges and resolves when e1 serves. */
export const openBed = async (lab: Lab, copy: BuildCopy): Promise<Bed> => {
  const bed: Bed = { lab, copy, holdings: await recordHoldings(lab), active: undefined };
  // The edges ask the router whether they are connected at all.
  await startServers(lab.host("rt"));
  for (const name of EDGES) await startEdge(bed, name);
  await bed.holdings.settle(VIRTUAL_ADDRESS, ["e1"], MOVED_WITHIN_MS);
  // All backends have been asked by then.
  await pause(2_000);
  return bed;
};

export type DownloadsOutcome = {
  readonly takeovers: number;
  readonly downloads: number;
  readonly whole: number;
  readonly bytes: number;
};

/** Loses the active edge and brings it back, which are two takeovers, as often as asked for. */
export const measureDownloads = async (
  { lab, holdings }: Bed,
  { streams, losses }: { readonly streams: number; readonly losses: number },
): Promise<DownloadsOutcome> => {
  // A piece every half second, so that a thousand downloads are a load for the edges, not for their clients.
  const downloads = await startDownloads(lab.host("cl"), {
    ...{ url: urlOf(VIRTUAL_ADDRESS, DOWNLOAD_PORT), streams },
    ...{ duration: losses * 8 + 5, bytes: 200_000, every: 500, stall: 20_000 },
  });
  let takeovers = 0;
  for (let loss = 0; loss < losses; loss += 1) {
    await lab.fault("silence e1");
    // The silent edge keeps its addresses until its check of the router has failed.
    await holdings.settle(VIRTUAL_ADDRESS, ["e2"], MOVED_WITHIN_MS);
    await lab.fault("restore e1");
    await holdings.settle(VIRTUAL_ADDRESS, ["e1"], MOVED_WITHIN_MS);
    takeovers += 2;
  }
  const record = await downloads.finish();
  const { all, whole } = reportDownloads(record);
  const bytes = record.downloads.reduce((sum, download) => sum + download.bytes, 0);
  return { takeovers, downloads: all, whole, bytes };
};

export type RebootOutcome = {
  readonly mode: "dsr" | "masquerade";
  readonly requests: number;
  readonly errors: number;
  readonly errorsByReason: Readonly<Record<string, number>>;
  readonly slowest: Duration;
};

/** A reboot as the network sees it: told to end, dark for a while with nothing left in its kernel, and back. */
const reboot = async (bed: Bed): Promise<void> => {
  const { lab, holdings } = bed;
  await bed.active?.stop(10_000);
  await lab.fault("link-down e1");
  await lab.host("e1").run(["sh", "-c", "nft flush ruleset; conntrack -F; rm -rf /run/steelyard"]);
  await pause(8_000);
  await lab.fault("link-up e1");
  await startEdge(bed, "e1");
  await holdings.settle(VIRTUAL_ADDRESS, ["e1"], MOVED_WITHIN_MS);
};

/** Ten clients ask for 50 s, and the active edge is rebooted in the midst of it. */
export const measureReboot = async (
  bed: Bed,
  { mode, lasts }: { readonly mode: RebootOutcome["mode"]; readonly lasts: Duration },
): Promise<RebootOutcome> => {
  const { lab } = bed;
  const url = urlOf(VIRTUAL_ADDRESS, mode === "dsr" ? DOWNLOAD_PORT : WEB_PORT);
  const load = await startHttpLoad(lab.host("cl"), { url, clients: 10, rate: 20 });
  const from = monotonicNow();
  await pause(5_000);
  await reboot(bed);
  const rest = lasts - between(from, monotonicNow());
  if (rest > 0) await pause(rest / 1_000);
  const record = await load.finish();
  const { requests, errors, errorsByReason, slowest } = reportRequests(record, { from, to: monotonicNow() });
  return { mode, requests, errors, errorsByReason, slowest };
};

/** How long requests are made around a reboot. */
export const REBOOT_LASTS = seconds(50);

const reasons = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(", ");

/** The tables and bars. */
export const reportSurvival = (downloads: DownloadsOutcome, reboots: readonly RebootOutcome[]): Result => ({
  bench: "survival",
  tables: [
    {
      title: "**Long downloads in `dsr` while the active edge goes silent and comes back**",
      header: ["downloads", "takeovers", "whole", "broken", "megabytes"],
      rows: [
        [
          String(downloads.downloads),
          String(downloads.takeovers),
          String(downloads.whole),
          String(downloads.downloads - downloads.whole),
          (downloads.bytes / 1e6).toFixed(0),
        ],
      ],
    },
    {
      title: "**Short requests of 10 clients while the active edge is rebooted**",
      header: ["mode", "requests", "errors", "slowest (ms)", "which"],
      rows: reboots.map(({ mode, requests, errors, errorsByReason, slowest }) => [
        ...[mode, String(requests), String(errors), (slowest / 1_000).toFixed(0), reasons(errorsByReason)],
      ]),
    },
  ],
  bars: [
    {
      what: `${downloads.downloads} downloads, ${downloads.takeovers} takeovers: broken`,
      ...{ limit: "0", measured: String(downloads.downloads - downloads.whole) },
      met: downloads.downloads === downloads.whole && downloads.takeovers > 0,
    },
    ...reboots.map(({ mode, requests, errors }) => ({
      what: `${mode}: errors across a reboot, of ${requests} requests`,
      ...{ limit: "0", measured: String(errors), met: errors === 0 && requests > 0 },
    })),
  ],
  measurements: { downloads, reboots },
});
