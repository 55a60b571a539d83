/** How long a list that comes as a stream is waited for. */
import { after, between, earliest, type Instant, seconds } from "#base/time";
import type { Cancel, Time } from "./time.ts";

/**
 * Servers older than lists as streams send objects and never say that these were all: so long after the last one, or after
 * so long altogether, pages are asked for.
 */
const LIST_SILENCE = seconds(20);
const LONGEST_LIST = seconds(120);

/** Gives a list up that does not come to its end. `heardAt` says when it moved last, `undefined` once it is complete. */
export const losePatience = (
  time: Pick<Time, "now" | "later">,
  heardAt: () => Instant | undefined,
  giveUp: () => void,
): Cancel => {
  const lastAt = after(time.now(), LONGEST_LIST);
  let cancel: Cancel = () => undefined;
  const look = (): void => {
    const heard = heardAt();
    if (heard === undefined) return;
    const dueAt = earliest(after(heard, LIST_SILENCE), lastAt) ?? lastAt;
    if (time.now() >= dueAt) giveUp();
    else cancel = time.later(between(time.now(), dueAt), look);
  };
  look();
  return () => cancel();
};
