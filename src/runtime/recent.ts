/** The last observations in memory, and those who follow them. */

/** What is numbered 1, 2, 3, ... */
export type Numbered = { readonly sequence: number };

/** How many observations `/v1/events` can look back. */
const KEPT = 1_000;

export type Recent<Item extends Numbered> = {
  /** Takes note of observations and tells the followers; gives those that were new. */
  add(observations: readonly Item[]): readonly Item[];
  /** Everything still known, oldest first. */
  all(): readonly Item[];
  /** Calls back for each observation from now on. Gives a function that stops it. */
  follow(onObservation: (observation: Item) => void): () => void;
};

/** Empty at first. */
export const createRecent = <Item extends Numbered>(): Recent<Item> => {
  const kept: Item[] = [];
  const followers = new Set<(observation: Item) => void>();
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
