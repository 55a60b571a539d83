/**
 * What the checks of one group are worth when all of them fail at once.
 *
 * All backends of a server rarely die together; an edge whose cable is out sees just that. Its verdicts say nothing
 * about the backends then, nor do those that are left over when the first one answers again. So when all have failed,
 * all are pardoned, and the pardon of each ends with its own next word: it answers, or it fails again in a round that
 * began when others answered.
 */
import type { State } from "./machine.ts";

/** By subject: how many failed rounds it must reach to count as failed again. */
export type Amnesty = ReadonlyMap<string, number>;

/** Nobody is pardoned. */
export const NO_AMNESTY: Amnesty = new Map();

/** The round under way when the first one answered may have begun before; the one after it counts. */
const ROUNDS_TO_CONVINCE = 2;

/** One member of the group. */
export type Member = { readonly id: string; readonly state: Pick<State, "verdict" | "counters"> };

/** Who is pardoned after what is known now. A group of one is pardoned, too: with its backend it loses everything. */
export const pardon = (before: Amnesty, members: readonly Member[]): Amnesty => {
  const failed = members.filter(({ state }) => state.verdict === "failed");
  if (failed.length === 0) return NO_AMNESTY;
  if (failed.length === members.length) {
    return new Map(failed.map(({ id, state }) => [id, state.counters.failedRounds + ROUNDS_TO_CONVINCE]));
  }
  const kept = failed.flatMap(({ id, state }): [string, number][] => {
    const until = before.get(id);
    return until !== undefined && state.counters.failedRounds < until ? [[id, until]] : [];
  });
  return kept.length === 0 ? NO_AMNESTY : new Map(kept);
};
