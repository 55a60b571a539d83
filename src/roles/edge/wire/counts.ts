/** Keeps what the parts have counted last, and tells the agent all of it whenever some of it is news. */
import { type BackendKey, ENGINES } from "#core/balance/model";

/** The first word of the keys under which open flows are told: `open-flows SERVER/BACKEND`. */
const OPEN_FLOWS = "open-flows";

export type Counts = {
  /** These have other values now. */
  tell(news: Readonly<Record<string, number>>): void;
  /** Everything that the engines have counted: what they no longer count is no longer told. */
  tellEngines(counts: Readonly<Record<string, number>>): void;
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
  const forget = (...kinds: readonly string[]): void => {
    known = Object.fromEntries(
      Object.entries(known).filter(([key]) => !kinds.some((kind) => key.startsWith(kind))),
    );
  };
  return {
    tell,
    tellEngines(counts) {
      forget(...ENGINES.map((engine) => `${engine}-`));
      tell(counts);
    },
    tellKeptOut(packetsByKey) {
      tell(Object.fromEntries([...packetsByKey].map(([key, packets]) => [`kept-out ${key}`, packets])));
    },
    tellLoads(loadByKey) {
      forget(OPEN_FLOWS);
      tell(Object.fromEntries([...loadByKey].map(([key, open]) => [`${OPEN_FLOWS} ${key}`, open])));
    },
  };
};
