/**
 * What routers are told of tracked checks: each verdict as it comes, but one.
 *
 * A program of this box that is told to end refuses new connections first, and then finishes those that it has. Where a virtual server
 * sends new ones to others meanwhile, a router that stepped back would gain nothing and cut what is still served. So it hears that
 * such a check has failed when the last of these connections is closed, which the kernel of a program that has died does at once.
 */
import { after, type Duration, type Instant, millis, seconds } from "#base/time";
import type { Verdict } from "#core/health/machine";
import type { HealthTransition } from "#core/health/observe";
import type { Clock, Deadlines } from "#runtime/deadlines";

/** As long as kube-apiserver gives requests that are under way when it ends (`--request-timeout`). */
export const LONGEST_STAY: Duration = seconds(60);
const LOOK = millis(250);

export type CheckWords = {
  /** A verdict has changed. */
  heard(check: string, transition: HealthTransition): void;
  /** It has failed before, and now nobody answers: there is nothing to wait for. */
  silent(check: string): void;
  /** What routers are to believe, of a check of which this is the verdict. */
  word(check: string, verdict: Verdict): Verdict;
  /** Waits for nothing any more. */
  close(): void;
};

const isRefusal = ({ from, to, failure }: HealthTransition): boolean =>
  from === "healthy" && to === "failed" && (failure?.reason === "refused" || failure?.reason === "reset");

const deadlineId = (check: string): string => `check-words ${check}`;

/** `openFlows` counts the connections that a router which follows this check would cut; 0 also where nothing would be. */
export const createCheckWords = (parts: {
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly openFlows: (check: string) => Promise<number>;
  readonly send: (check: string, state: Verdict) => void;
  /** Told once that a failure is held back for so many connections. */
  readonly onStay: (check: string, flows: number) => void;
}): CheckWords => {
  const { clock, deadlines, openFlows, send, onStay } = parts;
  /** By check: until when it is held back. */
  const stays = new Map<string, { readonly until: Instant }>();

  const forget = (check: string): void => {
    if (stays.delete(check)) deadlines.set(deadlineId(check), undefined, () => undefined);
  };

  const release = (check: string): void => {
    forget(check);
    send(check, "failed");
  };

  const look = async (check: string, stay: { readonly until: Instant }, isFirst: boolean): Promise<void> => {
    const { until } = stay;
    // However long the counting takes, or if it never ends.
    deadlines.set(deadlineId(check), until, () => release(check));
    const flows = await openFlows(check);
    if (stays.get(check) !== stay) return;
    if (flows === 0) return release(check);
    if (isFirst) onStay(check, flows);
    const next = after(clock.now(), LOOK);
    if (next < until) deadlines.set(deadlineId(check), next, () => void look(check, stay, false));
  };

  return {
    heard(check, transition) {
      forget(check);
      if (!isRefusal(transition)) return send(check, transition.to);
      const stay = { until: after(clock.now(), LONGEST_STAY) };
      stays.set(check, stay);
      void look(check, stay, true);
    },
    silent(check) {
      if (stays.has(check)) release(check);
    },
    word: (check, verdict) => (stays.has(check) ? "healthy" : verdict),
    close() {
      for (const check of [...stays.keys()]) forget(check);
    },
  };
};
