/** Keeps what the parts have counted last, and tells the agent all of it whenever some of it is news. */
import type { BackendKey } from "#core/balance/model";

/** The first word of the keys under which open flows are told: `open-flows SERVER/BACKEND`. */
const OPEN_FLOWS = "open-flows";

export type Counts = {
  /** These have other values now. */
  tell(news: Readonly<Record<string, number>>): void;
  /** Packets that limits of sources have kept out, by server. */
  tellKeptOut(packetsByKey: ReadonlyMap<string, number>): void;
  /** Open flows of all backends whose flows are counted: what is no longer counted is no longer told. */
  tellLoads(loadByKey: ReadonlyMap<BackendKey, number>): void;
};

/** Nothing is counted at first; `toAgent` gets everything each time. */
export const createCounts = (toAgent: (counts: Readonly<Record<string, number>>) => void): Counts => {
  let known: Readonly<Record<string, number>> = {};
  const tell = (news: Readonly<Record<string, number>>): void => {
    known = { ...known, ...news };
    toAgent(known);
  };
  return {
    tell,
    tellKeptOut(packetsByKey) {
      tell(Object.fromEntries([...packetsByKey].map(([key, packets]) => [`kept-out ${key}`, packets])));
    },
    tellLoads(loadByKey) {
      known = Object.fromEntries(Object.entries(known).filter(([key]) => !key.startsWith(OPEN_FLOWS)));
      tell(Object.fromEntries([...loadByKey].map(([key, open]) => [`${OPEN_FLOWS} ${key}`, open])));
    },
  };
};
