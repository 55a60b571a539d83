/** Keeps every checked subject checked: one health machine each, on one deadline queue. */
import type { IpAddress } from "#base/address";
import type { Duration, Instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import type { TrackedCheck } from "#core/config/desired";
import type { HealthCheckConfig } from "#core/health/config";
import { deadline, type Input, initialState, type State, step, type Verdict } from "#core/health/machine";
import { type HealthTransition, observe } from "#core/health/observe";
import { firstRoundSpread } from "#core/health/schedule";
import type { CheckPort, ProbeRequest } from "#drivers/check/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

/** What is checked and on whose behalf. */
export type Subject = {
  readonly id: string;
  readonly of:
    | { readonly kind: "backend"; readonly server: string; readonly backend: string }
    | { readonly kind: "check"; readonly check: string };
  readonly config: HealthCheckConfig;
  readonly target?: { readonly address: IpAddress; readonly port: number };
};

/** The subjects of virtual servers: one a backend, where the server has a health check. */
export const serverSubjects = (servers: readonly VirtualServer[]): Subject[] =>
  servers.flatMap(({ name: server, health, backends }) =>
    health === undefined
      ? []
      : backends.map((backend) => ({
          id: `backend ${server}/${backend.name}`,
          of: { kind: "backend" as const, server, backend: backend.name },
          config: health,
          target: { address: backend.address, port: health.port ?? backend.port },
        })),
  );

/** The subjects that routers track. */
export const checkSubjects = (checks: readonly TrackedCheck[]): Subject[] =>
  checks.map((check) => ({
    id: `check ${check.name}`,
    of: { kind: "check", check: check.name },
    config: check.health,
    ...(check.target === undefined ? {} : { target: check.target }),
  }));

type Running = { subject: Subject; state: State; readonly onTimer: (now: Instant) => void };

export type Subjects = {
  /** Checks exactly these from now on; what did not change is not disturbed. */
  reconcile(subjects: readonly Subject[]): void;
  /** The verdict on a subject; `unknown` also for one that is not checked. */
  verdict(id: string): Verdict;
  /** Whether every subject has been heard of at least once. */
  allKnown(): boolean;
  /** Ends all checks. */
  close(): void;
};

const sameSubject = (left: Subject, right: Subject): boolean =>
  JSON.stringify(left) === JSON.stringify(right);

/** Nothing is checked until `reconcile`. `onTransition` is told of each change of a verdict. */
export const createSubjects = (parts: {
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly checks: CheckPort;
  readonly onTransition: (subject: Subject, transition: HealthTransition) => void;
}): Subjects => {
  const { clock, deadlines, checks, onTransition } = parts;
  const runningById = new Map<string, Running>();

  const feed = (running: Running, input: Input, now: Instant): void => {
    const { subject, state: before } = running;
    const result = step(subject.config, before, input, now);
    running.state = result.state;
    deadlines.set(subject.id, deadline(subject.config, running.state), running.onTimer);
    for (const effect of result.effects) ask(running, effect.attempt);
    const transition = observe(before, running.state);
    if (transition !== undefined) onTransition(subject, transition);
  };

  const ask = (running: Running, attempt: number): void => {
    const { subject } = running;
    const request: ProbeRequest = {
      probe: subject.config.probe,
      timeout: subject.config.timeout,
      ...(subject.target === undefined ? {} : { target: subject.target }),
    };
    void checks.probe(request).then((outcome) => {
      // The answer to a question about a subject that is gone or has changed says nothing about the new one.
      if (runningById.get(subject.id) !== running || running.subject !== subject) return;
      feed(running, { type: "probe-result", attempt, outcome }, clock.now());
    });
  };

  const start = (subject: Subject, spread: Duration): void => {
    const now = clock.now();
    const running: Running = {
      subject,
      state: initialState(subject.config, { name: subject.id, now, spread }),
      onTimer: (at) => feed(running, { type: "timer" }, at),
    };
    runningById.set(subject.id, running);
    deadlines.set(subject.id, deadline(subject.config, running.state), running.onTimer);
  };

  const change = (running: Running, subject: Subject, spread: Duration): void => {
    const moved = JSON.stringify(running.subject.target) !== JSON.stringify(subject.target);
    if (moved) {
      start(subject, spread);
      return;
    }
    running.subject = subject;
    running.state = initialState(subject.config, {
      name: subject.id,
      now: clock.now(),
      carried: running.state,
      spread,
    });
    deadlines.set(subject.id, deadline(subject.config, running.state), running.onTimer);
  };

  const stop = (id: string): void => {
    runningById.delete(id);
    deadlines.set(id, undefined, () => {});
  };

  return {
    reconcile(subjects) {
      const wanted = new Set(subjects.map(({ id }) => id));
      for (const id of [...runningById.keys()]) if (!wanted.has(id)) stop(id);
      const spread = firstRoundSpread(subjects.length);
      for (const subject of subjects) {
        const running = runningById.get(subject.id);
        if (running === undefined) start(subject, spread);
        else if (!sameSubject(running.subject, subject)) change(running, subject, spread);
      }
    },
    verdict: (id) => runningById.get(id)?.state.verdict ?? "unknown",
    allKnown: () => [...runningById.values()].every(({ state }) => state.verdict !== "unknown"),
    close() {
      for (const id of [...runningById.keys()]) stop(id);
    },
  };
};
