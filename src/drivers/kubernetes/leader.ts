/** Runs leader election on a cluster: the machine of `core/lease`, its requests, and its timer. */
import type { Instant } from "#base/time";
import { between } from "#base/time";
import type { LeaseConfig } from "#core/lease/config";
import { deadline, initialState, leads, step } from "#core/lease/machine";
import { formatMicroTime, type LeaseClaim, parseLease, renderLease } from "#core/lease/record";
import type { Effect, Input, LossReason, State } from "#core/lease/state";
import type { Answer, ClusterPort, Failure, Resource, Target } from "./port.ts";
import { type Cancel, systemTime, type Time } from "./time.ts";

const LEASES: Resource = {
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  namespaced: true,
};

export type LeaderOptions = {
  readonly cluster: ClusterPort;
  /** Where the Lease lies, and what it is called. */
  readonly namespace: string;
  readonly name: string;
  readonly config: LeaseConfig;
  readonly time?: Time;
  /** From now on we lead. */
  readonly onLead: () => void;
  /**
   * From now on we do not. On a clean stop the Lease is released when the promise has ended, so that nothing of ours is
   * under way when the next one begins.
   */
  readonly onLost: (reason: LossReason) => void | Promise<void>;
  /** A request failed that was no mere conflict; `undefined` once one succeeds again. */
  readonly onTrouble?: (failure: Failure | undefined) => void;
};

export type Leader = {
  /** Whether we lead at this moment. To be asked before each act that only the leader may do: time alone ends it. */
  readonly leads: boolean;
  /** Who holds the Lease, as far as we know; `""` for nobody. */
  readonly holder: string;
  /** Gives up, releases the Lease, and ends; within the renew deadline even if nobody answers. */
  stop(): Promise<void>;
};

class Runner {
  readonly #options: LeaderOptions;
  readonly #time: Time;
  readonly #target: Target;
  #state: State;
  /** The Lease as it was read or written last, with what others wrote into it. */
  #object: unknown;
  #cancel: Cancel = () => undefined;
  #isTroubled = false;
  /** What the loss of leadership has still to finish. */
  #losing: Promise<void> = Promise.resolve();
  readonly ended: Promise<void>;
  #end: () => void = () => undefined;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#time = options.time ?? systemTime;
    this.#target = { resource: LEASES, namespace: options.namespace, name: options.name };
    this.#state = initialState(this.#now);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    this.#schedule();
  }

  get #now(): Instant {
    return this.#time.now();
  }

  get leads(): boolean {
    return leads(this.#state, this.#now);
  }

  get holder(): string {
    return this.#state.observed?.record?.holder ?? "";
  }

  input(input: Input): void {
    const { state, effects } = step(this.#options.config, this.#state, input, this.#now);
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
    this.#schedule();
  }

  #schedule(): void {
    this.#cancel();
    const due = deadline(this.#options.config, this.#state);
    if (due === undefined) return;
    this.#cancel = this.#time.later(between(this.#now, due), () => this.input({ type: "timer" }));
  }

  #perform(effect: Effect): void {
    switch (effect.type) {
      case "became-leader":
        this.#options.onLead();
        return;
      case "lost-leadership": {
        const lost = this.#options.onLost(effect.reason);
        if (lost !== undefined) this.#losing = lost;
        return;
      }
      case "stopped":
        this.#end();
        return;
      case "read":
        void this.#read(effect.attempt);
        return;
      default:
        void this.#write(effect);
    }
  }

  #tell(answer: Answer): void {
    const isConflict =
      !answer.ok && (answer.failure.reason === "conflict" || answer.failure.reason === "not-found");
    const failure = answer.ok || isConflict ? undefined : answer.failure;
    if (failure === undefined && !this.#isTroubled) return;
    this.#isTroubled = failure !== undefined;
    this.#options.onTrouble?.(failure);
  }

  async #read(attempt: number): Promise<void> {
    const answer = await this.#options.cluster.read(this.#target);
    this.#tell(answer);
    if (!answer.ok) {
      const isAbsent = answer.failure.reason === "not-found";
      if (isAbsent) this.#object = undefined;
      this.input({ type: "read-result", attempt, result: { type: isAbsent ? "absent" : "failed" } });
      return;
    }
    const record = parseLease(answer.body);
    if (record !== undefined) this.#object = answer.body;
    this.input({
      type: "read-result",
      attempt,
      result: record === undefined ? { type: "failed" } : { type: "found", record },
    });
  }

  #render(claim: LeaseClaim): unknown {
    const { namespace, name } = this.#options;
    const microTime = formatMicroTime(this.#time.wall());
    return renderLease({ before: this.#object, namespace, name, claim, microTime });
  }

  async #write(effect: Extract<Effect, { type: "create" | "update" }>): Promise<void> {
    const { attempt, claim } = effect;
    if (claim.holder === "") await this.#losing;
    const { cluster } = this.#options;
    if (effect.type === "create") this.#object = undefined;
    const body = this.#render(claim);
    const answer = await cluster.write(
      this.#target,
      effect.type === "create" ? { verb: "create", body } : { verb: "update", body },
    );
    this.#tell(answer);
    if (!answer.ok) {
      const { reason } = answer.failure;
      const isConflict = reason === "conflict" || reason === "not-found";
      this.input({ type: "write-result", attempt, result: { type: isConflict ? "conflict" : "failed" } });
      return;
    }
    const record = parseLease(answer.body);
    if (record !== undefined) this.#object = answer.body;
    this.input({
      type: "write-result",
      attempt,
      result: record === undefined ? { type: "failed" } : { type: "written", record },
    });
  }
}

/** Starts to take part in the election. */
export const runLeader = (options: LeaderOptions): Leader => {
  const runner = new Runner(options);
  return {
    get leads() {
      return runner.leads;
    },
    get holder() {
      return runner.holder;
    },
    stop: () => {
      runner.input({ type: "stop" });
      return runner.ended;
    },
  };
};
