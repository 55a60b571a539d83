/**
 * What failures are worth that say more about us than about those who are checked.
 *
 * All backends of a server rarely die together, and an edge that is cut off sees just that. Its verdicts say nothing
 * about the backends then, nor do those of rounds that began before it was connected again. So when all have failed,
 * or while the edge itself is at fault, failures are pardoned, and the pardon of each ends with its own next word: it
 * is healthy, or it fails again in a round that began when others answered.
 */
import type { Duration, Instant } from "#base/time";
import { seconds } from "#base/time";
import type { State } from "./machine.ts";

/** The counts of rounds until which a failure is pardoned. */
type Pardon = {
  /** It counts as failed again with this failed round. */
  readonly failedRounds: number;
  /** More successful rounds than these end the pardon of a healthy one. */
  readonly successfulRounds: number;
};

/** By subject: pardoned failures, and those to come of rounds that may have begun before all was well again. */
export type Amnesty = ReadonlyMap<string, Pardon>;

/** Nobody is pardoned. */
export const NO_AMNESTY: Amnesty = new Map();

/** The round under way when the first one answered may have begun before; the one after it counts. */
const ROUNDS_TO_CONVINCE = 2;

/** What failed so long before the edge was found at fault may have failed for the same reason. */
const SUSPECT: Duration = seconds(10);

/** One member of the group. */
export type Member = { readonly id: string; readonly state: Pick<State, "verdict" | "counters" | "since"> };

/** Since when the edge itself is at fault; `undefined` while it is not. */
export type CutOff = Instant | undefined;

const pardonOf = ({ state }: Member): Pardon => ({
  failedRounds: state.counters.failedRounds + ROUNDS_TO_CONVINCE,
  successfulRounds: state.counters.successfulRounds,
});

/** Whether the member has not spoken for itself since it was pardoned. */
const lasts = (pardon: Pardon | undefined, { state: { verdict, counters } }: Member): pardon is Pardon =>
  pardon !== undefined &&
  counters.failedRounds < pardon.failedRounds &&
  (verdict === "failed" || counters.successfulRounds === pardon.successfulRounds);

/**
 * Who is pardoned after what is known now. A group of one is pardoned, too: with its backend it loses everything.
 * While the edge is cut off every member is, but those that had failed well before.
 */
export const pardon = (before: Amnesty, members: readonly Member[], cutOff?: CutOff): Amnesty => {
  const failed = members.filter(({ state }) => state.verdict === "failed");
  const isOurs = failed.length > 0 && failed.length === members.length;
  const now = new Map<string, Pardon>();
  for (const member of members) {
    const { verdict, since } = member.state;
    const isSuspect = cutOff !== undefined && (verdict !== "failed" || since > cutOff - SUSPECT);
    const known = before.get(member.id);
    if (isOurs || isSuspect) now.set(member.id, pardonOf(member));
    else if (lasts(known, member)) now.set(member.id, known);
  }
  return now.size === 0 ? NO_AMNESTY : now;
};
