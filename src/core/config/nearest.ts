/** Finds the word an operator probably meant. */
import { at } from "#base/assert";

/** Words people bring along from other programs, and what they are called here. */
const FOREIGN: ReadonlyMap<string, string> = new Map([
  ["virtualrouterid", "vrid"],
  ["advertint", "advertisementInterval"],
  ["virtualipaddress", "addresses"],
  ["virtualipaddressexcluded", "unadvertisedAddresses"],
  ["unicastsrcip", "sourceAddress"],
  ["mcastsrcip", "sourceAddress"],
  ["unicastpeer", "unicast"],
  ["authpass", "simplePassword"],
  ["nopreempt", "preempt"],
  ["trackinterface", "track"],
  ["trackscript", "track"],
  ["lbalgo", "scheduler"],
  ["lbkind", "mode"],
  ["realserver", "backends"],
  ["servers", "backends"],
  ["healthcheck", "health"],
  ["hostname", "host"],
  ["vip", "address"],
  ["vips", "addresses"],
  ["usevmac", "virtualMac"],
  ["persistencetimeout", "persistence"],
  ["loadbalancersourceranges", "sourceRanges"],
  ["delayloop", "interval"],
  ["connecttimeout", "timeout"],
  ["delaybeforeretry", "retryDelay"],
  ["rr", "round-robin"],
  ["wrr", "weighted"],
  ["lc", "least-connections"],
  ["wlc", "least-connections"],
  ["leastconn", "least-connections"],
  ["sh", "source-hash"],
  ["mh", "consistent-hash"],
  ["maglev", "consistent-hash"],
  ["dr", "dsr"],
  ["snat", "masquerade"],
]);

/** How many characters must be added, removed, replaced or swapped with their neighbour to turn one text into the other. */
const distance = (left: string, right: string): number => {
  const rows = [Array.from({ length: right.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= left.length; i += 1) {
    const above = at(rows, i - 1);
    const row = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const replaced = at(above, j - 1) + (left[i - 1] === right[j - 1] ? 0 : 1);
      let best = Math.min(replaced, at(above, j) + 1, at(row, j - 1) + 1);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) best = Math.min(best, at(at(rows, i - 2), j - 2) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return at(at(rows, left.length), right.length);
};

/** The candidate closest to `word`; `undefined` when none is close enough to be meant. */
export const nearest = (word: string, candidates: readonly string[]): string | undefined => {
  if (word.length > 64) return undefined;
  const plain = word.toLowerCase().replaceAll(/[-_ ]/g, "");
  const foreign = FOREIGN.get(plain);
  if (foreign !== undefined && candidates.includes(foreign)) return foreign;
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const found = distance(plain, candidate.toLowerCase());
    if (best === undefined || found < best.distance) best = { candidate, distance: found };
  }
  return best !== undefined && best.distance <= Math.max(1, plain.length / 3) ? best.candidate : undefined;
};

/** A hint that names the word probably meant, or lists all of them when none is near. */
export const nearestHint = (word: string, candidates: readonly string[]): string => {
  const found = nearest(word, candidates);
  if (found !== undefined) return `Did you mean ${found}?`;
  return candidates.length === 0 ? "There is none." : `Known: ${candidates.join(", ")}.`;
};
