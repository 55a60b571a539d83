/**
 * A seal on what was left in the kernel: whether it is, after a restart, exactly what our last change made of it.
 *
 * nftables counts the transactions of a network namespace. When the count is the one right after our last change, nobody has
 * changed anything since, and thousands of servers need neither be read back nor brought in again. Anything else than an
 * exact match breaks the seal: another boot, another namespace, another build of this program, an interface made anew.
 */
import { readFileSync, statSync } from "node:fs";
import { VERSION } from "#base/version";

/** The state of the kernel to which a checkpoint belongs. */
export type Seal = {
  /** Of nftables' transactions. */
  readonly generation: number;
  /** The interfaces that rules name, with the indexes that they hold. */
  readonly devices: ReadonlyMap<string, number | undefined>;
};

/** What must be the same for a count of transactions to mean the same; `undefined` where that cannot be told. */
const surroundings = (): string | undefined => {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim();
    const { dev, ino } = statSync("/proc/thread-self/ns/net");
    const build = statSync(import.meta.filename);
    return [boot, dev, ino, VERSION, import.meta.filename, build.ino, build.mtimeMs].join(" ");
  } catch {
    return undefined;
  }
};

const entriesOf = (devices: Seal["devices"]): readonly (readonly [string, number | null])[] =>
  [...devices].map(([name, index]) => [name, index ?? null] as const).sort();

/** A seal as text; `undefined` where none can be made. */
export const encodeSeal = ({ generation, devices }: Seal): string | undefined => {
  const around = surroundings();
  return around === undefined ? undefined : JSON.stringify([generation, around, entriesOf(devices)]);
};

/** Whether the text is the seal of this very state. */
export const isSealOf = (text: string, seal: Seal): boolean => {
  const wanted = encodeSeal(seal);
  return wanted !== undefined && text === wanted;
};
