/**
 * Keeps conntrackd running while there are connections to keep in sync, and says whether a takeover would keep them.
 *
 * A daemon that ends is started again, later each time. A change of what it is to know starts it anew: it cannot read
 * its configuration again. It then gets all connections from the kernel and from its peer.
 */
import { after, type Duration, type Instant, micros, seconds } from "#base/time";
import type { Desired } from "#core/config/desired";
import { renderDaemonConfig, syncedAddresses } from "#core/connection-sync/daemon-config";
import { type Hearing, hear, judge, type SyncState } from "#core/connection-sync/statistics";
import type { Event } from "#core/observation/event";
import type { SyncDaemon, SyncDaemonPort } from "#drivers/conntrackd/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

/** Pause between two questions to the daemon. */
const PERIOD = seconds(2);
const FIRST_RETRY = seconds(1);
const LONGEST_RETRY = seconds(60);
const DEADLINE_ID = "connection-sync";

export type ConnectionSync = {
  /** Makes what runs fit the configuration. */
  update(desired: Desired): void;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
  /** Ends the daemon. */
  stop(): Promise<void>;
  /** Looks after the daemon no more, and lets it run for the program's next run. */
  leave(): void;
};

type Parts = {
  readonly daemons: SyncDaemonPort;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
};

type Running = { readonly daemon: SyncDaemon; readonly text: string; hearing: Hearing | undefined };

class SupervisedSync implements ConnectionSync {
  readonly #parts: Parts;
  /** The daemon's configuration; `undefined` for none. */
  #wanted: string | undefined;
  #peer = "";
  #running: Running | undefined;
  #state: SyncState = "idle";
  #retry: Duration = FIRST_RETRY;
  #work: Promise<void> = Promise.resolve();
  /** Whether what an earlier run of the program left has been ended. */
  #hasSwept = false;
  #closed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  update({ syncs, servers }: Desired): void {
    const [config] = syncs;
    const addresses = syncedAddresses(servers);
    const isNeeded = config !== undefined && addresses.length > 0;
    const { files } = this.#parts.daemons;
    const wanted = isNeeded ? renderDaemonConfig(config, { addresses, files }) : undefined;
    if (wanted === this.#wanted && this.#hasSwept) return;
    this.#wanted = wanted;
    this.#peer = config?.peer ?? "";
    this.#retry = FIRST_RETRY;
    this.#then(() => this.#fit());
  }

  async settled(): Promise<void> {
    await this.#work;
  }

  async stop(): Promise<void> {
    this.#closed = true;
    this.#schedule(undefined);
    await this.#work;
    await this.#end();
    // It may have ended by itself just before, as when the whole service is told to end.
    await this.#parts.daemons.sweep();
  }

  leave(): void {
    this.#closed = true;
    this.#schedule(undefined);
  }

  #then(work: () => Promise<void>): void {
    this.#work = this.#work.then(() => (this.#closed ? undefined : work()));
  }

  async #end(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.daemon.stop();
  }

  async #fit(): Promise<void> {
    if (this.#running !== undefined && this.#running.text === this.#wanted) return;
    await this.#end();
    if (!this.#hasSwept) await this.#parts.daemons.sweep();
    this.#hasSwept = true;
    if (this.#wanted === undefined) {
      this.#schedule(undefined);
      this.#become("idle", "no server translates addresses, or no ConnectionSync is configured");
      return;
    }
    await this.#start(this.#wanted);
  }

  async #start(text: string): Promise<void> {
    const { daemons } = this.#parts;
    const missing = await daemons.unavailable();
    if (missing !== undefined) {
      this.#become("unavailable", missing);
      this.#later();
      return;
    }
    const daemon = await daemons.start(text, (detail) => this.#onExit(detail));
    if (typeof daemon === "string") {
      this.#become("down", daemon);
      this.#later();
      return;
    }
    this.#running = { daemon, text, hearing: undefined };
    this.#become("starting", `pid ${daemon.pid}, waiting for ${this.#peer}`);
    this.#schedule(after(this.#parts.clock.now(), PERIOD));
  }

  #onExit(detail: string): void {
    if (this.#closed) return;
    this.#running = undefined;
    this.#become("down", detail);
    this.#later();
  }

  /** Tries again after a pause that grows. */
  #later(): void {
    this.#schedule(after(this.#parts.clock.now(), this.#retry));
    this.#retry = micros(Math.min(this.#retry * 2, LONGEST_RETRY));
  }

  async #look(running: Running): Promise<void> {
    const statistics = await running.daemon.statistics();
    if (this.#running !== running) return;
    const now = this.#parts.clock.now();
    // A daemon that does not answer may be busy; if it has ended we hear of it.
    if (statistics !== undefined) {
      running.hearing = hear(running.hearing, statistics.heard, now);
      const state = judge(running.hearing, statistics, now);
      if (state === "in-sync") this.#retry = FIRST_RETRY;
      const { ours, theirs, unconfirmed } = statistics;
      this.#become(state, this.#describe(state, { ours, theirs, unconfirmed }));
    }
    this.#schedule(after(now, PERIOD));
  }

  #describe(state: SyncState, counts: { ours: number; theirs: number; unconfirmed: number }): string {
    const { ours, theirs, unconfirmed } = counts;
    const known = `${ours} connections of this box, ${theirs} taken over from ${this.#peer} since the start`;
    if (state === "behind") return `${unconfirmed} changes not confirmed by ${this.#peer}; ${known}`;
    if (state === "peer-silent") return `${this.#peer} is not heard; ${known}`;
    return known;
  }

  #become(state: SyncState, detail: string): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#parts.emit({ type: "connection-sync", state, detail });
  }

  #schedule(at: Instant | undefined): void {
    this.#parts.deadlines.set(DEADLINE_ID, at, this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#then(async () => {
      if (this.#running === undefined) await this.#fit();
      else await this.#look(this.#running);
    });
  };
}

/** Runs nothing until `update`. */
export const createConnectionSync = (parts: Parts): ConnectionSync => new SupervisedSync(parts);
