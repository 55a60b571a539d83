/** Histories that broke a promise, kept in files so that they can be played again. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One failure of a simulation from a seed. */
export type Replay = {
  /** Of which simulation. */
  readonly simulation: string;
  readonly seed: number;
  /** How many steps it took until the promise was broken. */
  readonly steps: number;
  readonly problem: string;
  /** What has happened until then, in order. */
  readonly log: readonly string[];
};

/** Writes a replay into a new file; gives its path. */
export const saveReplay = (replay: Replay): string => {
  const folder = mkdtempSync(join(tmpdir(), `steelyard-replay-${replay.simulation}-`));
  const file = join(folder, `seed-${replay.seed}.json`);
  writeFileSync(file, `${JSON.stringify(replay, undefined, 1)}\n`);
  return file;
};

const isReplay = (value: unknown): value is Replay =>
  typeof value === "object" &&
  value !== null &&
  ["simulation", "seed", "steps", "problem", "log"].every((key) => Object.hasOwn(value, key));

/** Reads what was saved of this simulation. */
export const readReplay = (file: string, simulation: string): Replay => {
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!isReplay(value) || value.simulation !== simulation)
    throw new Error(`${file} is no replay of ${simulation}`);
  return value;
};

/** Where a history takes another turn than the one that was saved; `undefined` when it is the same. */
export const divergence = ({ log }: Replay, now: readonly string[]): string | undefined => {
  const at = Array.from({ length: Math.max(log.length, now.length) }, (_, index) => index).find(
    (index) => log[index] !== now[index],
  );
  if (at === undefined) return undefined;
  return `event ${at} was "${log[at] ?? "nothing"}" and is "${now[at] ?? "nothing"}": the history is another since the code changed`;
};
