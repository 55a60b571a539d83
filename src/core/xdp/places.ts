/**
 * Where things are in the maps: a place for each backend, a run of slots for each server.
 *
 * What is given up rests for one application before it is given to somebody else, so that no packet on its way through
 * the program can meet the next user of what it has just looked up.
 */
import type { BackendId } from "#core/balance/plan-model";

/** Places of backends; place 0 is nobody's. */
export type Places = {
  readonly byId: ReadonlyMap<BackendId, number>;
  /** One past the highest place in use. */
  readonly end: number;
  readonly free: readonly number[];
  readonly resting: readonly number[];
};

export const NO_PLACES: Places = { byId: new Map(), end: 1, free: [], resting: [] };

/** Places for exactly these backends: those that had one keep it. */
export const placeBackends = (ids: ReadonlySet<BackendId>, previous: Places): Places => {
  const free = [...previous.free, ...previous.resting];
  const byId = new Map<BackendId, number>();
  const released: number[] = [];
  for (const [id, place] of previous.byId) {
    if (ids.has(id)) byId.set(id, place);
    else released.push(place);
  }
  let { end } = previous;
  for (const id of ids) {
    if (byId.has(id)) continue;
    const place = free.pop();
    byId.set(id, place ?? end);
    if (place === undefined) end += 1;
  }
  return { byId, end, free, resting: released };
};

/** A run of slots. */
export type Run = { readonly first: number; readonly count: number };

/** Runs of slots that are not in use, below `end`. */
export type Runs = { readonly end: number; readonly free: readonly Run[]; readonly resting: readonly Run[] };

export const NO_RUNS: Runs = { end: 0, free: [], resting: [] };

/** Gives `released` up and takes a run for each of `counts`, in order; runs are reused for the same count only. */
export const takeRuns = (
  counts: readonly number[],
  released: readonly Run[],
  previous: Runs,
): { readonly taken: readonly Run[]; readonly runs: Runs } => {
  const freeByCount = new Map<number, number[]>();
  for (const { first, count } of [...previous.free, ...previous.resting]) {
    const list = freeByCount.get(count);
    if (list === undefined) freeByCount.set(count, [first]);
    else list.push(first);
  }
  let { end } = previous;
  const taken = counts.map((count) => {
    const reused = freeByCount.get(count)?.pop();
    if (reused !== undefined) return { first: reused, count };
    end += count;
    return { first: end - count, count };
  });
  const free = [...freeByCount].flatMap(([count, firsts]) => firsts.map((first) => ({ first, count })));
  return { taken, runs: { end, free, resting: released } };
};
