/** A prober that gives the answers a test has put in its mouth. */
import { micros, millis } from "#base/time";
import type { ProbeFailure, ProbeOutcome } from "#core/health/probe";
import type { CheckPort, ProbeRequest } from "./port.ts";

export type FakeChecks = CheckPort & {
  /** Every request so far, in order. */
  readonly asked: readonly ProbeRequest[];
  /** From now on answers every request with what `decide` gives; `undefined` means the subject stays silent. */
  answerWith(decide: (request: ProbeRequest) => ProbeOutcome | undefined): void;
};

/** A successful outcome that took a millisecond. */
export const passed = (): ProbeOutcome => ({ ok: true, took: millis(1) });

/** A failed outcome that took a millisecond. */
export const failedWith = (reason: ProbeFailure): ProbeOutcome => ({
  ok: false,
  reason,
  detail: `${reason}, says the fake`,
  took: millis(1),
});

/** A prober whose subjects all answer well until told otherwise. No time passes in it. */
export const createFakeChecks = (): FakeChecks => {
  const asked: ProbeRequest[] = [];
  let decide: (request: ProbeRequest) => ProbeOutcome | undefined = passed;
  return {
    asked,
    answerWith(next) {
      decide = next;
    },
    async probe(request) {
      asked.push(request);
      const { timeout } = request;
      if (!["script", "ping", "arp"].includes(request.probe.type) && request.target === undefined) {
        return { ok: false, reason: "not-started", detail: "no target", took: micros(0) };
      }
      return decide(request) ?? { ok: false, reason: "timeout", detail: "silent", took: timeout };
    },
  };
};
