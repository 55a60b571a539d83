/** Which time to go by when certificates are judged: ours may be wrong, and the API server's is the one that counts. */
import { type WallTime, wallTime } from "#base/time";
import { BACKDATING, type HeldSecret } from "./held.ts";
import type { Note } from "./note.ts";

export type Clock = {
  /** As this machine has it. */
  readonly now: WallTime;
  /**
   * As the API server has it now, to a second or so: from the stamp on an answer to a write that was just made, such as
   * the renewal of a lease or an event. `undefined` if nothing was written yet.
   */
  readonly serverNow: WallTime | undefined;
};

export type ClockJudgement = {
  readonly time: WallTime;
  /** Nothing is to be renewed by this time. */
  readonly isDoubtful: boolean;
  readonly notes: readonly Note[];
};

/** When the newest of our certificates was made, by the clock of whoever made it. */
const madeAt = (held: HeldSecret): number | undefined => {
  if (held.type === "absent" || held.contents.state !== "usable") return undefined;
  const { serving, authorities } = held.contents;
  if (!serving.isOurs) return undefined;
  return Math.max(serving.notBefore, ...authorities.map(({ notBefore }) => notBefore)) + BACKDATING;
};

/**
 * What speaks against our own clock, when the API server's is not known: its stamps lie in our future, or the certificate
 * was made later than the Secret was last written. The second happens once, to whoever wrote by a clock that is ahead, and
 * keeps everybody from writing again for the same reason.
 */
const evidence = (held: HeldSecret, now: WallTime): Note | undefined => {
  if (held.type === "absent") return undefined;
  const { stampedAt } = held;
  const made = madeAt(held);
  if (stampedAt !== undefined && stampedAt > now + BACKDATING) {
    return { type: "clock-behind", by: stampedAt - now };
  }
  if (made === undefined) return undefined;
  if (made > now + BACKDATING) return { type: "certificate-from-the-future", by: made - now };
  if (stampedAt !== undefined && made > stampedAt + BACKDATING) {
    return { type: "certificate-from-the-future", by: made - stampedAt };
  }
  return undefined;
};

/** The time to go by, and what is to be said about it. */
export const judgeClock = (held: HeldSecret, { now, serverNow }: Clock): ClockJudgement => {
  if (serverNow === undefined) {
    const note = evidence(held, now);
    const stampedAt = held.type === "present" ? (held.stampedAt ?? now) : now;
    const time = wallTime(Math.max(now, stampedAt));
    return { time, isDoubtful: note !== undefined, notes: note === undefined ? [] : [note] };
  }
  const by = now - serverNow;
  const notes: readonly Note[] = Math.abs(by) > BACKDATING ? [{ type: "clock-differs", by }] : [];
  return { time: wallTime(serverNow), isDoubtful: false, notes };
};
