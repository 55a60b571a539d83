/**
 * Keeps the kernel's forwarding at what is wanted: plans, applies, and plans again when something changed meanwhile.
 *
 * One application runs at a time; changes that come while it runs are taken together by the next.
 */
import type { IpAddress } from "#base/address";
import { after, type Instant, micros, millis } from "#base/time";
import type { BackendKey, VirtualServer } from "#core/balance/model";
import { type Links, planDeadline, planForwarding } from "#core/balance/plan";
import type { Availability, ForwardingPlan } from "#core/balance/plan-model";
import type { Event } from "#core/observation/event";
import type { BalanceEngine } from "#drivers/nftables/port";
import type { Clock, Deadlines } from "#runtime/deadlines";

/** Pause before an application that failed is tried again. */
const RETRY = millis(2_000);
const DEADLINE_ID = "forwarding";

export type Forwarding = {
  /** Something that a plan depends on has changed. */
  update(): void;
  /** Resolves when nothing waits to be applied. */
  settled(): Promise<void>;
  /** Removes everything of ours from the kernel. */
  remove(): Promise<void>;
};

/** What a plan is made from, read anew each time. */
export type ForwardingInputs = {
  readonly servers: () => readonly VirtualServer[];
  readonly availability: (key: BackendKey) => Availability;
  /** The interfaces on which traffic for a virtual address arrives. */
  readonly ingress: (address: IpAddress) => readonly string[];
  readonly egress: Links["egress"];
};

/** Applies nothing until the first `update`. */
export const createForwarding = (parts: {
  readonly inputs: ForwardingInputs;
  readonly engine: BalanceEngine;
  readonly clock: Pick<Clock, "now">;
  readonly deadlines: Deadlines;
  readonly emit: (event: Event) => void;
}): Forwarding => {
  const { inputs, engine, clock, deadlines, emit } = parts;
  let plan: ForwardingPlan | undefined;
  let dirty = false;
  let running: Promise<void> | undefined;

  const schedule = (at: Instant | undefined): void => deadlines.set(DEADLINE_ID, at, update);

  const applyOnce = async (): Promise<void> => {
    const next = planForwarding({
      servers: inputs.servers(),
      availability: inputs.availability,
      links: { ingress: inputs.ingress, egress: inputs.egress },
      previous: plan,
      now: clock.now(),
    });
    const started = clock.now();
    const result = await engine.apply(next);
    if (!result.ok) {
      emit({ type: "forwarding-failed", detail: result.error.message });
      schedule(after(clock.now(), RETRY));
      return;
    }
    const isFirst = plan === undefined;
    plan = next;
    schedule(planDeadline(next));
    if (result.how === "unchanged" && !isFirst) return;
    emit({ type: "forwarding-applied", how: result.how, took: micros(clock.now() - started) });
  };

  const run = async (): Promise<void> => {
    while (dirty) {
      dirty = false;
      await applyOnce();
    }
    running = undefined;
  };

  function update(): void {
    dirty = true;
    running ??= run();
  }

  return {
    update,
    settled: async () => running,
    async remove() {
      dirty = false;
      await running;
      schedule(undefined);
      const result = await engine.remove();
      if (result.ok) emit({ type: "forwarding-applied", how: "removed", took: micros(0) });
      else emit({ type: "forwarding-failed", detail: result.error.message });
    },
  };
};
