/** Keeps FRR with our part of its configuration. See the folder's `index.ts` for what its owner does. */
import type { IpAddress } from "#base/address";
import { formatInterfaceAddress } from "#base/prefix";
import { after, type Duration, micros, millis, seconds } from "#base/time";
import type { BgpSettings, PeerWord, RouteWord } from "#core/bgp/desired";
import { lastResort } from "#core/bgp/last-resort";
import type { SessionName } from "#core/bgp/session/state";
import type { RouteCounts } from "#core/frr/classes";
import type { RefusalReason } from "#core/frr/refusal";
import type { Section } from "#core/frr/section";
import { type FrrSession, readSessions } from "#core/frr/sessions";
import type { FrrFailure } from "#drivers/frr/port";
import type { RouteChanges } from "../bgp/route-queue.ts";
import type { FrrEngineParts } from "./parts.ts";
import { type RoundOutcome, runRound } from "./round.ts";

/** How a peer is. */
export type FrrPeerSnapshot = {
  readonly name: string;
  readonly address: IpAddress | undefined;
  /** Why it is not in FRR; `undefined`: it is, or is to be. */
  readonly refused: RefusalReason | undefined;
  /** What FRR said last; `undefined`: nothing yet. */
  readonly session: FrrSession | undefined;
  /** Routes that it is told, and those that it is not because they are too many. */
  readonly routes: RouteCounts;
};

const NO_ROUTES: RouteCounts = { told: 0, overLimit: { IPv4: 0, IPv6: 0 } };

/** Changes that come together are entered together. */
const COLLECT = millis(200);
/** How often it is looked whether FRR has our part still. */
const LOOK = seconds(5);
/** After a failure; twice as long after each further one. */
const SOONEST_RETRY = seconds(2);
const LATEST_RETRY = seconds(30);
/** How long the end may wait for FRR. */
const LONGEST_REMOVAL = seconds(10);
/** How long FRR gets to tell peers that routes are gone. */
const FAREWELL = seconds(1);
const TIMER = "frr round";

const going = (route: RouteWord): RouteWord => ({
  ...route,
  targets: route.targets.map(({ peers, attributes }) => ({ peers, attributes: lastResort(attributes) })),
});

/** What is done with FRR now. */
type Phase =
  | { readonly name: "waiting" } // not everything was told
  | { readonly name: "keeping" }
  | { readonly name: "draining" }
  /** First the routes, then everything: peers might keep routes of a session that just ends. */
  | { readonly name: "withdrawing"; readonly done: () => void }
  | { readonly name: "removing"; readonly done: () => void }
  | { readonly name: "closed" };

export class FrrEngine {
  readonly #parts: FrrEngineParts;
  readonly #routes = new Map<string, RouteWord>();
  readonly #states = new Map<string, SessionName>();
  readonly #refused = new Map<string, RefusalReason>();
  #peers: readonly PeerWord[] = [];
  #section: Section | undefined;
  #sessions: ReadonlyMap<string, FrrSession> = new Map();
  #drainTime: Duration = micros(0);
  #phase: Phase = { name: "waiting" };
  #isRunning = false;
  /** Whether something is different since the round that runs began. */
  #isStale = false;
  /** What FRR prints while it has what is wanted now. */
  #settled: string | undefined;
  #failures = 0;
  #trouble = "";

  constructor(parts: FrrEngineParts) {
    this.#parts = parts;
  }

  /** How the engine itself is to be; whether FRR listens is FRR's own affair. */
  setSettings({ drainTime }: BgpSettings): void {
    this.#drainTime = drainTime;
  }

  /** FRR talks to exactly these peers for us from now on. */
  setPeers(words: readonly PeerWord[]): void {
    this.#peers = words;
    this.#soon();
  }

