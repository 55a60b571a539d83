/** Keeps every checked subject checked: one health machine each, on one deadline queue. */
import type { IpAddress } from "#base/address";
import type { Duration, Instant } from "#base/time";
import type { VirtualServer } from "#core/balance/model";
import type { Reported } from "#core/balance/plan-model";
import type { TrackedCheck } from "#core/config/desired";
import type { CutOff } from "#core/health/amnesty";
import type { HealthCheckConfig } from "#core/health/config";
import {
  deadline,
  type Input,
  initialState,
  type LastFailure,
  type State,
  step,
  type Verdict,
} from "#core/health/machine";
import { type HealthTransition, observe, observeNote, observeSilence } from "#core/health/observe";
import { firstRoundSpread } from "#core/health/schedule";
import type { CheckPort, ProbeRequest } from "#drivers/check/port";
import type { Clock, Deadlines } from "#runtime/deadlines";
import { createPardons, type Pardons } from "./pardons.ts";

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
  servers.flatMap(({ name: server, ports, health, backends }) =>
    health === undefined
      ? []
      : backends.map((backend) => ({
          id: `backend ${server}/${backend.name}`,
          of: { kind: "backend" as const, server, backend: backend.name },
          config: health,
          target: { address: backend.address, port: health.port ?? backend.port ?? ports.first },
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

export type Subjects = {
  /** Checks exactly these from now on; what did not change is not disturbed. */
  reconcile(subjects: readonly Subject[]): void;
  /** The verdict on a subject; `unknown` also for one that is not checked. */
  verdict(id: string): Verdict;
  /** What is to be made of a backend; in doubt when its failure counts for nothing, because its whole server failed with it. */
  report(id: string): Reported;
  /** What `cutOff` says may have changed. */
  cutOffChanged(): void;
  /** Whether every subject has been heard of at least once. */
  allKnown(): boolean;
  /** Ends all checks. */
  close(): void;
};

/** What one is worth whose failure counts. One that says no may still be serving whom it has. */
const reportOf = ({ verdict, failing }: Pick<State, "verdict" | "failing">): Reported => {
  if (verdict !== "failed") return verdict === "healthy" ? "available" : "unknown";
  return failing === "says-no" ? "draining" : "unavailable";
};

type Running = { subject: Subject; state: State; readonly onTimer: (now: Instant) => void };

type Parts = {
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly checks: CheckPort;
  /** Told of each change of a verdict. */
  readonly onTransition: (subject: Subject, transition: HealthTransition) => void;
  /** Told when a failed subject that said no has fallen silent. */
  readonly onSilence: (subject: Subject, failure: LastFailure) => void;
  /** Told when a healthy subject says something else of itself than before; `undefined`: nothing any more. */
  readonly onNote: (subject: Subject, note: string | undefined) => void;
  /** Since when the edge itself cannot serve this virtual server's address; `undefined` while it can. */
  readonly cutOff: (server: string) => CutOff;
  /** Told when failures have begun or ceased to count for nothing. */
  readonly onPardon: () => void;
};

const isSame = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

class CheckedSubjects implements Subjects {
  readonly #parts: Parts;
  readonly #runningById = new Map<string, Running>();
  readonly #pardons: Pardons;

  constructor(parts: Parts) {
    this.#parts = parts;
    const stateOf = (id: string) => this.#runningById.get(id)?.state;
    this.#pardons = createPardons({ stateOf, cutOff: parts.cutOff, onChange: parts.onPardon });
  }

  reconcile(subjects: readonly Subject[]): void {
    const wanted = new Set(subjects.map(({ id }) => id));
    for (const running of [...this.#runningById.values()])
      if (!wanted.has(running.subject.id)) this.#stop(running);
    const spread = firstRoundSpread(subjects.length);
    for (const subject of subjects) {
      const running = this.#runningById.get(subject.id);
      if (running === undefined) this.#start(subject, spread);
      else if (!isSame(running.subject, subject)) this.#change(running, subject, spread);
    }
  }

  verdict(id: string): Verdict {
    return this.#runningById.get(id)?.state.verdict ?? "unknown";
  }

  cutOffChanged(): void {
    this.#pardons.reconsider();
  }

  report(id: string): Reported {
    const running = this.#runningById.get(id);
    if (running === undefined) return "unknown";
    const { of } = running.subject;
    const reported = reportOf(running.state);
    if (reported === "available" || of.kind !== "backend" || !this.#pardons.has(of.server, id))
      return reported;
    return reported === "draining" ? "doubtful-draining" : "doubtful";
  }

  allKnown(): boolean {
    return [...this.#runningById.values()].every(({ state }) => state.verdict !== "unknown");
  }

  close(): void {
    for (const running of [...this.#runningById.values()]) this.#stop(running);
  }

  #feed(running: Running, input: Input, now: Instant): void {
    const { subject, state: before } = running;
    const result = step(subject.config, before, input, now);
    running.state = result.state;
    this.#schedule(running);
    for (const effect of result.effects) this.#ask(running, effect.attempt);
    if (subject.of.kind === "backend") this.#pardons.heard(subject.of.server, before, running.state);
    const transition = observe(before, running.state);
    if (transition !== undefined) this.#parts.onTransition(subject, transition);
    const silence = observeSilence(before, running.state);
    if (silence !== undefined) this.#parts.onSilence(subject, silence);
    const noted = observeNote(before, running.state);
    if (noted !== undefined) this.#parts.onNote(subject, noted.note);
  }

  #schedule({ subject, state, onTimer }: Running): void {
    this.#parts.deadlines.set(subject.id, deadline(subject.config, state), onTimer);
  }

  #ask(running: Running, attempt: number): void {
    const { subject } = running;
    const request: ProbeRequest = {
      probe: subject.config.probe,
      timeout: subject.config.timeout,
      ...(subject.target === undefined ? {} : { target: subject.target }),
    };
    void this.#parts.checks.probe(request).then((outcome) => {
      // The answer to a question about a subject that is gone or has changed says nothing about the new one.
      if (this.#runningById.get(subject.id) !== running || running.subject !== subject) return;
      this.#feed(running, { type: "probe-result", attempt, outcome }, this.#parts.clock.now());
    });
  }

  #start(subject: Subject, spread: Duration): void {
    const running: Running = {
      subject,
      state: initialState(subject.config, { name: subject.id, now: this.#parts.clock.now(), spread }),
      onTimer: (at) => this.#feed(running, { type: "timer" }, at),
    };
    this.#runningById.set(subject.id, running);
    if (subject.of.kind === "backend") this.#pardons.join(subject.of.server, subject.id);
    this.#schedule(running);
  }

  #change(running: Running, subject: Subject, spread: Duration): void {
    if (!isSame(running.subject.target, subject.target)) {
      this.#start(subject, spread);
      return;
    }
    const now = this.#parts.clock.now();
    const { state: carried } = running;
    running.subject = subject;
    running.state = initialState(subject.config, { name: subject.id, now, carried, spread });
    this.#schedule(running);
  }

  #stop({ subject, onTimer }: Running): void {
    this.#runningById.delete(subject.id);
    if (subject.of.kind === "backend") this.#pardons.leave(subject.of.server, subject.id);
    this.#parts.deadlines.set(subject.id, undefined, onTimer);
  }
}

/** Nothing is checked until `reconcile`. */
export const createSubjects = (parts: Parts): Subjects => new CheckedSubjects(parts);
