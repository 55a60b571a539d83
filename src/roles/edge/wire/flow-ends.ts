/**
 * Ends the tracked flows of backends that can take nothing any more, after the plan that says so has come into force.
 *
 * Twice, a second apart: a packet that was under way when the plan changed may enter its flow into the table after it
 * was read.
 */
import { after, seconds } from "#base/time";
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
  #again: Ending[] = [];
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
    this.#again.push(...endings);
    const { clock, deadlines } = this.#parts;
    deadlines.set(DEADLINE_ID, after(clock.now(), AGAIN), () => this.#end(this.#again.splice(0)));
  }

  async settled(): Promise<void> {
    await this.#last;
  }

  close(): void {
    this.#parts.deadlines.set(DEADLINE_ID, undefined, () => undefined);
    this.#conntrack.close();
  }

  #end(endings: readonly Ending[]): void {
    this.#last = this.#last.then(async () => {
      for (const ending of endings) await this.#endOne(ending);
    });
  }

  /** A backend that has come back meanwhile keeps what it has. */
  async #endOne({ server, selector, backends }: Ending): Promise<void> {
    const gone = backends.filter(({ name }) => this.#unavailable.has(backendKey(server, name)));
    if (gone.length === 0) return;
    const result = await this.#conntrack.end(
      selector,
      gone.map(({ target }) => target),
    );
    if (result.ok && result.value > 0) {
      this.#parts.emit({
        type: "flows-ended",
        server,
        backends: gone.map(({ name }) => name),
        count: result.value,
      });
    }
    if (!result.ok) this.#complain(`${result.error.request}: ${result.error.code}`);
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