  /** Takes note of routes; of prefixes in both lists what is in `changed` counts. */
  route({ changed, removed }: RouteChanges): void {
    for (const prefix of removed) this.#routes.delete(formatInterfaceAddress(prefix));
    for (const route of changed) this.#routes.set(formatInterfaceAddress(route.prefix), route);
    this.#soon();
  }

  /** Everything there is has been told: FRR is brought to it, and what is there of an earlier process goes. */
  routesComplete(): void {
    if (this.#phase.name !== "waiting") return;
    this.#phase = { name: "keeping" };
    this.#soon();
  }

  /** FRR follows interfaces by itself. */
  linksChanged(): void {}

  /** Every peer, as it is now. */
  peers(): readonly FrrPeerSnapshot[] {
    return this.#peers.map(({ name, neighbor }) => {
      const address = neighbor.type === "address" ? neighbor.address : undefined;
      return {
        ...{ name, address },
        refused: this.#refused.get(name),
        session: address === undefined ? undefined : this.#sessions.get(address),
        routes: this.#section?.counts.get(name) ?? NO_ROUTES,
      };
    });
  }

  /** What keeps FRR from having our part; empty: nothing. */
  get trouble(): string {
    return this.#trouble;
  }

  /**
   * A restart leaves FRR as it is. Otherwise peers are told that routes are going, and after a while our part is removed; `done` is
   * called once it is, or cannot be.
   */
  leave({ reason }: { readonly reason: "shutdown" | "restart" }, done: () => void): void {
    const { name } = this.#phase;
    if (name !== "waiting" && name !== "keeping") return;
    if (reason === "restart") {
      this.close();
      done();
    } else if (name === "keeping" && this.#drainTime > 0 && this.#routes.size > 0) {
      this.#phase = { name: "draining" };
      this.#soon();
      this.#parts.deadlines.set("frr drain", after(this.#parts.now(), this.#drainTime), () =>
        this.#remove(done),
      );
    } else this.#remove(done);
  }

  /** Ends at once; FRR keeps what it has. */
  close(): void {
    this.#phase = { name: "closed" };
    for (const timer of [TIMER, "frr drain", "frr removal"])
      this.#parts.deadlines.set(timer, undefined, () => {});
  }

  #remove(done: () => void): void {
    // Before everything was told it is not known what is there of an earlier process.
    const isKnown = this.#phase.name !== "waiting" && this.#routes.size > 0;
    this.#phase = { name: isKnown ? "withdrawing" : "removing", done };
    const until = after(this.#parts.now(), LONGEST_REMOVAL);
    this.#parts.deadlines.set("frr removal", until, () => this.#removed());
    this.#soon();
  }

  #removed(): void {
    if (this.#phase.name !== "removing" && this.#phase.name !== "withdrawing") return;
    const { done } = this.#phase;
    this.close();
    done();
  }

  #soon(): void {
    if (this.#phase.name === "waiting" || this.#phase.name === "closed") return;
    this.#isStale = true;
    this.#settled = undefined;
    if (!this.#isRunning) this.#later(COLLECT);
  }

  #later(delay: Duration): void {
    this.#parts.deadlines.set(TIMER, after(this.#parts.now(), delay), () => void this.#round());
  }

  #wanted(): { readonly peers: readonly PeerWord[]; readonly routes: readonly RouteWord[] } {
    if (this.#phase.name === "removing") return { peers: [], routes: [] };
    if (this.#phase.name === "withdrawing") return { peers: this.#peers, routes: [] };
    const routes = [...this.#routes.values()];
    return { peers: this.#peers, routes: this.#phase.name === "draining" ? routes.map(going) : routes };
  }

  async #round(): Promise<void> {
    if (this.#isRunning || this.#phase.name === "closed") return;
    this.#isRunning = true;
    this.#isStale = false;
    const phase = this.#phase;
    const outcome = await runRound(this.#parts.frr, this.#wanted(), this.#settled);
    const sessions =
      outcome.type === "failed" || phase.name === "removing" ? undefined : await this.#parts.frr.sessions();
    this.#isRunning = false;
    // It may have been closed while FRR answered.
    if (this.#isClosed()) return;
    this.#note(outcome);
    if (sessions?.ok === true) this.#hear(readSessions(sessions.value));
    if (this.#phase === phase && this.#isOver(outcome)) {
      if (phase.name === "removing") {
        this.#removed();
        return;
      }
      if (phase.name === "withdrawing") {
        this.#phase = { name: "removing", done: phase.done };
        this.#settled = undefined;
        this.#later(FAREWELL);
        return;
      }
    }
    this.#later(this.#pause(outcome));
  }

  #isClosed(): boolean {
    return this.#phase.name === "closed";
  }

  /** Nothing can be left in an FRR that does not run: it is in no file. */
  #isOver(outcome: RoundOutcome): boolean {
    if (outcome.type === "failed") {
      const { reason } = outcome.failure;
      return reason === "no-shell" || reason === "no-daemon";
    }
    return outcome.type === "settled" || outcome.type === "unchanged";
  }

  #pause(outcome: RoundOutcome): Duration {
    if (this.#isStale) return COLLECT;
    if (outcome.type === "settled" || outcome.type === "unchanged") return LOOK;
    return micros(Math.min(LATEST_RETRY, SOONEST_RETRY * 2 ** (this.#failures - 1)));
  }

  #note(outcome: RoundOutcome): void {
    const now = this.#parts.now();
    const { tell } = this.#parts;
    if (outcome.type === "unchanged") return;
    // What has changed meanwhile is not in it.
    this.#settled = outcome.type === "settled" && !this.#isStale ? outcome.text : undefined;
    if (outcome.type === "settled") {
      this.#failures = 0;
      if (this.#trouble !== "") tell({ type: "recovered" }, now);
      this.#trouble = "";
      if (outcome.lines > 0) tell({ type: "applied", lines: outcome.lines }, now);
    } else {
      this.#failures = Math.min(this.#failures + 1, 10);
      this.#complain(
        outcome.type === "failed"
          ? { type: "failed", failure: outcome.failure }
          : { type: "unsettled", line: outcome.line },
      );
    }
    if (outcome.type !== "failed") this.#noteSection(outcome.section);
  }

  #complain(
    trouble:
      | { readonly type: "failed"; readonly failure: FrrFailure }
      | { readonly type: "unsettled"; readonly line: string },
  ): void {
    const text = trouble.type === "failed" ? trouble.failure.message : `FRR does not print: ${trouble.line}`;
    const isNew = text !== this.#trouble;
    this.#trouble = text;
    if (isNew) this.#parts.tell(trouble, this.#parts.now());
  }

  #noteSection(section: Section): void {
    if (this.#phase.name === "removing") return;
    this.#section = section;
    const refused = new Map(section.refused.map(({ peer, reason }) => [peer, reason]));
    const names = new Set([...refused.keys(), ...this.#refused.keys()]);
    for (const peer of names) {
      const reason = refused.get(peer);
      if (reason === this.#refused.get(peer)) continue;
      if (reason === undefined) this.#refused.delete(peer);
      else this.#refused.set(peer, reason);
      this.#parts.tell({ type: "refused", peer, reason }, this.#parts.now());
    }
  }

  #hear(sessions: readonly FrrSession[]): void {
    this.#sessions = new Map(sessions.map((session) => [session.address, session]));
    const known = new Set<string>();
    for (const { name, neighbor } of this.#section?.peers ?? []) {
      known.add(name);
      const session = this.#sessions.get(neighbor.address);
      const from = this.#states.get(name);
      if (session === undefined || session.state === from) continue;
      this.#states.set(name, session.state);
      const text = session.failure?.text ?? "";
      this.#parts.tell({ type: "session", peer: name, from, to: session.state, text }, this.#parts.now());
    }
    for (const name of [...this.#states.keys()]) if (!known.has(name)) this.#states.delete(name);
  }
}
