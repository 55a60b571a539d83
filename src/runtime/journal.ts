/** Numbers every observation, keeps the last ones for whoever comes late, and keeps the view up to date. */
import type { WallTime } from "#base/time";

/** One thing that happened: 1, 2, 3, ... without gaps for the life of the process. */
type Numbered<Event> = { readonly sequence: number; readonly at: WallTime; readonly event: Event };

export type Journal<Event, View> = {
  /** Takes note of an event that happened at `at`. */
  record(event: Event, at: WallTime): Numbered<Event>;
  /**
   * Observations after `sequence`, oldest first, and no more than `most`; those that no longer fit are gone, which the first number
   * shows.
   */
  after(sequence: number, most?: number): readonly Numbered<Event>[];
  /** Nobody will ask for observations up to `sequence` any more. */
  forget(sequence: number): void;
  /** What is true now. The caller does not change it. */
  readonly view: View;
};

/** A journal that keeps the last `capacity` observations and tells `onObservation` of each new one. */
export const createJournal = <Event, View extends { readonly sequence: number }>(options: {
  readonly capacity: number;
  /** Before anything happened; changed from now on. */
  readonly view: View;
  /** Brings the view up to date with one more observation, its sequence too. */
  readonly project: (view: View, observation: Numbered<Event>) => void;
  readonly onObservation: (observation: Numbered<Event>) => void;
}): Journal<Event, View> => {
  const kept: Numbered<Event>[] = [];
  const { view } = options;
  const firstKept = (): number => kept[0]?.sequence ?? view.sequence + 1;
  return {
    view,
    record(event, at) {
      const observation = { sequence: view.sequence + 1, at, event };
      kept.push(observation);
      // Not one by one, which would move all others each time.
      if (kept.length >= options.capacity * 1.25) kept.splice(0, kept.length - options.capacity);
      options.project(view, observation);
      options.onObservation(observation);
      return observation;
    },
    after(sequence, most = options.capacity) {
      const from = Math.max(0, sequence + 1 - firstKept(), kept.length - options.capacity);
      return kept.slice(from, from + most);
    },
    forget(sequence) {
      const count = sequence + 1 - firstKept();
      if (count > kept.length / 2) kept.splice(0, count);
    },
  };
};
