/** The last observations in memory, and those who follow them. */
import type { Observation } from "#core/observation/event";

/** How many observations `/v1/events` can look back. */
const KEPT = 1_000;

export type Events = {
  /** Takes note of observations and tells the followers; gives those that were new. */
  add(observations: readonly Observation[]): readonly Observation[];
  /** Everything still known, oldest first. */
  all(): readonly Observation[];
  /** Calls back for each observation from now on. Gives a function that stops it. */
  follow(onObservation: (observation: Observation) => void): () => void;
};

/** Empty at first. */
export const createEvents = (): Events => {
  const kept: Observation[] = [];
  const followers = new Set<(observation: Observation) => void>();
  let last = 0;
  return {
    add(observations) {
      const news = observations.filter(({ sequence }) => sequence > last);
      for (const observation of news) {
        last = observation.sequence;
        kept.push(observation);
        for (const follower of followers) follower(observation);
      }
      if (kept.length > 2 * KEPT) kept.splice(0, kept.length - KEPT);
      return news;
    },
    all: () => kept.slice(-KEPT),
    follow(onObservation) {
      followers.add(onObservation);
      return () => void followers.delete(onObservation);
    },
  };
};
