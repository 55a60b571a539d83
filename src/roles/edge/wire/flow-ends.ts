/**
 * Ends the tracked flows of backends that can take nothing any more, after the plan that says so has come into force.
 *
 * Twice, a second apart: a packet that was under way when the plan changed may enter its flow into the table after it
 * was read.
 */
import { after, type Instant, seconds } from "#base/time";
import { type BackendKey, backendKey } from "#core/balance/model";
import type { ForwardingPlan } from "#core/balance/plan-model";
import { type Ending, flowsToEnd } from "#core/conntrack/endings";
import type { Event } from "#core/observation/event";
import type { ConntrackPort } from "#drivers/conntrack/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

/** Pause before the second look. */
const AGAIN = seconds(1);
const DEADLINE_ID = "flow-ends";

export type FlowEnds = {
  /** A plan has come into force. */
  onApplied(plan: ForwardingPlan): void;
  /** Resolves when the first look at what there was to end is over. */
  settled(): Promise<void>;
  /** Ends nothing any more. */
  close(): void;
};

type Parts = {
  /** `undefined` where the kernel has no connection tracking for us. */
  readonly conntrack: ConntrackPort | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
};

class ConntrackFlowEnds implements FlowEnds {
  readonly #conntrack: ConntrackPort;
  readonly #parts: Parts;
  #plan: ForwardingPlan | undefined;
  #last: Promise<void> = Promise.resolve();
  #unavailable: ReadonlySet<BackendKey> = new Set();
  /** To be looked at once more. */
  #again: { readonly at: Instant; readonly endings: readonly Ending[] }[] = [];
  #failure: string | undefined;

  constructor(conntrack: ConntrackPort, parts: Parts) {
    this.#conntrack = conntrack;
    this.#parts = parts;
  }

  onApplied(plan: ForwardingPlan): void {
    if (plan === this.#plan) return;
    const endings = flowsToEnd(this.#plan, plan);
    this.#plan = plan;
    this.#unavailable = new Set(
      plan.servers.flatMap(({ name, backends }) =>
        backends
          .filter(({ availability }) => availability === "unavailable")
          .map((backend) => backendKey(name, backend.name)),
      ),
    );
    if (endings.length === 0) return;
    this.#end(endings);
    this.#again.push({ at: after(this.#parts.clock.now(), AGAIN), endings });
    this.#schedule();
  }

  async settled(): Promise<void> {
    await this.#last;
  }

  close(): void {
    this.#parts.deadlines.set(DEADLINE_ID, undefined, () => undefined);
    this.#conntrack.close();
  }

  /** The next second look; endings that come meanwhile do not put it off. */
  #schedule(): void {
    this.#parts.deadlines.set(DEADLINE_ID, this.#again[0]?.at, (now) => {
      const due = this.#again.filter(({ at }) => at <= now);
      this.#again = this.#again.filter(({ at }) => at > now);
      this.#end(due.flatMap(({ endings }) => endings));
      this.#schedule();
    });
  }

  #end(endings: readonly Ending[]): void {
    this.#last = this.#last.then(() => this.#endTogether(endings));
  }

  /** All at once, since the table is read for each look. A backend that has come back meanwhile keeps what it has. */
  async #endTogether(endings: readonly Ending[]): Promise<void> {
    const due = endings.flatMap(({ server, selector, backends }) => {
      const gone = backends.filter(({ name }) => this.#unavailable.has(backendKey(server, name)));
      return gone.length === 0 ? [] : [{ server, selector, gone, targets: gone.map(({ target }) => target) }];
    });
    if (due.length === 0) return;
    const result = await this.#conntrack.end(due);
    if (!result.ok) {
      this.#complain(`${result.error.request}: ${result.error.code}`);
      return;
    }
    for (const [index, { server, gone }] of due.entries()) {
      const count = result.value[index] ?? 0;
      if (count === 0) continue;
      this.#parts.emit({ type: "flows-ended", server, backends: gone.map(({ name }) => name), count });
    }
  }

  /** Once for the same reason. */
  #complain(detail: string): void {
    if (detail === this.#failure || detail.endsWith("closed")) return;
    this.#failure = detail;
    this.#parts.emit({ type: "conntrack", change: "failed", detail });
  }
}

const NO_FLOW_ENDS: FlowEnds = {
  onApplied: () => undefined,
  settled: () => Promise.resolve(),
  close: () => undefined,
};

/** Ends nothing where there is no connection tracking. */
export const createFlowEnds = (parts: Parts): FlowEnds =>
  parts.conntrack === undefined ? NO_FLOW_ENDS : new ConntrackFlowEnds(parts.conntrack, parts);
