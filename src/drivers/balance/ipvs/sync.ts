/**
 * The sync daemon: keeps the connection tables of two edges equal, so that a takeover breaks no connection.
 *
 * Both halves run on both edges, whoever holds the addresses: each tells what it forwards and hears what the other
 * does, so that nothing has to be switched over in a takeover, and two edges may be active at once.
 */
import { diffDaemons } from "#core/ipvs/diff";
import type { SyncDaemon } from "#core/ipvs/model";
import { describeError, type IpvsKernel } from "./kernel.ts";

/** Whom the connection table is shared with. */
export type SyncOptions = {
  /** Where the other edge hears us, in multicast group 224.0.0.81. */
  readonly interface: string;
  /** 0..255, the same on both edges and different from other pairs on the network. */
  readonly id: number;
};

export type DaemonWork = {
  readonly kernel: IpvsKernel;
  /** `undefined` stops what is ours. */
  readonly sync: SyncOptions | undefined;
  /** The halves that are ours, by state. */
  readonly owned: ReadonlySet<string>;
  /** Writes down which halves are ours; called before they are started and after they were stopped. */
  readonly own: (states: ReadonlySet<string>) => string | undefined;
};

/**
 * Starts what is missing and stops what is not wanted; halves that are not ours are left alone. Gives what does not
 * work, in one sentence.
 */
export const keepDaemons = ({ kernel, sync, owned, own }: DaemonWork): string | undefined => {
  const running = kernel.daemons();
  if (!running.ok) return unsynchronised(describeError(running.error));
  const wanted: readonly SyncDaemon[] =
    sync === undefined ? [] : (["master", "backup"] as const).map((state) => ({ state, ...sync }));
  const foreign = running.value.filter(({ state }) => !owned.has(state));
  const free = wanted.filter(({ state }) => foreign.every((daemon) => daemon.state !== state));
  const ours = running.value.filter((daemon) => !foreign.includes(daemon));
  const unwritten = own(new Set([...owned, ...free.map(({ state }) => state)]));
  if (unwritten !== undefined) return unsynchronised(unwritten);
  const errors = kernel.change(diffDaemons(free, ours));
  const failed = new Set(
    errors.map(({ change }) => (change.type === "start-daemon" ? change.daemon.state : undefined)),
  );
  own(new Set(free.map(({ state }) => state).filter((state) => !failed.has(state))));
  const [error] = errors;
  if (error !== undefined) return unsynchronised(describeError(error));
  if (free.length === wanted.length) return undefined;
  const taken = foreign.map((daemon) => `${daemon.state} on ${daemon.interface}`).join(", ");
  return unsynchronised(`another program runs the sync daemon (${taken}), which is left alone`);
};

const unsynchronised = (why: string): string => `the connections of IPVS are not synchronised: ${why}`;
