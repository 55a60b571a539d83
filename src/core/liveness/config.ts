/** What liveness can be told, with its defaults. */
import { type Duration, seconds } from "#base/time";

/** Between whom sessions are kept. All members must go by the same figures, or a session waits for its other end. */
export type PairsConfig = {
  /** Up to this many members, everybody watches everybody, 2..(maximumSessions + 1). */
  readonly fullMeshMembers: number;
  /** No node keeps more sessions than this, at least 1. */
  readonly maximumSessions: number;
  /** In larger clusters: how many of an address's first candidates watch one another, at least 2. */
  readonly depth: number;
};

/** The figures of an operator who said nothing. */
export const DEFAULT_PAIRS: PairsConfig = { fullMeshMembers: 16, maximumSessions: 32, depth: 3 };

/**
 * For how long a member whose session never came up is left alone after we have begun to watch it. BFD sends once a second
 * until a session is up and needs three packets that arrive, so half of them may get lost.
 */
export const DEFAULT_GRACE: Duration = seconds(5);
