/** Waits for the first verdict on everything that is checked, but not for long. */
import type { Subjects } from "./subjects.ts";

/**
 * How long the first application waits for the first verdict on every subject, in milliseconds. Without the wait
 * a start would take every backend out until it is asked; one that is silent for longer is out until it answers, unless
 * an earlier run left it in.
 */
const LIMIT = 1_000;

export type FirstVerdicts = {
  /** Resolves when every subject has a verdict, or the time is up. */
  wait(): Promise<void>;
  /** There is a verdict more. */
  heard(): void;
};

/** Looks at these subjects. */
export const createFirstVerdicts = (subjects: Pick<Subjects, "allKnown">): FirstVerdicts => {
  let onVerdict = (): void => {};
  return {
    heard: () => onVerdict(),
    async wait() {
      if (subjects.allKnown()) return;
      await new Promise<void>((resolve) => {
        const limit = setTimeout(resolve, LIMIT);
        onVerdict = () => {
          if (!subjects.allKnown()) return;
          clearTimeout(limit);
          resolve();
        };
      });
      onVerdict = () => {};
    },
  };
};
