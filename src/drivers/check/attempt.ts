/**
 * The frame around every attempt: a place among the concurrent ones, a hard deadline, one answer.
 *
 * The deadline counts from the request, waiting for a place included, so that the port's promise holds in a storm.
 */
import { type Duration, formatDuration, micros, toMillis } from "#base/time";
import type { ProbeFailure, ProbeOutcome } from "#core/health/probe";

/** What a prober found out. */
export type Answer =
  | { readonly ok: true; readonly note?: string }
  | { readonly ok: false; readonly reason: ProbeFailure; readonly detail: string };

/** An attempt under way. */
export type Running = {
  /** Frees everything it holds, at once; gives what it was waiting for, such as `the connection`. */
  abandon(): string;
};

/**
 * Starts an attempt. `answer` counts the first time only; `gone` must be called when nothing of the attempt is left
 * (socket closed, process reaped), which frees its place.
 */
export type Start = (report: { answer(answer: Answer): void; gone(): void }) => Running;

/** Places for attempts that may run at the same time, and a queue in front of them. */
export type Places = {
  /** Calls `enter` when there is a place, perhaps at once. Gives a function that leaves the queue. */
  wait(enter: () => void): () => void;
  /** Gives a place back. */
  free(): void;
};

/** `count` places, given out in the order of asking. */
export const createPlaces = (count: number): Places => {
  let taken = 0;
  const queue = new Set<() => void>();
  return {
    wait(enter) {
      if (taken < count) {
        taken += 1;
        enter();
        return () => undefined;
      }
      queue.add(enter);
      return () => queue.delete(enter);
    },
    free() {
      const [next] = queue;
      if (next === undefined) {
        taken -= 1;
        return;
      }
      queue.delete(next);
      next();
    },
  };
};

/** Callbacks may come twice, from events that race; only the first counts. */
const once = <Arguments extends readonly unknown[]>(action: (...given: Arguments) => void) => {
  let done = false;
  return (...given: Arguments): void => {
    if (done) return;
    done = true;
    action(...given);
  };
};

/** Runs one attempt within `timeout`. Never rejects. */
export const runAttempt = (places: Places, timeout: Duration, start: Start): Promise<ProbeOutcome> =>
  new Promise((resolve) => {
    const began = performance.now();
    const limit = formatDuration(timeout);
    let running: Running | undefined;
    let answered = false;
    const answer = once((given: Answer) => {
      answered = true;
      clearTimeout(timer);
      resolve({ ...given, took: micros((performance.now() - began) * 1_000) });
    });
    const expire = (): void => {
      if (answered) return;
      if (running !== undefined) {
        const missing = running.abandon();
        answer({ ok: false, reason: "timeout", detail: `${missing} did not come within ${limit}` });
        return;
      }
      leaveQueue();
      answer({
        ok: false,
        reason: "overloaded",
        detail: `too many checks at once: no place within ${limit}`,
      });
    };
    // After a stall of the event loop both this timer and the answer may be waiting: the answer is read first.
    const timer = setTimeout(() => setImmediate(expire), Math.max(1, toMillis(timeout)));
    const leaveQueue = places.wait(() => {
      const gone = once(() => places.free());
      try {
        running = start({ answer, gone });
      } catch (error) {
        gone();
        answer({ ok: false, reason: "not-started", detail: String(error) });
      }
    });
  });
