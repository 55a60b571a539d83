/** One address as the node `b` sees it, and what is around it; each function takes what the test is about. */

import type { Duration, Instant } from "#base/time";
import { instant } from "#base/time";
import type { Standing } from "#core/liveness/standing";
import { DEFAULT_OWNERSHIP } from "#core/ownership/config";
import { initialEntry } from "#core/ownership/entry";
import type { Effect, Entry, Memory, Surroundings } from "#core/ownership/state";
import { address } from "./values.ts";

/** The address. */
export const ONE = address("192.0.2.1");

/** A member that is heard and hears. */
export const UP: Standing = { name: "alive", hearsUs: "yes" };

/** A member that fell silent so long after the instant 100 s. */
export const dead = (since: Duration): Standing => ({
  name: "dead",
  since: instant(100_000_000 + since),
  cause: "silent",
});

/** What is around the address. Members that are not named are none. */
export type Sketch = {
  readonly standings?: Readonly<Record<string, Standing>>;
  readonly company?: Surroundings["company"];
  readonly isLeaving?: boolean;
  /** Default: long ago. */
  readonly settledAt?: Instant;
  /** Since when those that are alive are. Default: long ago. */
  readonly aliveSince?: Instant;
  /** Who went and came often lately. */
  readonly unsteady?: readonly string[];
};

/** The surroundings of a node that is well, but for what the sketch says. */
export const around = ({ now, ...sketch }: Sketch & { readonly now: Instant }): Surroundings => ({
  self: "b",
  config: DEFAULT_OWNERSHIP,
  now,
  isLeaving: sketch.isLeaving ?? false,
  company: sketch.company ?? "accompanied",
  settledAt: sketch.settledAt ?? instant(0),
  standingOf: (node) =>
    sketch.standings?.[node] ?? { name: "dead", since: instant(0), cause: "not-a-member" },
  aliveSince: () => sketch.aliveSince ?? instant(0),
  isUnsteady: (node) => sketch.unsteady?.includes(node) ?? false,
});

/** What differs from an address that this node can carry, does not hold, and knows nothing of. */
export type EntrySketch = Partial<Omit<Entry, "memory">> & { readonly memory?: Partial<Memory> };

/** The address of a sketch. */
export const entryOf = ({ memory, ...changes }: EntrySketch): Entry => {
  const initial = initialEntry(ONE, [], instant(0));
  return { ...initial, fitness: "fit", ...changes, memory: { ...initial.memory, ...memory } };
};

const shownOne = (effect: Effect): string => {
  switch (effect.type) {
    case "transition": {
      const { from, to, cause, peer } = effect;
      return `${from} -> ${to}: ${cause}${peer === undefined ? "" : ` (${peer})`}`;
    }
    case "announce":
      return `announce ${effect.cause}`;
    case "ask":
      return `ask ${effect.of ?? "all"}`;
    case "rival":
      return `rival ${effect.peer}`;
    case "stranger":
      return `stranger ${effect.mac}${effect.stage === "unused" ? " unused" : ""}`;
    case "stranger-gone":
      return `${effect.type} ${effect.mac}`;
    case "company":
      return `company ${effect.verdict}`;
    default:
      return effect.type;
  }
};

/** Effects as text. */
export const shown = (effects: readonly Effect[]): readonly string[] => effects.map(shownOne);
