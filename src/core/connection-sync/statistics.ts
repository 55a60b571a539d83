/** What conntrackd says of itself (`conntrackd -s` and `-s queue`), and what that means for a takeover. */
import type { Duration, Instant } from "#base/time";
import { between, seconds } from "#base/time";

export type DaemonStatistics = {
  /** Connections of this box that the daemon keeps on its peer. */
  readonly ours: number;
  /** Connections of the peer that it has put into this box's kernel since its start. */
  readonly theirs: number;
  /** Packets heard from the peer since its start. */
  readonly heard: number;
  /** Messages that the peer has not confirmed. */
  readonly unconfirmed: number;
};

const numberAfter = (text: string, section: string, pattern: RegExp): number | undefined => {
  const from = text.indexOf(section);
  const found = from < 0 ? null : pattern.exec(text.slice(from));
  const [, digits = ""] = found ?? [];
  const value = Number(digits);
  return digits === "" || !Number.isSafeInteger(value) ? undefined : value;
};

/** Reads both texts; `undefined` when one is not what the daemon writes. */
export const parseStatistics = (text: {
  readonly general: string;
  readonly queue: string;
}): DaemonStatistics | undefined => {
  const ours = numberAfter(text.general, "cache internal:", /current active connections:\s*(\d+)/);
  const theirs = numberAfter(text.general, "external inject:", /connections created:\s*(\d+)/);
  const heard = numberAfter(text.general, "UDP traffic", /(\d+) Pckts recv/);
  const unconfirmed = numberAfter(text.queue, "queue rsqueue:", /current elements:\s*(\d+)/);
  return ours === undefined || theirs === undefined || heard === undefined || unconfirmed === undefined
    ? undefined
    : { ours, theirs, heard, unconfirmed };
};

/** What a takeover now would do to connections. */
export type SyncState =
  /** Nothing to keep: no server translates addresses. */
  | "idle"
  /** The daemon has just been started, and its peer not been heard yet. */
  | "starting"
  | "in-sync"
  /** The peer is there and has much to confirm: the newest connections may be missing. */
  | "behind"
  /** The peer has not been heard for a while: its kernel knows no connection of ours since then. */
  | "peer-silent"
  /** The daemon does not run; it is started again. */
  | "down"
  /** The daemon cannot be run on this box. */
  | "unavailable";

/** The daemons greet each other every second. */
const SILENCE: Duration = seconds(6);
/** So many unconfirmed messages are more than a busy moment. */
const BACKLOG = 2_000;

/** When the peer was last heard, as far as samples tell. */
export type Hearing = { readonly count: number; readonly at: Instant; readonly hasSpoken: boolean };

/** What is known of the peer after another sample; `undefined` before the first. */
export const hear = (before: Hearing | undefined, heard: number, now: Instant): Hearing => {
  if (before === undefined) return { count: heard, at: now, hasSpoken: heard > 0 };
  return heard === before.count ? before : { count: heard, at: now, hasSpoken: true };
};

/** The state that a sample stands for. */
export const judge = (hearing: Hearing, { unconfirmed }: DaemonStatistics, now: Instant): SyncState => {
  if (between(hearing.at, now) > SILENCE) return "peer-silent";
  if (!hearing.hasSpoken) return "starting";
  return unconfirmed > BACKLOG ? "behind" : "in-sync";
};
