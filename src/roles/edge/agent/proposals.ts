/**
 * Proposes to the wire what the files want: one configuration at a time, and none that is in force already.
 *
 * Reading a large configuration takes longer than asking for it. Whoever asks while one is read, or waits for its
 * answer, gets one reading more after it: neither process ever has a queue of configurations to work off.
 */
import { type Desired, NOTHING_DESIRED } from "#core/config/desired";
import { isSameDesired } from "#core/config/diff";
import { formatProblem, type Loaded } from "#drivers/files/load";
import type { AgentToWire } from "../messages.ts";

/** Virtual servers in one message: the wire process turns to other things between two. */
const SERVERS_AT_ONCE = 250;

export type Proposals = {
  /** What is in force when this agent begins to look. */
  adopt(desired: Desired | undefined): void;
  /** What is in force now, as far as the wire has said. */
  readonly inForce: Desired;
  /** Proposes this configuration, which was read just now. */
  propose(loaded: Loaded): void;
  /** The files may have changed: they are read again soon, and once however often this is called until then. */
  reload(): void;
  /** The wire's answer to the last proposal. */
  answered(answer: { readonly id: number; readonly accepted: boolean }): void;
};

type Parts = {
  readonly load: () => Loaded;
  readonly send: (message: AgentToWire) => void;
  /** Calls back when everything that waits to be read has been. */
  readonly later: (action: () => void) => void;
  readonly warn: (line: string) => void;
};

class OneAtATime implements Proposals {
  readonly #parts: Parts;
  #inForce: Desired | undefined;
  #waiting: { readonly id: number; readonly desired: Desired } | undefined;
  #lastId = 0;
  #isWanted = false;
  #isPlanned = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get inForce(): Desired {
    return this.#inForce ?? NOTHING_DESIRED;
  }

  adopt(desired: Desired | undefined): void {
    this.#inForce = desired;
  }

  propose(loaded: Loaded): void {
    const { send, warn } = this.#parts;
    if (!loaded.ok) {
      send({ type: "refused", problems: loaded.problems.map(formatProblem) });
      return;
    }
    const { desired } = loaded;
    if (this.#inForce !== undefined && isSameDesired(this.#inForce, desired)) {
      send({ type: "unchanged" });
      return;
    }
    for (const warning of loaded.warnings) warn(formatProblem(warning));
    this.#lastId += 1;
    // Texts that were cut out of the files would keep the whole files in memory.
    this.#waiting = { id: this.#lastId, desired: structuredClone(desired) };
    for (let from = 0; from < desired.servers.length; from += SERVERS_AT_ONCE) {
      send({ type: "servers", servers: desired.servers.slice(from, from + SERVERS_AT_ONCE) });
    }
    send({ type: "desired", id: this.#lastId, desired: { ...desired, servers: [] } });
  }

  reload(): void {
    this.#isWanted = true;
    this.#plan();
  }

  answered({ id, accepted }: { readonly id: number; readonly accepted: boolean }): void {
    if (this.#waiting?.id !== id) return;
    if (accepted) this.#inForce = this.#waiting.desired;
    this.#waiting = undefined;
    this.#plan();
  }

  #plan(): void {
    if (!this.#isWanted || this.#isPlanned || this.#waiting !== undefined) return;
    this.#isPlanned = true;
    this.#parts.later(() => {
      this.#isPlanned = false;
      this.#isWanted = false;
      this.propose(this.#parts.load());
    });
  }
}

/** Proposes nothing until told to. */
export const createProposals = (parts: Parts): Proposals => new OneAtATime(parts);
