/**
 * How often addresses move while ten programs want each processor: speakers stand still again and again, and each standstill that is long
 * enough moves what that node holds. What must not be is that the moves make the next standstill, without end.
 *
 * Four speakers hold the addresses in equal parts. Moves are counted on a client's cable: another node announces an address than before.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { LabProcess } from "#lab/host";
import type { Lab } from "#lab/lab";
import { type Frame, startCapture } from "#test/cluster/lab/capture";
import type { BuildCopy } from "./build-copy.ts";
import type { Result } from "./report.ts";
import { arpOf, captureUntilCalm, isAnnouncement, startSpeakers } from "./speaker-many.ts";

const WINDOW_SECONDS = 30;
/** No address may move more often in the last window than once a minute. */
const MOST_MOVES_EACH = WINDOW_SECONDS / 60;

export type Starved = {
  readonly addresses: number;
  readonly burners: number;
  /** Moves in each window of half a minute, in order. */
  readonly moves: readonly number[];
  /** Addresses that have moved at all. */
  readonly moved: number;
};

/** Counts moves in a capture that began at `from`, in microseconds since 1970. */
export const readMoves = (
  frames: readonly Frame[],
  { from, windows }: { readonly from: number; readonly windows: number },
): Pick<Starved, "moves" | "moved"> => {
  const holders = new Map<string, string>();
  const moved = new Set<string>();
  const moves = Array.from({ length: windows }, () => 0);
  for (const { at, source, message } of arpOf(frames).filter(isAnnouncement)) {
    const { senderAddress } = message;
    const before = holders.get(senderAddress);
    holders.set(senderAddress, source);
    const window = Math.floor((at - from) / (WINDOW_SECONDS * 1_000_000));
    if (before === undefined || before === source || window < 0 || window >= windows) continue;
    moves[window] = (moves[window] ?? 0) + 1;
    moved.add(senderAddress);
  }
  return { moves, moved: moved.size };
};

type StarvedOptions = {
  readonly copy: BuildCopy;
  readonly addresses: number;
  readonly burners: number;
  readonly seconds: number;
};

/** Starts all, lets the programs burn, and counts. */
export const measureStarved = async (
  lab: Lab,
  { copy, addresses, burners, seconds }: StarvedOptions,
): Promise<Starved> => {
  const folder = mkdtempSync(join(tmpdir(), "steelyard-starved-"));
  const bed = { lab, copy, folder };
  let started: readonly LabProcess[] = [];
  const client = lab.host("cl");
  try {
    const known = await captureUntilCalm(bed, { addresses }, async () => {
      started = await startSpeakers(bed, { addresses, layout: "even" });
    });
    const capture = await startCapture(client, { folder });
    const burn = [process.execPath, "-e", "for (;;);"];
    const fires = await Promise.all(Array.from({ length: burners }, () => client.spawn(burn)));
    const from = Date.now() * 1_000;
    await pause(seconds * 1_000);
    await Promise.all(fires.map((fire) => fire.stop(0)));
    const frames = [...known, ...(await capture.finish())];
    const windows = Math.max(1, Math.floor(seconds / WINDOW_SECONDS));
    return { addresses, burners, ...readMoves(frames, { from, windows }) };
  } finally {
    await Promise.all(started.map((speaker) => speaker.stop()));
    rmSync(folder, { recursive: true, force: true });
  }
};

/** Table and bar. */
export const reportStarved = (starved: Starved): Result => {
  const { addresses, burners, moves, moved } = starved;
  const last = moves.at(-1) ?? 0;
  return {
    bench: "speaker-starved",
    tables: [
      {
        title: `**Moves of ${addresses} addresses beside ${burners} busy programs**`,
        header: ["seconds", "moves", "for each address"],
        rows: moves.map((count, index) => [
          `${index * WINDOW_SECONDS} to ${(index + 1) * WINDOW_SECONDS}`,
          ...[`${count}`, (count / addresses).toFixed(2)],
        ]),
        notes: [`${moved} addresses have moved at all.`],
      },
    ],
    bars: [
      {
        what: "moves of an address in the last half minute, on average",
        limit: `below ${MOST_MOVES_EACH}`,
        measured: (last / addresses).toFixed(2),
        met: last / addresses < MOST_MOVES_EACH,
      },
    ],
    measurements: starved,
  };
};
