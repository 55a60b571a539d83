/** Numbers every observation, keeps the last ones for whoever comes late, and keeps the view up to date. */
import type { WallTime } from "#base/time";
import type { Event, Observation } from "#core/observation/event";
import { emptyView, project, type View } from "#core/observation/view";

export type Journal = {
  /** Takes note of an event that happened at `at`. */
  record(event: Event, at: WallTime): Observation;
  /** Observations after `sequence`, oldest first; those that no longer fit are gone, which the first number shows. */
  after(sequence: number): readonly Observation[];
  /** What is true now. The caller does not change it. */
  readonly view: View;
};

/** A journal that keeps the last `capacity` observations and tells `onObservation` of each new one. */
export const createJournal = (options: {
  readonly capacity: number;
  readonly onObservation: (observation: Observation) => void;
}): Journal => {
  const kept: Observation[] = [];
  const view = emptyView();
  return {
    view,
    record(event, at) {
      const observation = { sequence: view.sequence + 1, at, event };
      kept.push(observation);
      if (kept.length >= options.capacity * 2) kept.splice(0, kept.length - options.capacity);
      project(view, observation);
      options.onObservation(observation);
      return observation;
    },
    after(sequence) {
      const first = kept[0]?.sequence ?? view.sequence + 1;
      return kept.slice(Math.max(0, sequence + 1 - first, kept.length - options.capacity));
    },
  };
};
